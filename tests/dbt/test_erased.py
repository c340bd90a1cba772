"""After an erasure and a night no table has the person, and every mart is as without them."""

from __future__ import annotations

import pytest

from qbank.people import erase
from tests.dbt.test_changes import differences
from tests.dbt.test_incremental import contents
from tests.dbt.writing import Bank, days_ago
from tests.qbank.test_people import mentions
from tests.qbank.test_person_docs import ALL_STORED

ANNA, BEN, CAROL = "anna@example.org", "ben@example.org", "carol@example.org"


@pytest.mark.slow
def test_a_night_after_an_erasure_leaves_nothing_of_the_person(dbt, bank):
    noon, quizzes = str(days_ago(0)), {}
    bank.exam("first", policy={"unanswered": "wrong"})
    bank.exam("second")
    topic = bank.topic("Topic")
    questions = [bank.question(topic, "first", "second") for _ in range(6)]
    for person in (ANNA, BEN, CAROL):
        bank.owner.execute(
            """INSERT INTO cohort_assignments (user_id, cohort_key, cohort_value, tenant_id,
                assigned_at) VALUES (%s, 'trial', 'treated', %s, %s)""",
            (person, bank.tenant, days_ago(40)),
        )
        quizzes[person] = [
            bank.sitting(
                exam,
                person,
                {question: (question + day) % 3 > 0 for question in questions[: 6 - day % 2]},
                at=days_ago(day),
                theta_se=0.4,
                held_back=questions[5:],
            )
            for exam, day in (("first", 20), ("first", 11), ("second", 3))
        ]
    dbt.models(as_of=noon)
    assert {"fact_responses", "fact_sessions", "topic_mastery", "user_ability"} <= mentions(
        ANNA
    ).keys()
    assert unnamed(bank) == set()
    erase(ANNA)
    dbt.models(as_of=noon)
    assert mentions(ANNA, *quizzes[ANNA]) == {}
    nightly = contents(bank)
    dbt.models(as_of=noon, full_refresh=True)
    assert differences(nightly, contents(bank)) == []
    users = "SELECT DISTINCT user_id FROM analytics.fact_responses ORDER BY 1"
    assert bank.rows(users) == [(BEN,), (CAROL,)]


def unnamed(bank: Bank) -> set[tuple[str, str]]:
    """Columns of marts that lead to a person and that docs/core/people.md does not name."""
    found = bank.rows(
        """SELECT c.relnamespace::regnamespace::text || '.' || c.relname, a.attname::text
        FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
        WHERE a.attname IN ('user_id', 'quiz_id') AND (
            c.relnamespace = 'analytics'::regnamespace AND c.relkind IN ('r', 'p', 'v')
            OR c.relnamespace = 'analytics_staging'::regnamespace AND c.relkind IN ('r', 'p'))"""
    )
    return {*found} - {(stored.table, column) for stored in ALL_STORED for column in stored.columns}
