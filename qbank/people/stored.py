"""Every table that tells of a person: which of its rows do, and what becomes of them.

Erasure, the personal export and docs/core/people.md follow this list, and a test holds the list to
the schema. Parameters of the conditions are ``person`` and ``tenant``; the table's alias is ``t``.
What never lives here: doing it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from qbank.importing.items import ITEM_NAME

Fate = Literal["removed", "name removed", "kept", "gone with the next night"]


@dataclass(frozen=True)
class Stored:
    """Rows of one table that tell of a person.

    Attributes:
        table: its name, with the schema where that is not ``public``.
        columns: those that name the person, or lead to them.
        whose: which rows are the person's.
        fate: what an erasure does with them.
        section: what an export calls them; None where they say what others say already.
        shown: what an export shows of a row.
        joined: tables that it shows columns of.
        order: of the rows.
    """

    table: str
    columns: tuple[str, ...]
    whose: str
    fate: Fate
    section: str | None = None
    shown: str = "t.*"
    joined: str = ""
    order: str = "t.created_at"

    def counted(self) -> str:
        """The query that counts a person's rows."""
        return f"SELECT count(*) FROM {self.table} AS t WHERE {self.whose}"  # noqa: S608

    def selected(self) -> str:
        """The query that shows them."""
        return (
            f"SELECT {self.shown} FROM {self.table} AS t {self.joined} "  # noqa: S608
            f"WHERE {self.whose} ORDER BY {self.order}"
        )


# the quizzes that it was decided to look at: what is made meanwhile is another matter
QUIZZES: Final = """
CREATE TEMP TABLE person_quizzes ON COMMIT DROP AS
SELECT id AS quiz_id FROM quiz_sessions WHERE tenant_id = %(tenant)s AND user_id = %(person)s
"""
_OF_QUIZ = "t.quiz_id IN (SELECT p.quiz_id FROM person_quizzes AS p)"
_OF_USER = "t.tenant_id = %(tenant)s AND t.user_id = %(person)s"
_ITEM = "LEFT JOIN questions AS q ON q.id = t.question_id"
_IMPORT = "LEFT JOIN import_batches AS b ON b.id = t.import_batch_id"
_MENTIONED = """t.tenant_id = %(tenant)s AND t.action = 'cohort.unassign'
    AND right(t.target, length(%(person)s) + 6) = ' user=' || %(person)s"""
# an assignment without a tenant holds in every one, where the name may be somebody else's
_ASSIGNED = """t.user_id = %(person)s AND (t.tenant_id = %(tenant)s OR t.tenant_id IS NULL
    AND NOT EXISTS (SELECT FROM quiz_sessions AS o
        WHERE o.user_id = %(person)s AND o.tenant_id <> %(tenant)s))"""
# replies of others may name the person; for a day they answer a request that comes again
_REPLIED = """t.tenant_id = %(tenant)s AND (t.user_id = %(person)s
    OR strpos(t.body, to_json(%(person)s::text)::text) > 0)"""
_TENANTS_EXAM = "t.exam_code IN (SELECT e.exam_code FROM exams AS e WHERE e.tenant_id = %(tenant)s)"
_TENANTS_QUIZ = """(SELECT s.tenant_id FROM quiz_sessions AS s
    WHERE s.id = t.quiz_id) = %(tenant)s"""

# in the order in which rows go, so that nothing refers to what is gone
PERSONAL: Final = (
    Stored(
        "people_changes",
        ("user_id",),
        _OF_USER,
        "removed",
        "changes_of_attributes",
        "t.name, t.was, t.value, t.import_batch_id AS import, t.created_at",
        order="t.id",
    ),
    Stored(
        "people",
        ("user_id", "attributes"),
        _OF_USER,
        "removed",
        "attributes",
        "t.attributes, t.created_at, t.changed_at",
    ),
    Stored(
        "user_responses",
        ("user_id", "quiz_id"),
        _OF_QUIZ,
        "removed",
        "answers",
        f"""t.quiz_id, {ITEM_NAME} AS item, t.version, t.option_label AS option, t.is_correct,
        t.is_void, t.time_taken_ms, t.created_at AS answered_at, t.recorded_at,
        t.import_batch_id AS import, b.source_name AS imported_from""",
        f"{_ITEM} {_IMPORT}",
        "t.created_at, t.id",
    ),
    Stored(
        "quiz_results",
        ("quiz_id",),
        _OF_QUIZ,
        "removed",
        "results",
        """t.quiz_id, t.revision, t.name, t.answered, t.correct, t.theta AS ability,
        t.theta_se AS ability_se, t.model, t.items, t.why, t.created_at""",
        order="t.created_at, t.quiz_id, t.revision",
    ),
    Stored(
        "response_history",
        ("quiz_id",),
        _OF_QUIZ,
        "removed",
        "answers_as_they_were",
        f"""t.quiz_id, {ITEM_NAME} AS item, t.version, t.was_option_label AS option,
        t.was_correct AS is_correct, t.was_void AS is_void, t.was_time_taken_ms AS time_taken_ms,
        t.was_created_at AS answered_at, t.created_at AS changed_at,
        t.import_batch_id AS changed_by_import""",
        _ITEM,
        "t.id",
    ),
    Stored(
        "quiz_items",
        ("quiz_id",),
        _OF_QUIZ,
        "removed",
        "items_served",
        f"""t.quiz_id, t.position, {ITEM_NAME} AS item, t.version, t.served_at, t.selector,
        t.theta_before AS ability_before""",
        _ITEM,
        "t.served_at, t.quiz_id, t.position",
    ),
    Stored(
        "quiz_sessions",
        ("user_id", "id"),
        "t.id IN (SELECT p.quiz_id FROM person_quizzes AS p)",
        "removed",
        "sittings",
        """t.id AS quiz_id, t.exam_code AS exam, t.mode, t.adaptive, t.selector, t.num_questions,
        t.filters AS asked_for, t.theta AS ability, t.theta_se AS ability_se, t.started_at,
        t.expires_at, t.sealed_at AS finished_at""",
        order="t.started_at, t.id",
    ),
    Stored(
        "cohort_assignments",
        ("user_id",),
        _ASSIGNED,
        "removed",
        "experiment_arms",
        "t.cohort_key AS experiment, t.cohort_value AS arm, t.assigned_at",
        order="t.assigned_at, t.cohort_key",
    ),
    Stored(
        "idempotent_requests",
        ("user_id", "body"),
        _REPLIED,
        "removed",
        "requests_of_the_last_day",
        "t.key, t.status, t.created_at",
    ),
    Stored(
        "audit_log",
        ("target",),
        _MENTIONED,
        "name removed",
        "named_in_the_audit_log",
        "t.action, t.target, t.created_at",
        order="t.id",
    ),
)

DERIVED: Final = (
    Stored("analytics.fact_sessions", ("user_id", "quiz_id"), _OF_USER, "gone with the next night"),
    Stored(
        "analytics.fact_responses", ("user_id", "quiz_id"), _OF_USER, "gone with the next night"
    ),
    Stored("analytics.irt_responses", ("user_id", "quiz_id"), _OF_USER, "gone with the next night"),
    Stored(
        "analytics.topic_mastery",
        ("user_id",),
        _OF_USER,
        "gone with the next night",
        "topic_mastery",
        """t.exam_code AS exam, t.topic_id, t.attempts, t.correct, t.mastery, t.mastery_se,
        t.mean_time_ms, t.last_seen_at""",
        order="t.exam_code, t.topic_id",
    ),
    Stored(
        "analytics.user_ability",
        ("user_id", "quiz_id"),
        _OF_USER,
        "gone with the next night",
        "abilities",
        """t.exam_code AS exam, t.theta AS ability, t.theta_se AS ability_se, t.quiz_id,
        t.responses, t.sessions_scored, t.estimated_at""",
        order="t.exam_code",
    ),
    Stored(
        "mart_replaced",
        ("user_id", "quiz_id"),
        f"t.user_id = %(person)s AND {_TENANTS_EXAM}",
        "gone with the next night",
    ),
    Stored(
        "source_changes",
        ("key",),
        "t.kind = 'user' AND t.key = %(person)s",
        "gone with the next night",
    ),
)


def _done(
    table: str, column: str, section: str, shown: str, of_tenant: str, also: str = ""
) -> Stored:
    """Rows that tell what a person did for the exams of others."""
    columns = tuple(filter(None, (column, also)))
    named = " OR ".join(f"t.{name} = %(person)s" for name in columns)
    return Stored(table, columns, f"({named}) AND {of_tenant}", "kept", section, shown)


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
        _TENANTS_EXAM,
        also="undone_by",
    ),
    _done("scoring_rules", "set_by", "keys_set", f"{_ITEM_OF_EXAM}, t.created_at", _TENANTS_EXAM),
    _done(
        "response_history",
        "changed_by",
        "answers_changed",
        "t.import_batch_id AS import, t.created_at",
        _TENANTS_QUIZ,
    ),
    _done("quiz_results", "made_by", "results_made", "t.name, t.created_at", _TENANTS_QUIZ),
    _done(
        "calibration_runs",
        "requested_by",
        "calibrations_asked_for",
        "t.id, t.kind, t.exam_code AS exam, t.created_at",
        _TENANTS_EXAM,
    ),
    _done(
        "item_exposure_control",
        "updated_by",
        "exposure_set",
        f"{_ITEM_OF_EXAM}, t.sh_p, t.updated_at",
        _TENANTS_EXAM,
    ),
    _done(
        "item_exposure_history",
        "actor",
        "exposure_changes",
        f"{_ITEM_OF_EXAM}, t.before, t.after, t.at",
        _TENANTS_EXAM,
    ),
)


def all_stored() -> Iterator[Stored]:
    """All of them."""
    yield from (*PERSONAL, *DERIVED, *STAFF)
