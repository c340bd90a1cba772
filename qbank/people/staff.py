"""What people did for the exams of others, by table: it stays when they are erased.

What never lives here: what is stored about them as they sat exams (``stored``).
"""

from __future__ import annotations

from typing import Final

from qbank.people.stored import TENANTS_EXAM, TENANTS_QUIZ, Stored
from qbank.system_user import SIGNED

_NAMES: Final = ", ".join(["%(person)s", *(f"'{sign}' || %(person)s" for sign in SIGNED)])


def by_person(*columns: str) -> str:
    """The condition that one of the columns says that it was the person, however it is signed."""
    return " OR ".join(f"t.{column} IN ({_NAMES})" for column in columns)


def _done(
    table: str, column: str, section: str, shown: str, of_tenant: str, also: str = ""
) -> Stored:
    """Rows that tell what a person did for the exams of others."""
    columns = tuple(filter(None, (column, also)))
    whose = f"({by_person(*columns)}) AND {of_tenant}"
    return Stored(table, columns, whose, "kept", section, shown)


_OF_QUESTION = """t.question_id IN (
    SELECT o.id FROM questions AS o WHERE o.tenant_id = %(tenant)s)"""
_OF_VERSION = """t.question_version_id IN (
    SELECT v.id FROM question_versions AS v JOIN questions AS o ON o.id = v.question_id
    WHERE o.tenant_id = %(tenant)s)"""
_OF_TENANT = "t.tenant_id = %(tenant)s"
_ITEM_OF_EXAM = "t.exam_code AS exam, t.question_id, t.version"
STAFF: Final = (
    _done("audit_log", "actor", "changes_made", "t.action, t.target, t.created_at", _OF_TENANT),
    _done("questions", "created_by", "questions_made", "t.id, t.created_at", _OF_TENANT),
    _done(
        "question_versions",
        "created_by",
        "versions_written",
        "t.question_id, t.version, t.created_at",
        _OF_QUESTION,
    ),
    _done(
        "question_reviews",
        "reviewer_id",
        "reviews",
        "t.question_version_id, t.status, t.comments_md AS comments, t.created_at",
        _OF_VERSION,
    ),
    _done(
        "import_batches",
        "imported_by",
        "imports",
        "t.id, t.kind, t.exam_code AS exam, t.source_name, t.created_at",
        TENANTS_EXAM,
        also="undone_by",
    ),
    _done(
        "data_requests",
        "requested_by",
        "asked_for_over_the_api",
        "t.id, t.kind, t.exam, t.file_name, t.created_at",
        _OF_TENANT,
    ),
    _done("scoring_rules", "set_by", "keys_set", f"{_ITEM_OF_EXAM}, t.created_at", TENANTS_EXAM),
    _done(
        "response_history",
        "changed_by",
        "answers_changed",
        "t.import_batch_id AS import, t.created_at",
        TENANTS_QUIZ,
    ),
    _done("quiz_results", "made_by", "results_made", "t.name, t.created_at", TENANTS_QUIZ),
    _done(
        "calibration_runs",
        "requested_by",
        "calibrations_asked_for",
        "t.id, t.kind, t.exam_code AS exam, t.created_at",
        TENANTS_EXAM,
    ),
    _done(
        "item_exposure_control",
        "updated_by",
        "exposure_set",
        f"{_ITEM_OF_EXAM}, t.sh_p, t.updated_at",
        TENANTS_EXAM,
    ),
    _done(
        "item_exposure_history",
        "actor",
        "exposure_changes",
        f"{_ITEM_OF_EXAM}, t.before, t.after, t.at",
        TENANTS_EXAM,
    ),
    _done(
        "item_flag_decisions",
        "decided_by",
        "flags_decided_on",
        "t.flag_id, t.question_id, t.action, t.reason, t.assignee, t.snoozed_until, t.created_at",
        _OF_TENANT,
        also="assignee",
    ),
)
