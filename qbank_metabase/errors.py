"""What can go wrong with a push, in words for the person who reads them.

Belongs here: the exceptions of this room. Never here: handling them.
"""

from qbank.errors import QbankError


class MetabaseError(QbankError):
    """Base of everything this package raises on purpose."""


class ContentError(MetabaseError):
    """The content on disk is not valid: names the file, the value and the remedy."""


class ConnectionSettingsError(MetabaseError):
    """The address or the credentials of Metabase are missing or unusable."""


class ApiError(MetabaseError):
    """Metabase refused a request or could not be reached.

    Attributes:
        status: HTTP status, or None where no answer came.
    """

    def __init__(self, request: str, reason: str, status: int | None = None) -> None:
        self.status = status
        code = "" if status is None else f" ({status})"
        super().__init__(f"{request}{code}: {reason}")
