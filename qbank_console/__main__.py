"""``python -m qbank_console``: starts the console with the flags that it needs, on loopback.

What never lives here: pages. Looks are in ``.streamlit/config.toml`` beside this file.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from qbank.errors import QbankError
from qbank_console.settings import ConsoleSettings

HERE = Path(__file__).resolve().parent


def arguments(settings: ConsoleSettings) -> list[str]:
    """The command line of ``streamlit``, after the program's name."""
    hosts = [f"--server.allowedHosts={name}" for name in settings.host_names]
    return [
        "run",
        str(HERE / "server.py"),
        f"--server.address={settings.console_host}",
        f"--server.port={settings.console_port}",
        *hosts,
    ]


def main() -> None:
    """Reads the settings and hands over to Streamlit; ends the process."""
    try:
        settings = ConsoleSettings.load()
    except QbankError as error:
        sys.exit(f"console: {error}")
    # Streamlit reads .streamlit/config.toml of the working directory
    os.chdir(HERE)
    from streamlit.web import cli

    cli.main(arguments(settings), prog_name="streamlit")


if __name__ == "__main__":
    main()
