"""Each mart against the same number computed from the raw rows, in plain Python."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import psycopg
import pytest
from psycopg.rows import dict_row
from scipy.stats import binomtest

from qbank.postgres import connect
from tests.dbt.conftest import Dbt
from tests.dbt.random_school import School
from tests.dbt.writing import Bank, days_ago

Row = dict[str, Any]


@pytest.fixture(scope="module")
def raw(clone_database, manifest, dbt_work) -> Iterator[psycopg.Connection[Row]]:
    """A school of a month, its marts built as of today noon."""
    with clone_database("empty") as settings:
        with connect(settings=settings, autocommit=True) as owner:
            school = School(Bank(owner), np.random.default_rng(8))
            school.found()
            school.live(40, 20, quizzes=60)
            school.publish_revision()
            school.live(20, 1, quizzes=60)
            # some sittings tried an item out
            owner.execute(
                """UPDATE quiz_items SET is_pretest = true
                WHERE position = 3 AND hashtext(quiz_id) % 3 = 0"""
            )
        dbt = Dbt(settings, manifest, dbt_work)
        dbt.models(as_of=str(days_ago(0)))
        with connect(settings=settings, autocommit=True, row_factory=dict_row) as connection:
            yield connection


@pytest.fixture(scope="module")
def responses(raw) -> list[Row]:
    """Raw responses with their quiz, first attempts marked."""
    rows = raw.execute(
        """SELECT r.*, s.exam_code, s.started_at, v.topic_id, i.is_pretest
        FROM user_responses AS r JOIN quiz_sessions AS s ON s.id = r.quiz_id
        JOIN question_versions AS v USING (question_id, version)
        JOIN quiz_items AS i USING (quiz_id, question_id) ORDER BY r.created_at, r.id"""
    ).fetchall()
    seen: set[tuple[str, int]] = set()
    for row in rows:
        row["first"] = (row["user_id"], row["question_id"]) not in seen
        seen.add((row["user_id"], row["question_id"]))
    return rows


@pytest.fixture(scope="module")
def scored(responses) -> list[Row]:
    """Those that score: all but answers to items that were tried out."""
    found = [row for row in responses if not row["is_pretest"]]
    assert 20 < len(responses) - len(found) < len(found)
    return found


@pytest.fixture(scope="module")
def sessions(raw) -> list[Row]:
    """Raw quizzes that have ended, with the day, their scored items and those held back."""
    return raw.execute(
        """SELECT s.*, (least(s.sealed_at, s.expires_at) AT TIME ZONE 'UTC')::date AS day,
            array_agg(i.question_id ORDER BY i.position) FILTER (WHERE NOT is_pretest) AS served,
            array_agg(i.version ORDER BY i.position) FILTER (WHERE NOT is_pretest) AS versions,
            (array_agg(to_jsonb(i.rejected)))[1] AS held_back,
            EXISTS (SELECT FROM user_responses AS r WHERE r.quiz_id = s.id) AS has_answer
        FROM quiz_sessions AS s JOIN quiz_items AS i ON i.quiz_id = s.id
        WHERE least(s.sealed_at, s.expires_at) <= %s GROUP BY s.id""",
        (days_ago(0),),
    ).fetchall()


@pytest.fixture(scope="module")
def counted(sessions) -> list[Row]:
    """Those that count for exposure: one that was only looked into says nothing."""
    found = [session for session in sessions if session["has_answer"]]
    assert found
    return found


def items_by_key(raw: psycopg.Connection[Row]) -> dict[tuple[str, int, int], Row]:
    rows = raw.execute("SELECT * FROM analytics.item_health").fetchall()
    return {(r["exam_code"], r["question_id"], r["version"]): r for r in rows}


def test_item_health_statistics(raw, responses):
    quiz_scores: dict[str, list[bool]] = defaultdict(list)
    by_item: dict[tuple[str, int, int], list[Row]] = defaultdict(list)
    for row in responses:
        if not row["is_pretest"]:
            quiz_scores[row["quiz_id"]].append(row["is_correct"])
        by_item[row["exam_code"], row["question_id"], row["version"]].append(row)
    health = items_by_key(raw)
    correlations = 0
    for key, rows in by_item.items():
        item, first = health[key], [row for row in rows if row["first"]]
        assert item["attempts"] == len(rows)
        assert item["first_attempts"] == len(first)
        if not first:
            continue
        assert item["p_value"] == pytest.approx(np.mean([r["is_correct"] for r in first]))
        shares = Counter(r["option_label"] for r in first)
        assert item["option_shares"] == {
            label: pytest.approx(shares[label] / len(first), abs=1e-6) for label in "ABCD"
        }
        rest = [
            (r["is_correct"], (sum(quiz) - r["is_correct"] * own) / (len(quiz) - own))
            for r in first
            for own in [not r["is_pretest"]]
            if len(quiz := quiz_scores[r["quiz_id"]]) >= 5
        ]
        score, other = np.array(rest, dtype=float).reshape(-1, 2).T
        if len(rest) > 1 and score.std() > 0 and other.std() > 1e-6:
            correlations += 1
            assert item["r_point_biserial"] == pytest.approx(np.corrcoef(score, other)[0, 1])
        else:
            assert item["r_point_biserial"] is None
    assert correlations > 15


def test_item_health_times_are_within_a_bin_of_the_exact_quantiles(raw, responses):
    times: dict[tuple[str, int, int], list[int]] = defaultdict(list)
    for row in responses:
        if row["first"] and row["time_taken_ms"] is not None:
            times[row["exam_code"], row["question_id"], row["version"]].append(row["time_taken_ms"])
    health = items_by_key(raw)
    for key, values in times.items():
        # a bin is 10 % wide, and holds the order statistic
        median = np.quantile(values, 0.5, method="inverted_cdf")
        p90 = np.quantile(values, 0.9, method="inverted_cdf")
        assert median / 1.1 <= health[key]["median_time_ms"] <= median * 1.1, key
        assert p90 / 1.1 <= health[key]["p90_time_ms"] <= p90 * 1.1, key


def test_item_health_exposure_with_wilson_intervals(raw, counted):
    ended = Counter(s["exam_code"] for s in counted)
    served = Counter(
        (s["exam_code"], question, version)
        for s in counted
        for question, version in zip(s["served"], s["versions"], strict=True)
    )
    assert served
    for key, item in items_by_key(raw).items():
        n = ended[key[0]]
        assert (item["served"], item["sessions"]) == (served[key], n)
        interval = binomtest(served[key], n).proportion_ci(0.95, method="wilson")
        assert item["exposure_rate"] == pytest.approx(served[key] / n)
        assert item["exposure_rate_lower"] == pytest.approx(interval.low, abs=1e-6)
        assert item["exposure_rate_upper"] == pytest.approx(interval.high, abs=1e-6)


def test_recent_window_is_the_last_28_days(raw, counted):
    first_day = days_ago(27).date()
    recent = [s for s in counted if s["day"] >= first_day]
    assert 0 < len(recent) < len(counted)
    served = Counter(
        (s["exam_code"], question, version)
        for s in recent
        for question, version in zip(s["served"], s["versions"], strict=True)
    )
    ended = Counter(s["exam_code"] for s in recent)
    for key, item in items_by_key(raw).items():
        assert (item["served_28d"], item["sessions_28d"]) == (served[key], ended[key[0]])


def test_exposure_daily_rates_count_what_was_held_back(raw, counted):
    served: Counter[tuple[Any, ...]] = Counter()
    held: Counter[tuple[Any, ...]] = Counter()
    for session in counted:
        at = (session["exam_code"], session["day"])
        served.update((*at, question) for question in session["served"])
        held.update((*at, question) for question in set(session["held_back"]))
    rows = raw.execute(
        """SELECT exam_code, day, question_id, sum(served)::int AS served,
            sum(held_back)::int AS held, sum(selected)::int AS selected, max(sessions) AS sessions
        FROM analytics.exposure_daily_rates GROUP BY 1, 2, 3"""
    ).fetchall()
    keys = {(r["exam_code"], r["day"], r["question_id"]): r for r in rows}
    assert keys.keys() == served.keys() | held.keys()
    ended = Counter((s["exam_code"], s["day"]) for s in counted)
    for key, row in keys.items():
        assert (row["served"], row["held"]) == (served[key], held[key])
        # nothing that was held back in these quizzes was given in them after all
        assert row["selected"] == served[key] + held[key]
        assert row["sessions"] == ended[key[:2]]


def test_topic_mastery_rolls_up_and_leans_on_the_parent(raw, scored):
    parents = {r["id"]: r["parent_id"] for r in raw.execute("SELECT id, parent_id FROM topics")}
    counts: dict[tuple[str, str], dict[int, list[int]]] = defaultdict(
        lambda: defaultdict(lambda: [0, 0])
    )
    for row in scored:
        topic: int | None = row["topic_id"]
        while topic is not None:
            cell = counts[row["user_id"], row["exam_code"]][topic]
            cell[0] += 1
            cell[1] += row["is_correct"]
            topic = parents[topic]
    found = raw.execute("SELECT * FROM analytics.topic_mastery").fetchall()
    assert len(found) == sum(len(topics) for topics in counts.values())
    for row in found:
        topics = counts[row["user_id"], row["exam_code"]]

        def mastery(topic: int | None, topics: dict[int, list[int]] = topics) -> float:
            if topic is None:
                root = next(t for t in topics if parents[t] is None)
                attempts, correct = topics[root]
                return (correct + 8 * 0.5) / (attempts + 8)
            attempts, correct = topics[topic]
            return (correct + 8 * mastery(parents[topic])) / (attempts + 8)

        attempts, correct = topics[row["topic_id"]]
        assert (row["attempts"], row["correct"]) == (attempts, correct)
        expected = mastery(row["topic_id"])
        assert row["mastery"] == pytest.approx(expected)
        alpha, beta = expected * (attempts + 8), (1 - expected) * (attempts + 8)
        variance = alpha * beta / (alpha + beta) ** 2 / (alpha + beta + 1)
        assert row["mastery_se"] == pytest.approx(np.sqrt(variance))


def test_user_ability_is_the_last_scored_quiz(raw, scored, sessions):
    answered = {r["quiz_id"] for r in raw.execute("SELECT DISTINCT quiz_id FROM user_responses")}
    last: dict[tuple[str, str], Row] = {}
    for session in sorted(
        sessions, key=lambda s: min(s["sealed_at"] or s["expires_at"], s["expires_at"])
    ):
        if session["id"] in answered:
            last[session["user_id"], session["exam_code"]] = session
    rows = raw.execute("SELECT * FROM analytics.user_ability").fetchall()
    assert {(r["user_id"], r["exam_code"]): r["quiz_id"] for r in rows} == {
        key: session["id"] for key, session in last.items()
    }
    own = Counter(r["quiz_id"] for r in scored)
    for row in rows:
        assert row["theta"] == last[row["user_id"], row["exam_code"]]["theta"]
        assert row["responses"] == own[row["quiz_id"]]


def test_selector_experiment_overlap_by_counting_pairs(raw, counted):
    arms: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for session in counted:
        arms[session["exam_code"], session["selector"]].append(session)
    rows = raw.execute(
        "SELECT * FROM analytics.selector_experiment WHERE cohort_key = 'delivered_selector'"
    ).fetchall()
    assert {(r["exam_code"], r["cohort_value"]) for r in rows} == arms.keys()
    for row in rows:
        arm = arms[row["exam_code"], row["cohort_value"]]
        assert row["sessions"] == len(arm)
        assert row["overlap"] == pytest.approx(overlap(arm))
        days = sorted({s["day"] for s in arm})
        left_out = [overlap([s for s in arm if s["day"] != day]) for day in days]
        error = np.sqrt(len(days) - 1) * np.std(left_out)
        assert row["overlap_upper"] - row["overlap"] == pytest.approx(1.959964 * error)
        errors = [s["theta_se"] for s in arm]
        assert row["mean_theta_se"] == pytest.approx(np.mean(errors))
        half = 1.959964 * np.std(errors, ddof=1) / np.sqrt(len(errors))
        assert row["mean_theta_se_upper"] - row["mean_theta_se"] == pytest.approx(half)


def overlap(arm: list[Row]) -> float:
    """Mean number of items (with version) that two quizzes share, over the mean length."""
    items = [set(zip(s["served"], s["versions"], strict=True)) for s in arm]
    shared = [len(a & b) for i, a in enumerate(items) for b in items[:i]]
    return float(np.mean(shared) / np.mean([len(i) for i in items]))


def test_selector_experiment_counts_who_was_assigned_when_it_started(raw, counted):
    assigned = {
        r["user_id"]: r
        for r in raw.execute("SELECT * FROM cohort_assignments WHERE cohort_key = 'trial'")
    }
    expected = Counter(
        (s["exam_code"], assigned[s["user_id"]]["cohort_value"])
        for s in counted
        if s["user_id"] in assigned and assigned[s["user_id"]]["assigned_at"] <= s["started_at"]
    )
    rows = raw.execute(
        "SELECT * FROM analytics.selector_experiment WHERE cohort_key = 'trial'"
    ).fetchall()
    assert {(r["exam_code"], r["cohort_value"]): r["sessions"] for r in rows} == expected
    assert sum(expected.values()) < len(counted)


def test_sessions_count_what_was_tried_out_beside_their_score(raw, responses, scored):
    rows = raw.execute(
        "SELECT quiz_id, answered, pretest_answered, correct, accuracy FROM analytics.fact_sessions"
    ).fetchall()
    own, everything = (
        Counter(r["quiz_id"] for r in scored),
        Counter(r["quiz_id"] for r in responses),
    )
    correct = Counter(r["quiz_id"] for r in scored if r["is_correct"])
    assert any(row["pretest_answered"] for row in rows)
    for row in rows:
        quiz = row["quiz_id"]
        assert row["answered"] == everything[quiz]
        assert row["answered"] - row["pretest_answered"] == own[quiz]
        assert row["correct"] == correct[quiz]
        if own[quiz]:
            assert row["accuracy"] == pytest.approx(correct[quiz] / own[quiz])


def test_irt_responses_are_first_attempts_with_blanks_where_the_policy_says(raw, responses):
    rows = raw.execute("SELECT * FROM analytics.irt_responses").fetchall()
    keys = [(r["user_id"], r["question_id"]) for r in rows]
    assert len(keys) == len(set(keys))
    blanks = [r for r in rows if not r["is_answered"]]
    assert blanks
    assert {(r["exam_code"], r["is_correct"]) for r in blanks} == {("beta", False)}
    first = {(r["user_id"], r["question_id"]): r for r in responses if r["first"]}
    for row in rows:
        answer = first.get((row["user_id"], row["question_id"]))
        if row["is_answered"]:
            assert row["is_correct"] == answer["is_correct"]
        else:
            assert answer is None or answer["created_at"] > row["attempted_at"]
    # what the policy does not touch is there in full, also what was tried out
    assert {k for k, r in first.items()} == set(keys) & set(first)
    tried = {key for key, row in first.items() if row["is_pretest"]}
    assert tried
    answered = [row for row in rows if row["is_answered"]]
    assert tried & set(keys) == {
        (r["user_id"], r["question_id"]) for r in answered if r["is_pretest"]
    }
    left = raw.execute(
        """SELECT s.user_id, i.question_id FROM quiz_items AS i
        JOIN quiz_sessions AS s ON s.id = i.quiz_id
        LEFT JOIN user_responses AS r USING (quiz_id, question_id)
        WHERE i.is_pretest AND s.exam_code = 'beta' AND s.mode = 'exam' AND r.id IS NULL"""
    ).fetchall()
    blank = {(row["user_id"], row["question_id"]) for row in blanks}
    assert not {(row["user_id"], row["question_id"]) for row in left} & blank


def test_blueprint_coverage_counts_each_item_once(raw):
    rows = raw.execute("SELECT * FROM analytics.blueprint_coverage").fetchall()
    for exam in ("alpha", "beta"):
        published = raw.execute(
            "SELECT count(*) AS n FROM question_publications WHERE exam_code = %s", (exam,)
        ).fetchone()["n"]
        whole = [r for r in rows if r["exam_code"] == exam and r["difficulty"] == "all"]
        parts = [r for r in rows if r["exam_code"] == exam and r["difficulty"] != "all"]
        assert sum(r["published_items"] for r in whole) == published
        assert sum(r["published_items"] for r in parts) == published
        assert sum(r["administered_share"] or 0 for r in whole) == pytest.approx(1)
    targets = [r["target_weight"] for r in rows if r["exam_code"] == "alpha" and r["min_items"]]
    assert sorted(targets) == [0.07, 0.3, 0.5]
    assert all(r["target_weight"] is None for r in rows if r["exam_code"] == "beta")
    for row in rows:
        if row["required_items"] is not None:
            missing = row["required_items"] - row["published_items"]
            assert row["items_to_write"] == max(0, missing)


def test_exam_daily_activity_adds_up(raw, scored, sessions):
    rows = raw.execute(
        """SELECT exam_code, sum(responses)::int AS responses, sum(sessions_ended)::int AS ended,
            sum(sessions_finished)::int AS finished
        FROM analytics.exam_daily_activity GROUP BY 1"""
    ).fetchall()
    for row in rows:
        exam = row["exam_code"]
        assert row["responses"] == sum(r["exam_code"] == exam for r in scored)
        assert row["ended"] == sum(s["exam_code"] == exam for s in sessions)
        finished = sum(s["exam_code"] == exam and s["sealed_at"] is not None for s in sessions)
        assert row["finished"] == finished
