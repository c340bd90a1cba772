"""Errors of the core. A message names the thing, the value and the remedy.

The command line prints any :class:`QbankError` as one line and exits with 2. What never lives
here: errors of the science (``calibration.errors``).
"""

from __future__ import annotations


class QbankError(Exception):
    """Something the caller can put right; the message says how."""


class SettingsError(QbankError):
    """A ``QBANK_…`` variable has a value that cannot be used."""


class DatabaseUnavailableError(QbankError):
    """Postgres did not answer within the time allowed."""


class EmbeddedServerError(QbankError):
    """The embedded Postgres cannot be made, started or removed."""


class MigrationError(QbankError):
    """The schema cannot be brought to the wanted state."""


class BackupError(QbankError):
    """A backup cannot be made, read or restored."""


class ImportFileError(QbankError):
    """A file of responses cannot be imported as asked."""


class ExportError(QbankError):
    """What an exam has cannot be written to a file as asked."""


class PersonError(QbankError):
    """What is stored about a person cannot be given out or erased as asked."""


class UnknownPersonError(PersonError):
    """Nothing is stored about a person."""


class RequestError(QbankError):
    """A request parameter is unknown, out of its range, or contradicts another."""
