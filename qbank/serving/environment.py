"""The environment that Dagster's processes need: a home folder and the address of their storage.

What never lives here: importing Dagster.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

import psycopg

from qbank import postgres
from qbank.errors import QbankError
from qbank.postgres.folders import make_home
from qbank.project_files import project_file
from qbank.settings import Settings, get_settings


def dagster_environment(settings: Settings | None = None) -> dict[str, str]:
    """Makes ``home/dagster`` with its ``dagster.yaml`` and returns the variables to add.

    Starts the embedded server where it is used, for the storage's address names its port.

    Raises:
        SettingsError: this installation carries no configuration of Dagster.
    """
    settings = settings or get_settings()
    source = project_file("deploy/dagster/dagster.yaml")
    folder = make_home(settings) / "dagster"
    folder.mkdir(mode=0o700, exist_ok=True)
    _replace(folder / "dagster.yaml", source.read_text())
    return {
        "DAGSTER_HOME": str(folder),
        "QBANK_DAGSTER_URL": postgres.dagster_url(settings),
        "QBANK_HOME": str(settings.home),
        "QBANK_PROJECT_DIR": str(settings.project_dir),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "GX_ANALYTICS_ENABLED": "false",
    }


def withdraw_daemon(settings: Settings) -> None:
    """Takes back the signs of life of a daemon that was stopped, so that no command waits for it.

    Another daemon on the same storage gives its own again within half a minute.
    """
    with suppress(psycopg.Error, QbankError):  # a database that is away has nobody to tell
        storage = postgres.dagster_database(settings)
        with postgres.connect(
            "orchestration", settings=settings, database=storage, timeout_s=2.0
        ) as conn:
            conn.execute("DELETE FROM daemon_heartbeats")


def _replace(path: Path, text: str) -> None:
    """Writes a file as a whole: other processes read it at the same moment."""
    if path.exists() and path.read_text() == text:
        return
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
        file.write(text)
    os.chmod(file.name, 0o600)
    Path(file.name).replace(path)
