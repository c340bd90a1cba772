"""Technical reports: the newest of an exam, its files, asking for another.

What never lives here: what a report says (``qbank.reporting``).
"""

from __future__ import annotations

from collections.abc import Sequence

from qbank.vocabulary import ReportForm
from qbank_console.api.client import Api, ApiError, Json


def newest(api: Api, exam: str) -> Json | None:
    """What the newest report of an exam is about; None where there is none yet."""
    try:
        return dict(api.get(f"/exams/{exam}/report"))
    except ApiError as error:
        if error.status == 404:
            return None
        raise


def file(api: Api, exam: str, form: ReportForm) -> bytes:
    """One of its files."""
    return api.download(f"/exams/{exam}/report/files/{form}")


def ask(api: Api, exam: str, cuts: Sequence[float]) -> str:
    """Asks for a report of the exam as it is now; gives the request's id."""
    return str(api.post(f"/exams/{exam}/report", {"cuts": list(cuts)})["id"])


def request(api: Api, exam: str, request_id: str) -> Json:
    """How far a request is: state, error, is_new."""
    return dict(api.get(f"/exams/{exam}/report/requests/{request_id}"))
