"""Items that sittings try out: who gets which, and that nothing else is another for it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from psycopg.types.json import Jsonb

from delivery_api.quizzes import loading
from delivery_api.quizzes.bank import Filters
from delivery_api.quizzes.choice import Chosen, Past, Wish, choose, estimate
from delivery_api.quizzes.pretest import NOTHING_KNOWN, SPREAD, Candidates, Gains
from qbank.exams.pretest import PretestPolicy
from tests.delivery_api.conftest import until_current
from tests.delivery_api.test_attempts import ask, new_exam
from tests.delivery_api.test_quizzes import answer
from tests.delivery_api.test_sittings import SITTINGS

__all__ = ["new_exam"]
POOL, NEW, SLOTS, LENGTH = 40, 8, 3, 10


@pytest.fixture
def trying(new_exam, world):
    """Makes an exam whose last ``NEW`` items have no parameters; by question id."""

    def make(name: str, slots: int = SLOTS, **attempts: Any) -> tuple[str, set[int]]:
        exam = new_exam(name, max_attempts=None, repeat_after_days=0, **attempts)
        new = set(world.questions[POOL - NEW : POOL])
        with world.connect() as conn:
            conn.execute(
                "DELETE FROM item_calibration WHERE exam_code = %s AND question_id = ANY(%s)",
                (exam, [*new]),
            )
            conn.execute(
                "UPDATE exams SET policy = policy || %s WHERE exam_code = %s",
                (Jsonb({"pretest": {"slots": slots}}), exam),
            )
        return exam, new

    return make


def right(question: int) -> bool:
    return question % 3 != 0


def sit(client: Any, headers: dict[str, str], quiz: str) -> list[dict[str, Any]]:
    """Answers all items of a sitting by their ids: what was shown and told of each."""
    steps = []
    while (found := client.get(f"/v1/quizzes/{quiz}/next", headers=headers)).status_code == 200:
        item = found.json()
        told = answer(
            client, headers, quiz, item["question_id"], "A" if right(item["question_id"]) else "B"
        )
        steps.append({"item": item, "told": told.json()})
    assert found.status_code == 410, found.text
    return steps


def kept(world: Any, quiz: str) -> dict[str, Any]:
    """What is stored of a sitting's scored items, and its result."""
    with world.connect() as conn:
        served = conn.execute(
            """SELECT i.question_id, i.theta_before, i.sh_p, i.rejected, i.forced
            FROM quiz_items AS i WHERE quiz_id = %s AND NOT is_pretest ORDER BY position""",
            (quiz,),
        ).fetchall()
        result = conn.execute(
            """SELECT answered, correct, theta, theta_se, model, scale, items
            FROM quiz_results WHERE quiz_id = %s""",
            (quiz,),
        ).fetchone()
        tried = conn.execute(
            """SELECT i.position, i.question_id, r.is_correct FROM quiz_items AS i
            LEFT JOIN user_responses AS r USING (quiz_id, question_id)
            WHERE quiz_id = %s AND is_pretest ORDER BY position""",
            (quiz,),
        ).fetchall()
    return {"served": served, "result": result, "tried": tried}


def test_scored_items_and_result_are_the_same_without_what_was_tried_out(
    client, as_user, trying, world, monkeypatch
):
    """The same sitting by the same seed, with slots and without."""
    monkeypatch.setattr("delivery_api.quizzes.banks.Banks.seed", lambda banks, quiz: 20_261_127)
    found = {}
    for slots in (SLOTS, 0):
        exam, new = trying(f"same-{slots}", slots)
        with world.connect() as conn:
            conn.execute(
                """INSERT INTO item_exposure_control (exam_code, question_id, version, sh_p,
                    updated_by) SELECT %s, unnest(%s::bigint[]), 1, .5, 'test'""",
                (exam, world.questions[:POOL]),
            )
        until_current(client, world, exam)
        ann = as_user(f"ann-same-{slots}", "student")
        quiz = ask(client, ann, exam, n=LENGTH).json()["quiz_id"]
        steps = sit(client, ann, quiz)
        assert len(steps) == LENGTH + slots
        found[slots] = kept(world, quiz)
        assert {question for _, question, _ in found[slots]["tried"]} <= new
        assert not {row[0] for row in found[slots]["served"]} & new
    with_slots, without = found[SLOTS], found[0]
    assert len(with_slots["tried"]) == SLOTS
    assert without["tried"] == []
    # to the last digit: doubles as they are stored
    assert with_slots["served"] == without["served"]
    assert with_slots["result"] == without["result"]
    assert any(rejected for *_, rejected, _ in without["served"])


def test_ability_is_that_of_the_scored_answers(client, as_user, trying, world):
    exam, _ = trying("recomputed")
    bob = as_user("bob-recomputed", "student")
    quiz = ask(client, bob, exam, n=LENGTH).json()["quiz_id"]
    sit(client, bob, quiz)
    stored = kept(world, quiz)
    with world.connect() as conn:
        # what was tried out has parameters by now: they tell nothing of what was sealed before
        conn.execute(
            """INSERT INTO item_calibration (exam_code, question_id, version, model, a, b, c,
                n_respondents, converged)
            SELECT %s, unnest(%s::bigint[]), 1, '2pl', 2, 0, 0, 500, true""",
            (exam, [question for _, question, _ in stored["tried"]]),
        )
        bank = loading.load(conn, exam)
        served = conn.execute(
            """SELECT question_id, is_correct, is_pretest FROM quiz_items
            JOIN user_responses USING (quiz_id, question_id) WHERE quiz_id = %s
            ORDER BY position""",
            (quiz,),
        ).fetchall()
    questions, correct, pretest = zip(*served, strict=True)
    tried = frozenset(q for q, is_pretest in zip(questions, pretest, strict=True) if is_pretest)
    everything = Past(questions, [1] * len(questions), correct, (), tried_out=tried)
    ability = estimate(bank, everything)
    assert ability is not None
    assert (ability.theta, ability.sd) == (stored["result"][2], stored["result"][3])
    assert estimate(bank, Past(questions, [1] * len(questions), correct, ())) != ability
    # nor is one of them served again
    wish = Wish("vanilla", Filters(), POOL, blueprint_quota=False)
    past = replace(everything, option_order=[None] * len(questions))
    while (item := choose(bank, wish, past, ability.theta, 1, ())) is not None:
        assert item.question_id not in tried
        past = past.with_item(item, None)
    assert len(past.question_id) == POOL - NEW + SLOTS


def test_nothing_tells_a_student_which_items_are_tried_out(client, as_user, trying, world):
    exam, _ = trying("untold", review="items")
    cy = as_user("cy-untold", "student")
    made = ask(client, cy, exam, n=LENGTH).json()
    total = LENGTH + SLOTS
    assert made["num_questions"] == total
    steps = sit(client, cy, made["quiz_id"])
    assert {frozenset(step["item"]) for step in steps} == {frozenset(steps[0]["item"])}
    assert {frozenset(step["told"]) for step in steps} == {frozenset(steps[0]["told"])}
    for position, step in enumerate(steps, 1):
        assert step["item"]["position"] == position
        assert step["item"]["num_questions"] == step["told"]["num_questions"] == total
        assert step["told"]["answered"] == position
        others = {"position", "answered", "num_questions", "accepted"}
        assert all(value is None for name, value in step["told"].items() if name not in others)
    state = client.get(f"/v1/quizzes/{made['quiz_id']}", headers=cy).json()
    assert (state["num_questions"], state["served"], state["scored"]) == (total, total, LENGTH)
    tried = {question for _, question, _ in kept(world, made["quiz_id"])["tried"]}
    scored = [s["item"]["question_id"] for s in steps if s["item"]["question_id"] not in tried]
    assert [item["question_id"] for item in state["items"]] == scored
    own = client.get("/v1/quizzes", params={"exam_code": exam}, headers=cy).json()["items"]
    assert [(quiz["num_questions"], quiz["answered"]) for quiz in own] == [(total, total)]
    # whoever administers the exam sees it
    seen = client.get(f"{SITTINGS}/{made['quiz_id']}", headers=as_user("amy", "admin")).json()
    assert {step["question_id"] for step in seen["steps"] if step["is_pretest"]} == tried
    assert len(tried) == SLOTS


def test_each_item_is_tried_out_as_often_as_any_other(client, as_user, trying, world):
    exam, new = trying("shares")
    people = 16
    for k in range(people):
        headers = as_user(f"shares-{k}", "student")
        sit(client, headers, ask(client, headers, exam, n=4).json()["quiz_id"])
    with world.connect() as conn:
        rows = conn.execute(
            """SELECT question_id, position, quiz_id FROM quiz_items AS i
            JOIN quiz_sessions AS s ON s.id = i.quiz_id WHERE exam_code = %s AND is_pretest""",
            (exam,),
        ).fetchall()
        # a bank that is loaded now counts on from there
        bank = loading.load(conn, exam)
    given = Counter(question for question, _, _ in rows)
    assert given == dict.fromkeys(new, people * SLOTS // NEW)
    positions = Counter(position for _, position, _ in rows)
    assert min(positions) >= 2
    assert max(positions) <= 4 + SLOTS - 1
    assert len(positions) == 5
    assert bank.pretest is not None
    assert set(bank.pretest._given.values()) == {people * SLOTS // NEW}


def test_practice_and_drawn_quizzes_try_nothing_out(client, as_user, trying, world):
    exam, new = trying("practice")
    eve = as_user("eve-practice", "student")
    assert ask(client, eve, exam, "tutor").json()["num_questions"] == 5
    body = {
        "filters": {"exam_code": exam, "num_questions": POOL, "mode": "exam"},
        "adaptive": False,
    }
    drawn = client.post("/v1/quizzes", json=body, headers=eve).json()["quiz_id"]
    assert new <= {step["item"]["question_id"] for step in sit(client, eve, drawn)}
    assert kept(world, drawn)["tried"] == []


def test_where_nothing_is_left_to_try_out_the_sitting_is_as_long_as_its_score(
    client, as_user, trying, world
):
    exam, new = trying("emptied")
    dan = as_user("dan-emptied", "student")
    quiz = ask(client, dan, exam, n=LENGTH).json()["quiz_id"]
    with world.connect() as conn:
        conn.execute(
            "DELETE FROM question_publications WHERE exam_code = %s AND question_id = ANY(%s)",
            (exam, [*new]),
        )
    until_current(client, world, exam)
    steps = sit(client, dan, quiz)
    assert len(steps) == LENGTH
    assert steps[-1]["told"]["num_questions"] == LENGTH
    assert kept(world, quiz)["result"][0] == LENGTH
    # and a new one has no slots at all
    assert ask(client, dan, exam, n=LENGTH).json()["num_questions"] == LENGTH


def test_a_policy_that_cannot_be_is_refused(client, as_user, new_exam):
    admin = as_user("amy", "admin")
    exam = new_exam("refused")
    for given, said in (
        ({"slots": 51}, "body.pretest.slots"),
        ({"first_position": 1}, "body.pretest.first_position"),
        ({"first_position": 9, "last_position": 4}, "last_position 4 lies before first_position 9"),
    ):
        reply = client.patch(f"/v1/exams/{exam}", json={"pretest": given}, headers=admin)
        assert reply.status_code == 422, reply.text
        assert said in reply.text


@pytest.mark.parametrize(
    ("policy", "length", "items", "places", "slots"),
    [
        ({"slots": 3}, 10, 99, set(range(2, 13)), 3),
        ({"slots": 3}, 10, 2, set(range(2, 12)), 2),
        ({"slots": 3}, 1, 99, set(), 0),
        ({"slots": 3}, 2, 99, {2, 3, 4}, 3),
        ({"slots": 3, "first_position": 5, "last_position": 6}, 10, 99, {5, 6}, 2),
        ({"slots": 2, "first_position": 8}, 6, 99, set(), 0),
        ({"slots": 2, "last_position": 50}, 4, 99, {2, 3, 4, 5}, 2),
        ({"slots": 0}, 10, 99, set(), 0),
    ],
)
def test_slots_lie_between_the_first_and_the_last_scored_item(policy, length, items, places, slots):
    drawn = [PretestPolicy(**policy).positions(length, items, seed) for seed in range(400)]
    assert {len(each) for each in drawn} == {slots}
    assert all(list(each) == sorted(set(each)) for each in drawn)
    found = Counter(position for each in drawn for position in each)
    assert set(found) == places
    if 0 < slots < len(places):  # each place as often as any other, within five deviations
        share = slots / len(places)
        assert all(
            abs(n - 400 * share) < 5 * np.sqrt(400 * share * (1 - share)) for n in found.values()
        )


def test_of_those_given_least_each_is_as_likely_and_none_is_met_twice():
    counts = [4, 0, 0, 0, 2, 0]
    first = Counter(
        Candidates(range(6), counts).choose(s, 2, 0.0, lambda k: True) for s in range(800)
    )
    assert set(first) == {1, 2, 3, 5}
    assert all(abs(n - 200) < 5 * np.sqrt(800 * 0.25 * 0.75) for n in first.values())
    # what may not be had is passed over, up to those that were given more
    some = Candidates(range(6), counts)
    assert some.choose(1, 2, 0.0, lambda k: k in {0, 4}) == 4
    assert some.choose(1, 2, 0.0, lambda k: False) is None
    for item in (1, 2, 3, 5):
        some.gave(item, 3)
    assert some.choose(1, 2, 0.0, lambda k: True) == 4
    some.gave(4, 9)
    some.gave(0, 5)
    assert {some.choose(s, 2, 0.0, lambda k: True) for s in range(60)} == {1, 2, 3, 5}
    some.gave(77, 1)  # of an older bank
    assert len(some) == 6


def test_a_choice_looks_at_no_more_items_in_a_larger_pool():
    def looked_at(items: int) -> int:
        seen = []
        pool = Candidates(range(items), [0] * items)
        for seed in range(200):
            item = pool.choose(seed, 2, 0.0, lambda k: bool(seen.append(k)) or True)
            assert item is not None
            pool.gave(item, 1)
        return len(seen)

    assert looked_at(20_000) == looked_at(300) == 200


def known(b: float, a: float = 1.0) -> dict[str, float]:
    names = ("a", "b", "c", "se_a", "se_b", "correlation", "scaling_constant")
    return dict(zip(names, (a, b, 0.0, 0.3, 0.4, 0.0, 1.7), strict=True))


def test_of_those_given_least_each_examinee_has_what_learns_most_of_them():
    """Items 0 to 7 are known, easy to hard; of 8 and 9 nothing is."""
    difficulty = np.linspace(-2, 2, 8)
    gains = Gains.of(range(8), [known(b) for b in difficulty], 0.0, 1.0)
    of_able: list[int] = []
    given = [0] * 10
    pool = Candidates(range(10), given, gains)
    rng = np.random.default_rng(4)
    matched = []
    for seed in range(2_000):
        theta = rng.normal()
        item = pool.choose(seed, 2, theta, lambda k: True)
        assert item is not None
        given[item] += 1
        pool.gave(item, given[item])
        if item < 8:
            matched.append((theta, difficulty[item]))
            if theta > 1.5:
                of_able.append(item)
    # shares stay equal, within those that are chosen among
    assert max(given) - min(given) <= SPREAD + 1
    theta, b = np.array(matched).T
    assert np.corrcoef(theta, b)[0, 1] > 0.4
    assert np.mean(difficulty[of_able]) > 0.8
    # without what is known nobody is matched
    assert NOTHING_KNOWN.best([5, 3], 2.0) == 5


def test_what_the_last_night_found_decides_who_gets_which(client, as_user, trying, world):
    exam, new = trying("provisional")
    hopeless, hard, easy = sorted(new)[:3]
    rows = [
        known(b) | {"question_id": question, "version": 1, "decision": decision}
        for question, b, decision in (
            (hopeless, 0.0, "retire"),
            (hard, 1.5, "stays"),
            (easy, -1.5, "stays"),
        )
    ]
    rows.append(rows[1] | {"question_id": sorted(new)[3], "se_b": None})
    with world.connect() as conn:
        conn.execute(
            """INSERT INTO calibration_runs (kind, exam_code, tenant_id, status, params,
                requested_by, result, started_at, finished_at)
            VALUES ('irt', %s, 'demo', 'empty', '{}', 'test', %s, now(), now())""",
            (exam, Jsonb({"summary": {"tried_out": rows}})),
        )
        bank = loading.load(conn, exam)
    assert bank.pretest is not None
    assert len(bank.pretest) == NEW - 1
    wish = Wish("vanilla", Filters(), LENGTH, blueprint_quota=False, pretest_positions=(2,))
    past = Past((world.questions[0],), (1,), (True,), ())
    found = {
        theta: Counter(
            item.question_id
            for seed in range(60)
            if (item := choose(bank, wish, past, theta, seed, ())) is not None
        )
        for theta in (-2.0, 2.0)
    }
    assert hopeless not in found[-2.0] | found[2.0]
    assert found[-2.0][easy] > 0 == found[-2.0][hard]
    assert found[2.0][hard] > 0 == found[2.0][easy]
    # those that nothing is known of have their shares all the same
    assert len(found[2.0]) == NEW - 2


def test_a_scored_item_comes_where_no_other_may(world):
    with world.connect() as conn:
        bank = loading.load(conn, "core")
    assert bank.pretest is None
    wish = Wish("vanilla", Filters(), 5, blueprint_quota=False, pretest_positions=(2,))
    past = Past((world.questions[0],), (1,), (True,), ())
    item = choose(bank, wish, past, 0.0, 1, ())
    assert isinstance(item, Chosen)
    assert not item.is_pretest
