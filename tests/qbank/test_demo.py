"""The demo is what it says: planted, delivered by the real rule, made once."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from dataclasses import fields, replace
from datetime import date

import numpy as np
import pytest

import calibration as cal
from qbank import demo
from qbank.demo import content
from qbank.demo import people as people_module
from qbank.demo.delivery import play
from qbank.demo.rows import build
from qbank.errors import QbankError
from qbank.postgres import connect
from qbank.stores import blueprint, item_bank


@pytest.fixture(scope="module")
def planted(clone_database):
    with clone_database("demo") as settings:
        yield settings


def test_it_has_the_size_it_promises(planted):
    query = """
        SELECT (SELECT count(*) FROM questions), (SELECT count(*) FROM quiz_sessions),
            (SELECT count(DISTINCT (started_at AT TIME ZONE 'UTC')::date) FROM quiz_sessions),
            (SELECT count(*) FROM question_versions WHERE version = 2),
            (SELECT count(*) FROM question_versions WHERE state = 'retired'),
            (SELECT count(*) FROM quiz_sessions WHERE sealed_at IS NULL),
            (SELECT count(*) FROM (SELECT question_id FROM question_publications
                GROUP BY question_id HAVING count(*) = 2) AS shared)
    """
    questions, sessions, days, second, retired, abandoned, shared = _row(query)
    assert questions >= 400
    assert sessions >= 3_000
    assert days == 60
    assert second > 0
    assert retired > second  # replaced versions, and items taken out
    assert 0.02 < abandoned / sessions < 0.12
    assert shared > 50


def test_topics_have_three_levels_and_blueprints_add_up(planted):
    depth = """
        WITH RECURSIVE tree AS (
            SELECT id, 1 AS level FROM topics WHERE parent_id IS NULL
            UNION ALL SELECT t.id, level + 1 FROM topics AS t JOIN tree ON t.parent_id = tree.id
        ) SELECT max(level) FROM tree
    """
    assert _row(depth) == (3,)
    weights = "SELECT sum(target_weight) FROM exam_blueprints GROUP BY exam_code"
    assert [w for (w,) in _rows(weights)] == pytest.approx([1.0, 1.0], abs=0.01)


def test_a_test_can_be_made_to_the_blueprint(planted):
    with connect(settings=planted) as conn:
        for exam in content.EXAMS:
            pool = item_bank.load(conn, exam)
            parents = {t.id: t.parent_id for t in item_bank.topics(conn, pool.exam.tenant_id)}
            lines = blueprint.load(conn, exam)
            bounds = blueprint.quota(lines, pool.exam.test_length)
            live = Counter(blueprint.line_of(t, parents, lines) for t in pool.topic_id.tolist())
            assert sum(least for least, _ in bounds.values()) <= pool.exam.test_length
            assert all(live[topic] >= least for topic, (least, _) in bounds.items())
            assert all(line.min_items >= 1 for line in lines)


def test_adaptive_sessions_start_with_the_most_informative_item_unless_held_back(planted):
    """At θ̂ = 0 the rule has one favourite: vanilla serves it to all, control holds it back."""
    query = """
        SELECT s.selector, i.question_id, i.rejected FROM quiz_items AS i
        JOIN quiz_sessions AS s ON s.id = i.quiz_id
        WHERE i.position = 1 AND s.adaptive AND s.exam_code = 'MED-A'
    """
    first = _rows(query)
    favourite = {question for selector, question, _ in first if selector == "vanilla"}
    assert len(favourite) <= 2  # a second one where the first was taken out during the period
    held = [rejected for selector, _, rejected in first if selector == "sympson_hetter"]
    share = np.mean([bool(set(r) & favourite) for r in held])
    assert 0.5 < share < 0.7  # sh_p is 0.4
    assert all(not rejected for selector, _, rejected in first if selector == "vanilla")


def test_exposure_is_too_high_before_control(planted):
    query = """
        SELECT max(n) / (SELECT count(*) FROM quiz_sessions WHERE selector = 'vanilla'
            AND exam_code = 'MED-A')::float8
        FROM (SELECT count(*) AS n FROM quiz_items AS i JOIN quiz_sessions AS s ON s.id = i.quiz_id
              WHERE s.selector = 'vanilla' AND exam_code = 'MED-A' GROUP BY question_id) AS served
    """
    assert _row(query)[0] > 0.9


def test_versions_are_answered_only_while_they_are_live(planted):
    query = """
        SELECT count(*) FROM quiz_items AS i
        JOIN (SELECT question_id, min(served_at) AS first FROM quiz_items WHERE version = 2
              GROUP BY question_id) AS second USING (question_id)
        WHERE i.version = 1 AND i.served_at > second.first + interval '1 day'
    """
    assert _row(query) == (0,)


def test_planted_parameters_are_recovered(planted):
    """From the first answers to each item, as the night would take them."""
    query = """
        SELECT DISTINCT ON (r.user_id, r.question_id, r.version)
            dense_rank() OVER (ORDER BY r.user_id) - 1, r.question_id, r.version, r.is_correct
        FROM user_responses AS r JOIN quiz_sessions AS s ON s.id = r.quiz_id
        WHERE s.exam_code = 'MED-A'
        ORDER BY r.user_id, r.question_id, r.version, r.created_at
    """
    person, question, version, correct = (np.array(c) for c in zip(*_rows(query), strict=True))
    truth = demo.truth(planted).query("exam_code == 'MED-A'").set_index(["question_id", "version"])
    code = {key: k for k, key in enumerate(truth.index)}
    item = np.array([code[key] for key in zip(question, version, strict=True)])
    fit = cal.fit(person, item, correct, item_count=len(code), se=False, node_check=False)
    enough = fit.n >= 200
    assert enough.mean() > 0.9
    a, b = truth["a"].to_numpy()[enough], truth["b"].to_numpy()[enough]
    assert np.corrcoef(fit.b[enough], b)[0, 1] > 0.97
    assert np.corrcoef(fit.a[enough], a)[0, 1] > 0.85
    assert np.sqrt(np.mean((fit.b[enough] - b) ** 2)) < 0.2
    assert abs(np.mean(fit.b[enough] - b)) < 0.06


def test_again_adds_nothing(planted):
    before = _row("SELECT count(*), max(id) FROM user_responses")
    report = demo.generate(settings=planted)
    assert not report.created
    assert _row("SELECT count(*), max(id) FROM user_responses") == before


def test_the_same_seed_plays_the_same_sessions():
    """On every thirtieth session, for the whole takes its time."""

    def played(seed):
        streams = [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(5)]
        units, people = content.plant(streams[0]), people_module.draw_people(streams[1])
        sittings = people_module.draw_sittings(streams[2], date(2026, 1, 31))
        few = {f.name: getattr(sittings, f.name)[::30] for f in fields(sittings)}
        sessions, _ = play(streams[3], units, people, replace(sittings, **few), seed, _ignore)
        ids = list(range(1_000))
        built = build(
            streams[4],
            units,
            people,
            replace(sittings, **few),
            sessions,
            ids,
            seed=seed,
            today=date(2026, 1, 31),
            tenant="demo",
        )
        return built.sessions, built.items, built.responses

    first, second, other = played(1), played(1), played(2)
    assert all(a.equals(b) for a, b in zip(first, second, strict=True))
    assert not any(a.equals(b) for a, b in zip(first, other, strict=True))


def test_times_run_forward_and_end_before_today(planted):
    query = """
        SELECT count(*) FILTER (WHERE i.served_at < s.started_at OR r.created_at < i.served_at
                OR r.created_at > coalesce(s.sealed_at, s.expires_at)),
            max(r.created_at) < date_trunc('day', now()) + interval '2 hours'
        FROM user_responses AS r JOIN quiz_items AS i USING (quiz_id, question_id)
        JOIN quiz_sessions AS s ON s.id = r.quiz_id
    """
    assert _row(query) == (0, True)


def test_wrong_answers_choose_distractors_and_right_ones_the_key(planted):
    query = """
        SELECT r.is_correct, o.is_correct, count(*) FROM user_responses AS r
        JOIN question_versions AS v USING (question_id, version)
        JOIN question_options AS o
            ON o.question_version_id = v.id AND o.option_label = r.option_label
        GROUP BY 1, 2
    """
    counts = {(right, key): n for right, key, n in _rows(query)}
    assert set(counts) == {(True, True), (False, False)}
    assert sum(counts.values()) == _row("SELECT count(*) FROM user_responses")[0]


@pytest.mark.slow
def test_a_demo_that_is_killed_half_way_leaves_nothing_and_can_be_made_again(settings):
    code = """
import os, signal
from qbank import demo
def on_progress(stage, done, total):
    if stage == "writing sessions":
        os.kill(os.getpid(), signal.SIGKILL)
demo.generate(on_progress=on_progress)
"""
    killed = subprocess.run([sys.executable, "-c", code], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert _row("SELECT count(*) FROM exams") == (0,)
    assert demo.generate(settings=settings).created


def test_an_exam_of_someone_else_is_not_taken_over(settings):
    with connect() as connection:
        connection.execute(
            "INSERT INTO exams (exam_code, tenant_id, title) VALUES ('MED-A', 'college', 'M')"
        )
    with pytest.raises(QbankError, match="exam 'MED-A' is of tenant 'college'"):
        demo.generate(settings=settings)


def _ignore(_done, _total):
    pass


def _rows(query):
    with connect() as connection:
        return connection.execute(query).fetchall()


def _row(query):
    return _rows(query)[0]
