"""The API's selection path is the simulator's rule: same rates, same ability, quotas kept."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

import calibration as cal
from calibration import cat
from delivery_api.quizzes import loading
from delivery_api.quizzes.bank import Bank, Filters
from delivery_api.quizzes.choice import Past, Wish, choose, estimate
from qbank.exams.selectors import holds_back, rule_of, weighs
from qbank.requests import SympsonHetter
from qbank.stores import exposure as stored
from qbank.stores import item_bank, runs
from qbank.vocabulary import ADAPTIVE
from qbank_orchestration.engine import exposure, population
from qbank_orchestration.engine.conditions import Conditions

EXAMINEES = 8_000
LENGTH = 8


@pytest.fixture(scope="module")
def bank(world) -> Bank:
    with world.connect() as conn:
        return loading.load(conn, "core")


def probability(bank: Bank, question: int, version: int, theta: float) -> float:
    assert bank.ranked is not None
    items, k = bank.ranked.bank, bank.ranked_of[question, version]
    logistic = 1 / (1 + np.exp(-items.D * items.a[k] * (theta - items.b[k])))
    return items.c[k] + (1 - items.c[k]) * logistic


def deliver(
    bank: Bank, wish: Wish, theta: float, rng: np.random.Generator, seed: int
) -> tuple[list[int], list[int], float]:
    """One examinee through the API's path: items served, items held back, final θ̂."""
    questions: list[int] = []
    versions: list[int] = []
    correct: list[bool] = []
    held: list[int] = []
    for _ in range(wish.num_questions):
        past = Past(questions, versions, correct, held)
        ability = estimate(bank, past)
        assert ability is not None
        item = choose(bank, wish, past, ability.theta, seed, ())
        assert item is not None
        p = probability(bank, item.question_id, item.version, theta)
        questions.append(item.question_id)
        versions.append(item.version)
        held += item.held_back
        correct.append(bool(rng.random() < p))
    final = estimate(bank, Past(questions, versions, correct, held))
    assert final is not None
    return questions, held, final.theta


@pytest.mark.slow
def test_delivery_and_simulator_give_the_same_rates(bank):
    wish = Wish("sympson_hetter", Filters(), LENGTH, blueprint_quota=False)
    rng = np.random.default_rng(11)
    theta = rng.standard_normal(EXAMINEES)
    administered: Counter[int] = Counter()
    held_back: Counter[int] = Counter()
    errors = np.empty(EXAMINEES)
    for n in range(EXAMINEES):
        served, held, final = deliver(bank, wish, theta[n], rng, seed=1_000 + n)
        administered.update(served)
        held_back.update(held)
        errors[n] = final - theta[n]
    simulation = cal.simulate(bank.ranked, theta, test_length=LENGTH, sh_p=bank.pool.sh_p, seed=5)
    ids = bank.pool.question_id.tolist()
    ours = np.array([administered[q] for q in ids]) / EXAMINEES
    assert ours.sum() == pytest.approx(LENGTH)
    # two independent estimates of each rate: their difference, in standard errors
    p = (ours + simulation.administered) / 2
    z = (ours - simulation.administered) / np.sqrt(2 * np.maximum(p * (1 - p), 1e-9) / EXAMINEES)
    assert np.abs(z[p > 0]).max() < 4.5
    assert np.mean(z[p > 0.001] ** 2) == pytest.approx(1, abs=0.5)
    selected = ours + np.array([held_back[q] for q in ids]) / EXAMINEES
    assert np.abs(selected - simulation.selected).max() < 0.02
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(simulation.rmse, abs=0.01)


def test_vanilla_gives_the_items_of_the_rule_one_by_one(bank):
    """Without control nothing is random: the path is the simulator's, item by item."""
    wish = Wish("vanilla", Filters(), 10, blueprint_quota=False)
    rng = np.random.default_rng(3)
    for n in range(20):
        served, held, final = deliver(bank, wish, rng.standard_normal(), rng, seed=n)
        assert held == []
        ranked = bank.ranked
        assert ranked is not None
        control = cat.ExposureControl.of(ranked)
        first = cat.select(ranked, ranked.prior_mean, control, seed=n)
        assert bank.pool.question_id[bank.live[first.item]] == served[0]
        assert np.isfinite(final)


@pytest.mark.parametrize("selector", ADAPTIVE)
def test_each_selector_serves_by_the_rule_that_it_names(bank, selector):
    """Step by step what the science's rule gives for the quiz's seed and its past."""
    under = bank.ranked.under(rule_of(selector), priority=bank.sh_p if weighs(selector) else None)
    control = cat.ExposureControl.of(under, bank.sh_p if holds_back(selector) else None)
    wish = Wish(selector, Filters(), 8, blueprint_quota=False)
    at = {int(bank.pool.question_id[live]): rank for rank, live in enumerate(bank.live)}
    for seed in range(30):
        served: list[int] = []
        held: list[int] = []
        for position in range(8):
            past = Past(served, [1] * position, [True] * position, held)
            now = estimate(bank, past)
            expected = cat.select(
                under, now.theta, control, seed=seed, administered=[at[q] for q in served],
                held_back=[at[q] for q in held], left=8 - position, sd=now.sd,
            )  # fmt: skip
            item = choose(bank, wish, past, now.theta, seed, (), now.sd)
            assert at[item.question_id] == expected.item
            assert [at[q] for q in item.held_back] == list(expected.rejected)
            assert item.sh_p == (1.0 if selector == "vanilla" else bank.sh_p[expected.item])
            served.append(item.question_id)
            held += item.held_back


def test_strata_are_made_of_live_items(bank):
    """What is not live any more says nothing of how a test is stratified."""
    among = np.arange(len(bank.ranked)) % 3 > 0
    live = np.where(among, bank.live, -1)
    fewer = replace(bank, live=live, _ranked={}, _masks={}, _excluded={}, _controls={})
    own, kept = fewer.ranked_by("a_stratified"), np.flatnonzero(among)
    items = bank.ranked.bank
    alone = cal.RankedBank.of(
        cal.ItemBank(items.a[kept], items.b[kept], items.c[kept], D=items.D), rule="a_stratified"
    )
    for row in (60, 128, 200):
        order = own.pool.ranking[row]
        np.testing.assert_array_equal(order[among[order]], kept[alone.pool.ranking[row]])


def test_the_same_quiz_and_position_cannot_draw_again(bank):
    wish = Wish("sympson_hetter", Filters(), 5, blueprint_quota=False)
    empty = Past((), (), (), ())
    for seed in range(50):
        first = choose(bank, wish, empty, 0.0, seed, ())
        assert all(choose(bank, wish, empty, 0.0, seed, ()) == first for _ in range(3))
    assert len({choose(bank, wish, empty, 0.0, seed, ()) for seed in range(50)} - {None}) > 3


def test_capped_items_are_left_out_while_there_are_others(bank):
    wish = Wish("vanilla", Filters(), 5, blueprint_quota=False)
    capped: set[int] = set()
    for _ in range(len(bank.pool)):
        item = choose(bank, wish, Past((), (), (), ()), 0.0, 1, capped)
        assert item is not None
        assert item.question_id not in capped
        capped.add(item.question_id)
    first = choose(bank, wish, Past((), (), (), ()), 0.0, 1, ())
    assert choose(bank, wish, Past((), (), (), ()), 0.0, 1, capped) == first


@pytest.mark.parametrize("selector", ["vanilla", "sympson_hetter", "fixed"])
def test_the_blueprint_is_kept_to_the_item(world, selector):
    with world.connect() as conn:
        conn.execute("DELETE FROM exam_blueprints")
        conn.execute(
            """INSERT INTO exam_blueprints (exam_code, topic_id, target_weight, min_items)
            VALUES ('core', %s, 0.75, 0), ('core', %s, 0.25, 0)""",
            (world.topics["chemistry"], world.topics["physics"]),
        )
        bank = loading.load(conn, "core")
        topic_of = dict(conn.execute("SELECT question_id, topic_id FROM question_versions"))
    wish = Wish(selector, Filters(), 16, blueprint_quota=True)
    rng = np.random.default_rng(2)
    for n in range(10):
        served, _, _ = deliver(bank, wish, 0.5, rng, seed=n)
        topics = Counter(topic_of[q] for q in served)
        # acids lie below chemistry, so they count for its line
        assert topics == {world.topics["acids"]: 12, world.topics["physics"]: 4}
    short = bank.admitted(Filters(topics=frozenset({world.topics["physics"]})))
    assert "blueprint wants 12 items" in str(bank.shortage(short, 16, with_quota=True))


def test_answers_to_a_version_that_is_gone_still_tell_of_ability(world):
    with world.connect() as conn:
        question = world.questions[0]
        before = loading.load(conn, "core")
        conn.execute("DELETE FROM question_publications WHERE question_id = %s", (question,))
        after = loading.load(conn, "core")
        conn.rollback()
    past = Past((question,), (1,), (True,), ())
    with_live, with_gone = estimate(before, past), estimate(after, past)
    assert with_live is not None
    assert with_gone is not None
    assert with_gone.theta == pytest.approx(with_live.theta)
    assert with_gone.theta > 0
    wish = Wish("vanilla", Filters(), len(after.pool), blueprint_quota=False)
    assert question not in deliver(after, wish, 0.0, np.random.default_rng(1), seed=1)[0]


@pytest.mark.slow
def test_a_planted_ability_is_inside_its_interval(world, as_user, start_server, bank):
    """200 students of θ = +1 take 20 items over HTTP; the interval holds θ in 90 % or more."""
    address = urlsplit(start_server(QBANK_MAX_DAILY_EXPOSURES="100000").url).netloc
    students, length, theta = 200, 20, 1.0

    def student(n: int) -> bool:
        rng = np.random.default_rng(n)
        headers = as_user(f"planted-{n}", "student") | {"Content-Type": "application/json"}
        connection = HTTPConnection(address, timeout=120)  # 8,000 requests: httpx would dominate

        def send(method: str, path: str, body: Any = None) -> Any:
            data = None if body is None else json.dumps(body)
            connection.request(method, f"/v1/quizzes{path}", data, headers)
            answer = connection.getresponse()
            content = answer.read()
            assert answer.status in (200, 201), content
            return json.loads(content)

        filters = {"exam_code": "core", "num_questions": length}
        quiz = send("POST", "", {"filters": filters})["quiz_id"]
        for _ in range(length):
            item = send("GET", f"/{quiz}/next")
            p = probability(bank, item["question_id"], item["version"], theta)
            selected = "A" if rng.random() < p else "B"
            answer = {"question_id": item["question_id"], "selected": selected}
            send("POST", f"/{quiz}/answers", answer)
        state = send("GET", f"/{quiz}")
        assert (state["status"], state["answered"]) == ("finished", length)
        low, high = state["theta_interval"]
        return low <= theta <= high

    with ThreadPoolExecutor(4) as pool:
        inside = list(pool.map(student, range(students)))
    assert sum(inside) >= 0.9 * students


@pytest.mark.parametrize("found_by", ["item_eligibility", "stocking_lewis"])
def test_what_was_simulated_is_delivered_for_the_same_draws(world, found_by):
    """Exposure parameters published as a calibration leaves them: item by item the simulator's."""
    found: dict[str, Any] = {}
    with world.connect() as conn:
        pool = item_bank.load(conn, "core")
        request = SympsonHetter.resolve(
            pool.exam,
            {"exposure_control": found_by, "tau": 0.25, "test_len": 8, "n": 400, "iters": 6,
             "theta_dist": "normal(0,1)", "seed": 3},
        )  # fmt: skip
        people = population.of_exam(conn, pool.exam, request)
        made = exposure.calibrate(pool, [], request, people, lambda entry: True)
        assert isinstance(made, exposure.ExposureProposal)
        run = runs.create(
            conn, kind="sympson_hetter", exam_code="core", params=request.stored(), requested_by="t"
        )
        runs.finish(conn, run.id, "done", result=made.as_result())
        origin = stored.Origin("calibration", "t", run.id)
        stored.publish(conn, "core", made.controls, origin)
        bank = loading.load(conn, "core")
        conn.rollback()
    # the science's own control, from the same seed
    ranked = bank.ranked
    assert ranked is not None
    bank_of = exposure.bank_of(pool, np.arange(len(pool)), Conditions(8, "none", None, None))
    given = {"test_length": 8, "seed": 3, "certificate_n": 2_000}
    if found_by == "stocking_lewis":
        found["control"] = cal.stocking_lewis(bank_of, 0.25, 200, iters=6, **given).control
        assert bank.by_theta is not None
        assert (bank.by_theta.share < 1).any()
    else:
        run_of = cal.item_eligibility(bank_of, 0.25, 4_000, tol=0.003, **given)
        found["control"] = cat.ExposureControl.of(ranked, run_of.sh_p)
        assert bank.by_theta is None
    at = {int(bank.pool.question_id[live]): rank for rank, live in enumerate(bank.live)}
    assert [at[q] for q in pool.question_id.tolist()] == list(range(len(pool)))
    wish, held_back = Wish("sympson_hetter", Filters(), 8, blueprint_quota=False), 0
    for seed in range(60):
        served: list[int] = []
        held: list[int] = []
        for position in range(8):
            past = Past(served, [1] * position, [seed % 3 > 0] * position, held)
            now = estimate(bank, past)
            expected = cat.select(
                ranked, now.theta, found["control"], seed=seed, left=8 - position,
                administered=[at[q] for q in served], held_back=[at[q] for q in held], sd=now.sd,
            )  # fmt: skip
            item = choose(bank, wish, past, now.theta, seed, (), now.sd)
            assert at[item.question_id] == expected.item
            assert [at[q] for q in item.held_back] == list(expected.rejected)
            applied = found["control"].at(ranked, now.theta)[expected.item]
            assert item.sh_p == pytest.approx(applied, abs=1e-12)
            served.append(item.question_id)
            held += item.held_back
        held_back += len(held)
    assert held_back > 0


@pytest.mark.parametrize(
    ("found_for", "asked", "served"),
    [
        ("sympson_hetter", "priority", "sympson_hetter"),
        ("priority", "sympson_hetter", "priority"),
        ("priority", "progressive", "priority"),
        ("sympson_hetter", "progressive", "progressive"),
        ("sympson_hetter", "vanilla", "vanilla"),
        ("priority", "fixed", "fixed"),
    ],
)
def test_sh_p_is_never_read_in_another_meaning(world, found_for, asked, served):
    """What the calibration in force was found for is how its numbers are read, item by item."""
    with world.connect() as conn:
        run = runs.create(
            conn, kind="sympson_hetter", exam_code="core", params={"selector": found_for},
            requested_by="t",
        )  # fmt: skip
        runs.finish(conn, run.id, "done", result={"summary": {"selector": found_for}})
        with world.connect() as reader:
            assert loading.load(reader, "core").found_for is None, "not committed, not in force"
        bank = loading.load(conn, "core")
        conn.rollback()
    assert bank.found_for == found_for
    honest = replace(bank, found_for=None, _ranked={}, _controls={})
    past = Past((), (), (), ())
    for seed in range(30):
        item = choose(
            bank, Wish(asked, Filters(), 8, blueprint_quota=False), past, 0.0, seed, (), 1.0
        )
        assert item == choose(
            honest, Wish(served, Filters(), 8, blueprint_quota=False), past, 0.0, seed, (), 1.0
        )
        assert item.selector == served
