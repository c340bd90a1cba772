"""Exams made and changed, each in one statement with its row in the audit log.

What never lives here: what can be set (``settings``), and reading exams (``stores.item_bank``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb
from pydantic import ValidationError

from qbank.attempts import AttemptPolicy
from qbank.exams.pretest import PretestPolicy
from qbank.exams.settings import (
    CODE,
    COLUMNS,
    PARTS,
    ExamSettings,
    Part,
    Setting,
    place,
    read,
    said,
    settings,
)
from qbank.requests import IrtFit, Reestimation, RequestError, SympsonHetter
from qbank.stores import item_bank, topic_names
from qbank.stores.audit import Audit
from qbank.stores.errors import ConflictError
from qbank.stores.item_bank import Exam


@dataclass(frozen=True)
class Change:
    """One setting before and after; None where it is left out."""

    setting: Setting
    before: Any
    after: Any


def create(
    conn: Connection[Any],
    tenant_id: str,
    exam_code: str,
    given: Mapping[str, Any],
    *,
    audit: Audit,
) -> tuple[Exam, bool]:
    """Makes an exam, and whether it was made; the same again is the same exam.

    Args:
        conn: an open connection; the caller commits.
        tenant_id: whose exam it is.
        exam_code: letters, digits, ``_ . -``, at most 64. Another tenant may have it as well: the
            exam's key is then its code with the tenant.
        given: settings as :class:`ExamSettings` has them.
        audit: notes the change.

    Raises:
        RequestError: a setting is wrong.
        ConflictError: the tenant's exam of this code has other settings.
    """
    if not re.fullmatch(CODE, exam_code):
        raise RequestError(
            f"exam code {exam_code!r} cannot be used: give at most 64 letters, digits, _ . -,"
            " the first a letter or a digit"
        )
    if not tenant_id or "\x00" in tenant_id:
        raise RequestError(f"tenant {tenant_id!r} cannot be used: give text")
    defaults: dict[str, Any] = {one.name: one.default for one in settings() if one.path in COLUMNS}
    blank = Exam(exam_code, tenant_id, policy={}, created_at=datetime.now(UTC), **defaults)
    wanted = applied(blank, {"title": None} | read(given))
    _check(conn, wanted)
    made = _inserted(conn, wanted)
    if made:
        audit("exam.create", f"exam={exam_code}", **_document(wanted))
    exam = item_bank.exam(conn, exam_code, tenant_id=tenant_id)
    other = [] if made else changes(wanted, exam)
    if other:
        first = other[0]
        raise ConflictError(
            f"exam {exam_code!r} exists, with {first.setting.path} {shown(first.after)} and not"
            f" {shown(first.before)}: change it, or choose another code"
        )
    return exam, made


def _inserted(conn: Connection[Any], exam: Exam) -> bool:
    """Writes a new exam under the code alone, or with its tenant where another one has that."""
    names = ", ".join(COLUMNS)
    values = {column: getattr(exam, column) for column in COLUMNS} | {
        "code": exam.exam_code,
        "tenant": exam.tenant_id,
        "policy": Jsonb(exam.policy),
    }
    given = ", ".join(f"%({column})s" for column in COLUMNS)
    # the same code of the same tenant is the same exam, under whichever key
    for key in ("%(code)s", "exam_key(%(code)s, %(tenant)s)"):
        sql = f"""INSERT INTO exams (exam_code, tenant_id, policy, {names})
            VALUES ({key}, %(tenant)s, %(policy)s, {given}) ON CONFLICT DO NOTHING"""  # noqa: S608
        if conn.execute(sql, values).rowcount == 1:
            return True
    return False


def change(
    conn: Connection[Any],
    exam_code: str,
    given: Mapping[str, Any],
    *,
    audit: Audit,
    tenant_id: str | None = None,
) -> tuple[Exam, tuple[Change, ...]]:
    """Changes what is given and leaves the rest; None takes a setting back to its default.

    Returns:
        The exam as it is now, and what changed.

    Raises:
        NotFoundError: no such exam of the tenant.
        RequestError: a setting is wrong; nothing is changed.
    """
    given = read(given)
    before = item_bank.held(conn, exam_code, tenant_id=tenant_id)
    exam_code = before.exam_code
    after = applied(before, given)
    _check(conn, after)
    changed = changes(before, after)
    if after == before:
        return before, ()
    sql = f"""UPDATE exams SET policy = %s, {", ".join(f"{c} = %s" for c in COLUMNS)}
        WHERE exam_code = %s"""  # noqa: S608
    values = [Jsonb(after.policy), *(getattr(after, column) for column in COLUMNS), exam_code]
    conn.execute(sql, values)
    audit(
        "exam.change",
        f"exam={before.code}",
        before={one.setting.path: one.before for one in changed},
        after={one.setting.path: one.after for one in changed},
    )
    return after, changed


def applied(exam: Exam, given: Mapping[str, Any]) -> Exam:
    """The exam with settings that were judged; None is the default again."""
    columns: dict[str, Any] = {}
    policy = dict(exam.policy)
    for part in PARTS:
        asked = given if not part.name else given.get(part.name, {})
        target = dict(_own(exam, part)) if part.key else policy
        for setting in settings(part):
            if asked is not None and setting.name not in asked:
                continue
            value = None if asked is None else asked[setting.name]
            if setting.path in COLUMNS:
                columns[setting.name] = setting.default if value is None else value
            elif value is None and not (setting.allows_none and asked is not None):
                target.pop(setting.name, None)
            else:
                target[setting.name] = value
        if part.key and part.name in given:
            policy = {name: value for name, value in policy.items() if name != part.key}
            policy |= {part.key: target} if target else {}
    if columns.get("title", "") is None:
        columns["title"] = exam.code
    return replace(exam, **columns, policy=policy)


def changes(before: Exam, after: Exam) -> tuple[Change, ...]:
    """The settings that differ."""
    return tuple(
        Change(setting, old.get(setting.path), new.get(setting.path))
        for old, new in [(own(before), own(after))]
        for setting in settings()
        if (setting.path in old) != (setting.path in new)
        or old.get(setting.path) != new.get(setting.path)
    )


def own(exam: Exam) -> dict[str, Any]:
    """The settings that the exam has a value of its own for, by path."""
    return {
        setting.path: values[setting.name]
        for part in PARTS
        for values in [_own(exam, part)]
        for setting in settings(part)
        if setting.name in values
    }


def in_force(exam: Exam) -> tuple[ExamSettings, tuple[str, ...]]:
    """All settings with their defaults filled in, and what is wrong with the stored ones.

    Somebody may have written the policy past this room: a wrong value shows as its default.
    """
    wrong: list[str] = []
    stored = own(exam)
    while True:
        try:
            return ExamSettings.model_validate(_filled_in(stored)), tuple(wrong)
        except ValidationError as error:
            first = error.errors()[0]
            wrong.append(said(first))
            where = ".".join(str(step) for step in first["loc"])
            bad = [path for path in stored if where == path or where.startswith(f"{path}.")]
            stored = {path: value for path, value in stored.items() if path not in bad}
            if not bad:
                raise


def shown(value: Any) -> str:
    """A value as people read it."""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "–" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _filled_in(stored: Mapping[str, Any]) -> dict[str, Any]:
    filled: dict[str, Any] = {}
    for setting in settings():
        place(filled, setting, stored.get(setting.path, setting.default))
    return filled


def _document(exam: Exam) -> dict[str, Any]:
    return {column: getattr(exam, column) for column in COLUMNS} | {"policy": exam.policy}


def _own(exam: Exam, part: Part) -> Mapping[str, Any]:
    """A part's stored values; of a policy that is no object nothing is kept."""
    if not part.name:
        return exam.policy | {column: getattr(exam, column) for column in COLUMNS}
    values = exam.policy.get(part.key, {}) if part.key else exam.policy
    if not isinstance(values, Mapping):
        return {}
    return {name: value for name, value in values.items() if name in part.model.model_fields}


def _check(conn: Connection[Any], exam: Exam) -> None:
    """Reads the settings as those read them who work by them."""
    AttemptPolicy.of(exam.code, exam.policy)
    PretestPolicy.of(exam.code, exam.policy)
    IrtFit.resolve(exam, {})
    Reestimation.resolve(exam, {}, day=date.min)
    asked = SympsonHetter.resolve(exam, {})
    capped = {**(asked.topic_tau or {}), **(asked.topic_weights or {})}
    if capped:
        topic_names.find_all(item_bank.topics(conn, exam.tenant_id), capped)
