"""The Dagster instance: its home folder, its storage in Postgres.

What never lives here: what runs on it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from qbank import postgres
from qbank.errors import QbankError
from qbank.settings import get_settings

if TYPE_CHECKING:
    from dagster import DagsterInstance


def environment() -> dict[str, str]:
    """What every Dagster process needs: its home, made where it is missing, and its storage.

    Raises:
        QbankError: ``deploy/dagster/dagster.yaml`` is missing from the project folder.
    """
    settings = get_settings()
    home = settings.home.resolve() / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    source = settings.project_dir / "deploy" / "dagster" / "dagster.yaml"
    if not source.exists():
        raise QbankError(f"{source} is missing: set QBANK_PROJECT_DIR to the checkout")
    _put(home / "dagster.yaml", source.read_text())
    return {
        "DAGSTER_HOME": str(home),
        "QBANK_DAGSTER_URL": postgres.dagster_url(),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "GX_ANALYTICS_ENABLED": "false",
    }


@contextmanager
def instance() -> Iterator[DagsterInstance]:
    """The instance that Dagit shows, for work in this process."""
    os.environ.update(environment())
    import dagster as dg

    with dg.DagsterInstance.get() as opened:
        yield opened


def _put(path: Path, text: str) -> None:
    """Writes a file as a whole or not at all; other processes read it at the same moment."""
    if path.exists() and path.read_text() == text:
        return
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
        file.write(text)
    Path(file.name).replace(path)
