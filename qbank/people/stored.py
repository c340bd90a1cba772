"""Every table that tells of a person: which of its rows do, and what becomes of them.

Erasure, the personal export and docs/core/people.md follow these lists and that of ``staff``, and a
test holds them to the schema. Parameters of the conditions are ``person`` and ``tenant``; the
table's alias is ``t``. What never lives here: doing it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from qbank.importing.items import ITEM_NAME
from qbank.people.mentions import (
    ASKED,
    OF_SITTINGS,
    POLICY,
    REPLY,
    REPORTED,
    SETTINGS,
    UNASSIGNED,
    Mention,
)

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
        without: what takes the person's name out of a row that stays.
    """

    table: str
    columns: tuple[str, ...]
    whose: str
    fate: Fate
    section: str | None = None
    shown: str = "t.*"
    joined: str = ""
    order: str = "t.created_at"
    without: str = ""

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
# an assignment without a tenant holds in every one, where the name may be somebody else's
_ASSIGNED = """t.user_id = %(person)s AND (t.tenant_id = %(tenant)s OR t.tenant_id IS NULL
    AND NOT EXISTS (SELECT FROM quiz_sessions AS o
        WHERE o.user_id = %(person)s AND o.tenant_id <> %(tenant)s))"""
TENANTS_EXAM = "t.exam_code IN (SELECT e.exam_code FROM exams AS e WHERE e.tenant_id = %(tenant)s)"
TENANTS_QUIZ = """(SELECT s.tenant_id FROM quiz_sessions AS s
    WHERE s.id = t.quiz_id) = %(tenant)s"""


def _named(
    table: str, column: str, mention: Mention, section: str, shown: str, order: str = "t.created_at"
) -> Stored:
    """Rows of others that name the person, and stay without the name."""
    return Stored(
        table,
        (column,),
        mention.of_tenant,
        "name removed",
        section,
        shown,
        order=order,
        without=mention.without,
    )


# rows that an import refused, and what was given out, also about others whom it names with the
# person; a name may stand across two pieces
_KEPT = """t.what IN ('rejects', 'document') AND t.request_id IN (
    SELECT f.request_id FROM data_request_files AS f
    JOIN data_requests AS r ON r.id = f.request_id
    LEFT JOIN data_request_files AS n
        ON (n.request_id, n.what, n.position) = (f.request_id, f.what, f.position + 1)
    CROSS JOIN LATERAL (SELECT f.data || coalesce(substr(n.data, 1, 1024), '') AS data) AS whole
    WHERE r.tenant_id = %(tenant)s AND f.what IN ('rejects', 'document') AND (
        r.person = %(person)s
        OR position(convert_to(%(person)s, 'UTF8') IN whole.data) > 0
        OR position(convert_to(
            trim(BOTH '"' FROM to_json(%(person)s::text)::text), 'UTF8') IN whole.data) > 0))"""
_REQUEST = "t.key, t.status, t.created_at"
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
        "event_outbox",
        ("aggregateid", "payload"),
        "t.tenant_id = %(tenant)s AND t.payload ->> 'user_id' = %(person)s",
        "removed",
        "events_not_older_than_the_outbox",
        "t.type, t.payload, t.occurred_at",
        order="t.occurred_at, t.position",
    ),
    Stored(
        "user_responses",
        ("user_id", "quiz_id"),
        _OF_QUIZ,
        "removed",
        "answers",
        f"""t.quiz_id, {ITEM_NAME} AS item, t.version, t.option_label AS option, t.is_correct,
        t.score, t.max_score, t.is_void, t.time_taken_ms, t.created_at AS answered_at,
        t.recorded_at, t.import_batch_id AS import, b.source_name AS imported_from""",
        f"{_ITEM} {_IMPORT}",
        "t.created_at, t.id",
    ),
    Stored("quiz_events", ("quiz_id",), _OF_QUIZ, "removed"),
    # before the results, which would queue what is left of them
    Stored(
        "lti_scores",
        ("quiz_id",),
        _OF_QUIZ,
        "removed",
        "scores_for_learning_platforms",
        """t.quiz_id, t.revision, t.score_given, t.score_maximum, t.scored_at, t.state,
        t.sent_at""",
        order="t.id",
    ),
    Stored("lti_quizzes", ("quiz_id",), _OF_QUIZ, "removed"),
    Stored(
        "lti_launches",
        ("user_id",),
        _OF_USER,
        "removed",
        "launches_from_learning_platforms",
        """p.name AS platform, t.exam_code AS exam, t.deployment_id, t.resource_link_id,
        t.line_item_url, t.created_at""",
        "JOIN lti_platforms AS p ON p.id = t.platform_id",
    ),
    Stored(
        "lti_people",
        ("user_id", "subject"),
        _OF_USER,
        "removed",
        "ids_at_learning_platforms",
        "t.issuer, t.subject, t.created_at",
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
        t.was_correct AS is_correct, t.was_score AS score, t.was_max_score AS max_score,
        t.was_void AS is_void, t.was_time_taken_ms AS time_taken_ms,
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
        t.theta_before AS ability_before, t.option_order""",
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
        t.expires_at, t.sealed_at AS finished_at, t.voided_at""",
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
        ("user_id",),
        _OF_USER,
        "removed",
        "requests_of_the_last_day",
        _REQUEST,
    ),
    _named("idempotent_requests", "body", REPLY, "named_in_replies_of_the_last_day", _REQUEST),
    _named(
        "data_requests",
        "report",
        REPORTED,
        "named_in_reports_of_imports",
        "t.id, t.file_name, t.created_at",
    ),
    Stored("data_request_files", ("data",), _KEPT, "removed"),
    # an export tells of what is stored, not of itself
    Stored(
        "data_requests",
        ("person",),
        ASKED.of_tenant,
        "name removed",
        without=ASKED.without,
    ),
    # before the audit log: who changes an exam meanwhile has noted it there, or waits
    _named(
        "exams",
        "policy",
        POLICY,
        "accommodations",
        f"t.exam_code AS exam, {POLICY.told}",
        "t.exam_code",
    ),
    _named(
        "audit_log",
        "details",
        SETTINGS,
        "accommodations_in_the_audit_log",
        f"t.action, t.target, {SETTINGS.told}, t.created_at",
        "t.id",
    ),
    _named(
        "audit_log",
        "target",
        UNASSIGNED,
        "named_in_the_audit_log",
        "t.action, t.target, t.created_at",
        "t.id",
    ),
    Stored(
        "audit_log",
        ("target", "details"),
        OF_SITTINGS.of_tenant,
        "name removed",
        "changes_of_sittings",
        f"t.action, t.target, {OF_SITTINGS.told}, t.created_at",
        order="t.id",
        without=OF_SITTINGS.without,
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
        f"t.user_id = %(person)s AND {TENANTS_EXAM}",
        "gone with the next night",
    ),
    Stored(
        "source_changes",
        ("key",),
        "t.kind = 'user' AND t.key = %(person)s",
        "gone with the next night",
    ),
)
