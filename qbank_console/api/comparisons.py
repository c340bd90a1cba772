"""Selection rules compared for an exam: the newest table, asking for another.

What never lives here: the comparison.
"""

from __future__ import annotations

from qbank_console.api.client import Api, Json


def read(api: Api, exam: str) -> Json:
    """The newest table (`newest`), and the newest request for one (`asked`); either may be None."""
    return dict(api.get(f"/exams/{exam}/comparison"))


def ask(api: Api, exam: str) -> None:
    """Asks for a comparison on the exam as it is now."""
    api.post(f"/exams/{exam}/comparison")
