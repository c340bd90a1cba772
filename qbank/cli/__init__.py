"""The ``qbank`` command. Commands translate: arguments in, one call of the core, text out.

Heavy libraries are imported inside a command, so that ``qbank --help`` stays quick. Commands of
the rooms that build on the core come in by the entry-point group ``qbank.commands``.
What never lives here: work that a library caller would want too.
"""

from __future__ import annotations

import os
import sys

from qbank.cli.commands import tree
from qbank.errors import QbankError
from qbank.wording import one_line


def main() -> None:
    """Runs the command line; an error is one line on stderr and exit code 2.

    ``QBANK_DEBUG=1`` shows the traceback instead.
    """
    try:
        tree()()
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if os.environ.get("QBANK_DEBUG", "") not in ("", "0"):
            raise
        foreseen = isinstance(error, (QbankError, *_calibration_errors()))
        text = one_line(error)
        if not foreseen:
            text = f"{type(error).__name__}: {text} (QBANK_DEBUG=1 shows where)"
        print(f"qbank: {text}", file=sys.stderr)
        sys.exit(2 if foreseen else 1)


def _calibration_errors() -> tuple[type[Exception], ...]:
    """The science's refusals, if it was imported at all: its import takes a second."""
    module = sys.modules.get("calibration.errors")
    return () if module is None else (module.CalibrationError,)
