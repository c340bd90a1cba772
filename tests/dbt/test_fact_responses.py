"""One fact row a response, exactly: whatever is published where, whenever it comes in."""

from __future__ import annotations

import pytest

from qbank.postgres import connect
from tests.dbt.writing import days_ago

# the fact with all that its tests refer to
UPSTREAM = ("+fact_responses", "stg_exams", "stg_questions")
FACTS = "SELECT count(*) FROM analytics.fact_responses"
# xmin and ctid move when a row is written again, even with the same values
WRITTEN = (
    "SELECT ctid::text, xmin::text, f.* FROM analytics.fact_responses AS f ORDER BY response_id"
)


@pytest.fixture
def twice_published(bank):
    """A question live in two exams, in two versions of different topics, answered in both."""
    old, new = bank.topic("Old"), bank.topic("New")
    bank.exam("first")
    bank.exam("second")
    question = bank.question(old, "first", "second")
    bank.version(question, new, 2)
    bank.publish(question, "second", 2)
    early = bank.quiz("first", "u1", [question], at=days_ago(9))
    late = bank.quiz("second", "u1", [(question, 2)], at=days_ago(4))
    return question, [bank.answer(early, question), bank.answer(late, question, correct=False)]


def test_one_row_with_exam_of_the_quiz_and_topic_of_the_version(dbt, bank, twice_published):
    _, (first, second) = twice_published
    dbt.models(*UPSTREAM)
    rows = bank.rows(
        """SELECT f.response_id, f.exam_code, f.version, t.name, f.attempt_number, f.is_correct,
            f.tenant_id
        FROM analytics.fact_responses AS f JOIN topics AS t ON t.id = f.topic_id ORDER BY 1"""
    )
    assert rows == [
        (first, "first", 1, "Old", 1, True, "school"),
        (second, "second", 2, "New", 2, False, "school"),
    ]


def test_rerun_writes_nothing(dbt, bank, twice_published):
    dbt.models(*UPSTREAM)
    before = bank.rows(WRITTEN)
    dbt.models(*UPSTREAM)
    assert bank.rows(WRITTEN) == before


def test_only_new_rows_are_written(dbt, bank, twice_published):
    question, _ = twice_published
    dbt.models(*UPSTREAM)
    before = bank.rows(WRITTEN)
    quiz = bank.quiz("first", "u2", [question], at=days_ago(1))
    bank.answer(quiz, question)
    dbt.models(*UPSTREAM)
    after = bank.rows(WRITTEN)
    assert after[:-1] == before
    assert len(after) == len(before) + 1


def test_row_two_days_late_is_caught_and_renumbers_what_follows(dbt, bank, twice_published):
    question, (first, second) = twice_published
    dbt.models(*UPSTREAM)
    # answered between the two; its row, too, carries a time of two days before the newest
    quiz = bank.quiz("first", "u1", [question], at=days_ago(6))
    late = bank.answer(quiz, question)
    dbt.models(*UPSTREAM)
    attempts = dict(bank.rows("SELECT response_id, attempt_number FROM analytics.fact_responses"))
    assert attempts == {first: 1, late: 2, second: 3}


def test_row_with_a_time_of_the_future_hides_nothing(dbt, bank, twice_published):
    question, _ = twice_published
    astray = bank.quiz("first", "u2", [question], at=days_ago(3))
    bank.answer(astray, question, recorded=days_ago(-400))
    dbt.models(*UPSTREAM)
    quiz = bank.quiz("first", "u3", [question], at=days_ago(0.5))
    bank.answer(quiz, question)
    dbt.models(*UPSTREAM)
    assert bank.one(FACTS) == 4


def test_same_person_of_another_tenant_is_another_person(dbt, bank):
    topic = bank.topic("Topic")
    bank.exam("ours")
    bank.exam("theirs", tenant="college")
    # a tenant's exam has its own questions alone; the numbering does not lean on that
    question = bank.question(topic, "ours")
    for exam in ("ours", "theirs"):
        bank.answer(bank.quiz(exam, "u1", [question], at=days_ago(2)), question)
    dbt.models(*UPSTREAM)
    attempts = bank.rows(
        "SELECT tenant_id, attempt_number FROM analytics.fact_responses ORDER BY 1"
    )
    assert attempts == [("college", 1), ("school", 1)]


FORGED = """INSERT INTO analytics.fact_responses
    SELECT (jsonb_populate_record(
        f, jsonb_build_object('response_id', %s::bigint, 'attempt_number', %s::integer)
    )).*
    FROM analytics.fact_responses AS f LIMIT 1"""


def test_duplicated_response_fails_the_tests(dbt, bank, twice_published):
    dbt.models(*UPSTREAM)
    assert set(dbt("test", "--select", "fact_responses").values()) == {"pass"}
    bank.owner.execute(FORGED, (-1, 7))
    statuses = dbt("test", "--select", "fact_responses", fails=True)
    assert {name for name, status in statuses.items() if status == "fail"} == {
        "fact_responses_are_no_more_than_the_source",
        "fact_responses_say_what_the_source_says",
        "fact_responses_grain_is_unique",
    }


def test_old_duplicate_still_fails_after_later_builds(dbt, bank, twice_published):
    """The windowed tests have moved on; the count of the whole table has not."""
    question, _ = twice_published
    dbt.models(*UPSTREAM)
    bank.owner.execute(FORGED, (-1, 7))
    bank.answer(bank.quiz("first", "u9", [question], at=days_ago(0.1)), question)
    dbt.models(*UPSTREAM)
    statuses = dbt("test", "--select", "fact_responses", fails=True)
    assert statuses["fact_responses_are_no_more_than_the_source"] == "fail"
    everything = dbt(
        *("test", "--select", "fact_responses", "--vars", "{test_window_days: 9999}"), fails=True
    )
    assert everything["fact_responses_say_what_the_source_says"] == "fail"


def test_same_response_twice_is_refused_by_the_key(dbt, bank, twice_published):
    _, (first, _) = twice_published
    dbt.models(*UPSTREAM)
    with pytest.raises(Exception, match=r"fact_responses.*pkey"):
        bank.owner.execute(FORGED, (first, 7))


@pytest.mark.parametrize("full_refresh", [False, True])
def test_same_attempt_twice_is_refused_by_the_key(dbt, bank, twice_published, full_refresh):
    dbt.models(*UPSTREAM)
    dbt.models(*UPSTREAM, full_refresh=full_refresh)
    attempt = bank.one("SELECT attempt_number FROM analytics.fact_responses LIMIT 1")
    with pytest.raises(Exception, match=r"fact_responses.*attempt_number.*key"):
        bank.owner.execute(FORGED, (-1, attempt))


def test_changed_answer_fails_and_missing_response_warns(dbt, bank, twice_published):
    dbt.models(*UPSTREAM)
    bank.owner.execute(
        "UPDATE analytics.fact_responses SET is_correct = NOT is_correct WHERE attempt_number = 1"
    )
    bank.owner.execute("DELETE FROM analytics.fact_responses WHERE attempt_number = 2")
    # in the last day of the look-back, which is counted from the last build
    bank.owner.execute("UPDATE user_responses SET recorded_at = now() - interval '60 hours'")
    statuses = dbt("test", "--select", "fact_responses", fails=True)
    assert statuses["fact_responses_say_what_the_source_says"] == "fail"
    assert statuses["fact_responses_miss_no_response"] == "warn"


def test_answer_in_an_unknown_version_fails_for_want_of_a_topic(dbt, bank, twice_published):
    bank.owner.execute("UPDATE user_responses SET version = 7 WHERE version = 2")
    dbt.models(*UPSTREAM)
    assert bank.one(FACTS) == 2
    statuses = dbt("test", "--select", "fact_responses", fails=True)
    assert statuses["fact_responses_have_a_topic"] == "fail"


def test_analyst_reads_marts_and_nothing_else(dbt, bank, settings, twice_published):
    dbt.models(*UPSTREAM)
    with connect("analyst", settings=settings, autocommit=True) as analyst:
        assert analyst.execute(FACTS).fetchone() == (2,)
        for query in (
            "SELECT 1 FROM analytics_staging.stg_user_responses",
            "SELECT 1 FROM public.user_responses",
            "DELETE FROM analytics.fact_responses",
        ):
            with pytest.raises(Exception, match="permission denied"):
                analyst.execute(query)
