"""Exams at the API's door: callers name them by the codes of their tenant, and read no others.

A key of an exam tells that another tenant has the code as well, so none leaves here. Which key a
code is of, the tenant's rows say (``item_bank.own_key``).

What never lives here: routes.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator

from qbank.postgres import Connection
from qbank.stores import item_bank
from qbank.stores.runs import Run
from qbank.vocabulary import code_of

ShownExam = Annotated[str, AfterValidator(code_of)]
"""What a caller is told of an exam's key."""
ByExam = Annotated[
    dict[str, int],
    BeforeValidator(lambda by: {code_of(exam): value for exam, value in by.items()}),
]

# as messages and targets of the audit log name an exam
_NAMED: Final = re.compile(r"(\bexam[ =]'?[A-Za-z0-9][A-Za-z0-9_.-]*)@[A-Za-z0-9_.-]+")


def key_of(conn: Connection, tenant_id: str, code: str | None) -> str | None:
    """The key of the tenant's exam; of one that is not there its code, and None of none."""
    return None if code is None else item_bank.own_key(conn, tenant_id, code)


def in_codes(text: str) -> str:
    """The text with exams by their codes."""
    return _NAMED.sub(r"\1", text)


def told_in_codes(value: Any) -> Any:
    """What is told, texts within it included, with exams by their codes."""
    if isinstance(value, str):
        return in_codes(value)
    if isinstance(value, dict):
        return {name: told_in_codes(item) for name, item in value.items()}
    if isinstance(value, list):
        return [told_in_codes(item) for item in value]
    return value


def run_in_codes(run: Run) -> Run:
    """The run with its exam by its code, in all that it says."""
    key, code = run.exam_code, code_of(run.exam_code)
    if key == code:
        return run
    told = {
        name: _replaced(getattr(run, name), key, code)
        for name in ("params", "history", "result", "error", "stopped_reason")
    }
    return replace(run, exam_code=code, **told)


def _replaced(value: Any, key: str, code: str) -> Any:
    if isinstance(value, str):
        return value.replace(key, code)
    if isinstance(value, dict):
        return {name: _replaced(item, key, code) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_replaced(item, key, code) for item in value]
    return value
