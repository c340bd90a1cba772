"""Requests of calibration work, each declared once.

What never lives here: carrying a request out, and reading the exam that it is for.
"""

from qbank.errors import RequestError
from qbank.requests.allowed import Allowed
from qbank.requests.base import Asked, Request, Unit, asks, marker, with_fields
from qbank.requests.exposure import Reestimation, Rollback, SympsonHetter
from qbank.requests.parameters import IrtFit

REQUESTS: dict[str, type[Request]] = {
    request.kind: request for request in (IrtFit, SympsonHetter, Reestimation, Rollback)
}

__all__ = [
    "REQUESTS",
    "Allowed",
    "Asked",
    "IrtFit",
    "Reestimation",
    "Request",
    "RequestError",
    "Rollback",
    "SympsonHetter",
    "Unit",
    "asks",
    "marker",
    "with_fields",
]
