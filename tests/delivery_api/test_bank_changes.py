"""What a bank is made of moves its version; a known bank and what has changed make the new one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

import numpy as np
import psycopg
import pytest

from delivery_api.quizzes import loading
from delivery_api.quizzes.bank import Bank
from qbank.exams import blueprints
from qbank.exams.blueprints import BlueprintEntry
from qbank.stores import item_bank, pool_changes
from qbank.stores.item_bank import Versions
from tests.delivery_api.conftest import World, add_exam, add_items

Conn = psycopg.Connection[Any]


@pytest.fixture
def conn(world: World) -> Any:
    """The owner's, in a transaction that is taken back."""
    with world.connect() as made:
        yield made
        made.rollback()


@pytest.fixture
def exam(world: World, conn: Conn) -> str:
    topics = [world.topics[name] for name in ("physics", "acids", "chemistry")]
    add_exam(conn, "demo", "moving", add_items(conn, "demo", topics, 40), sh_p=0.6)
    return "moving"


def questions(conn: Conn, condition: str = "true") -> list[int]:
    sql = f"""SELECT question_id FROM question_publications AS p
        WHERE exam_code = 'moving' AND {condition} ORDER BY question_id"""  # noqa: S608
    return [row[0] for row in conn.execute(sql).fetchall()]


PUBLISH = """INSERT INTO question_publications (question_id, live_version, exam_code, tenant_id)
    SELECT question_id, max(version), 'moving', 'demo' FROM question_versions
    WHERE question_id = %s GROUP BY question_id
    ON CONFLICT (question_id, tenant_id, exam_code) DO UPDATE
    SET live_version = excluded.live_version"""
NEW_VERSION = """INSERT INTO question_versions
        (question_id, version, state, stem_md, topic_id, difficulty_label, created_by)
    SELECT question_id, max(version) + 1, 'published', 'new', %s, 'hard', 'test'
    FROM question_versions WHERE question_id = %s GROUP BY question_id"""
PARAMETERS = """INSERT INTO item_calibration
        (exam_code, question_id, version, model, a, b, n_respondents, converged)
    SELECT 'moving', question_id, max(version), '2pl', %s, 0.3, 100, true FROM question_versions
    WHERE question_id = %s GROUP BY question_id
    ON CONFLICT (exam_code, question_id, version, model) DO UPDATE SET a = excluded.a"""
SH_P = """UPDATE item_exposure_control SET sh_p = %s
    WHERE exam_code = 'moving' AND question_id = %s"""

MOVES: dict[str, tuple[str, Versions]] = {
    "a publication": (PUBLISH.replace("%s", "{unpublished}"), Versions(1, 1, 0, 0)),
    "a publication taken back": (
        "DELETE FROM question_publications WHERE question_id = {live}",
        Versions(1, 1, 0, 0),
    ),
    "a question deleted": (
        "UPDATE questions SET is_deleted = true WHERE id = {live}",
        Versions(1, 1, 0, 0),
    ),
    "a version retired": (
        "UPDATE question_versions SET state = 'retired' WHERE question_id = {live}",
        Versions(1, 1, 0, 0),
    ),
    "another sh_p": (
        "UPDATE item_exposure_control SET sh_p = 0.1 WHERE question_id = {live}",
        Versions(1, 0, 0, 0),
    ),
    "a control taken away": (
        "DELETE FROM item_exposure_control WHERE question_id = {live}",
        Versions(1, 0, 0, 0),
    ),
    "parameters": (
        "UPDATE item_calibration SET a = 2 WHERE question_id = {live}",
        Versions(1, 1, 1, 0),
    ),
    "parameters taken away": (
        "DELETE FROM item_calibration WHERE question_id = {live}",
        Versions(1, 1, 1, 0),
    ),
    "another tau": (
        "UPDATE exams SET tau = 0.05 WHERE exam_code = 'moving'",
        Versions(1, 0, 0, 1),
    ),
    "a policy": (
        """UPDATE exams SET policy = policy || '{{"quota": "blueprint"}}'
        WHERE exam_code = 'moving'""",
        Versions(1, 0, 0, 1),
    ),
    "another test length": (
        "UPDATE exams SET test_length = 7 WHERE exam_code = 'moving'",
        Versions(1, 0, 0, 1),
    ),
    "another model": (
        "UPDATE exams SET irt_model = '1pl' WHERE exam_code = 'moving'",
        Versions(1, 0, 1, 1),
    ),
    "a blueprint": (
        """INSERT INTO exam_blueprints (exam_code, topic_id, target_weight)
        SELECT 'moving', {topic}, 0.5""",
        Versions(1, 1, 0, 1),
    ),
    "a topic moved": (
        "UPDATE topics SET parent_id = NULL WHERE id = {topic}",
        Versions(1, 1, 0, 1),
    ),
    "a topic removed": ("DELETE FROM topics WHERE id = {free_topic}", Versions(1, 1, 0, 1)),
    "a topic renamed": ("UPDATE topics SET name = 'x' WHERE id = {topic}", Versions()),
    "a new topic": (
        "INSERT INTO topics (tenant_id, name) VALUES ('demo', 'one more')",
        Versions(),
    ),
}


@pytest.mark.parametrize("what", MOVES)
def test_what_selection_reads_moves_the_version(world, conn, exam, what):
    statement, moved = MOVES[what]
    (unpublished,) = add_items(conn, "demo", [world.topics["physics"]], 1)
    free = conn.execute(
        "INSERT INTO topics (tenant_id, name) VALUES ('demo', 'free') RETURNING id"
    ).fetchone()[0]
    before = item_bank.versions(conn, exam)
    conn.execute(
        statement.format(
            unpublished=unpublished,
            live=questions(conn)[3],
            topic=world.topics["acids"],
            free_topic=free,
        )
    )
    after = item_bank.versions(conn, exam)
    assert Versions(*np.greater(after, before).astype(int).tolist()) == moved
    # what moved says when, so that no two changes look alike
    assert all(now in (then, after.bank) for now, then in zip(after, before, strict=True))


def same(refreshed: Bank, loaded: Bank) -> None:
    """Both are the same bank, array by array."""
    for field in fields(loaded.pool):
        ours, whole = getattr(refreshed.pool, field.name), getattr(loaded.pool, field.name)
        if isinstance(whole, np.ndarray):
            np.testing.assert_array_equal(ours, whole, field.name)
            assert ours.dtype == whole.dtype, field.name
            assert not ours.flags.writeable, field.name
        else:
            assert ours == whole, field.name
    for name in ("line", "live", "rank"):
        np.testing.assert_array_equal(getattr(refreshed, name), getattr(loaded, name), name)
    assert (refreshed.live_of, refreshed.tree) == (loaded.live_of, loaded.tree)
    assert refreshed.ranked_of == loaded.ranked_of
    assert (refreshed.ranked is None) == (loaded.ranked is None)
    if refreshed.ranked is not None and loaded.ranked is not None:
        np.testing.assert_array_equal(refreshed.ranked.topics, loaded.ranked.topics)
        # the order of the selection rule is a tuple of its own
        for ours, whole in zip(
            (*refreshed.ranked.pool.order, *refreshed.ranked.pool[1:]),
            (*loaded.ranked.pool.order, *loaded.ranked.pool[1:]),
            strict=True,
        ):
            np.testing.assert_array_equal(ours, whole)


@pytest.mark.parametrize("seed", range(4))
def test_changes_one_after_the_other_make_the_bank_that_a_load_makes(world, conn, exam, seed):
    rng = np.random.default_rng(seed)
    topics = list(world.topics.values())
    spare = add_items(conn, "demo", topics, 5)

    def any_of(ids: list[int]) -> int:
        return int(rng.choice(ids))

    def blueprint() -> None:
        conn.execute("DELETE FROM exam_blueprints WHERE exam_code = 'moving'")
        for topic in rng.choice(topics[1:], int(rng.integers(0, 3)), replace=False):
            conn.execute(
                """INSERT INTO exam_blueprints (exam_code, topic_id, target_weight)
                VALUES ('moving', %s, 0.3)""",
                (int(topic),),
            )

    def new_topic() -> None:
        topic = conn.execute(
            "INSERT INTO topics (tenant_id, parent_id, name) VALUES ('demo', %s, %s) RETURNING id",
            (topics[0], f"topic {rng.integers(10**9)}"),
        ).fetchone()[0]
        conn.execute(PUBLISH, (add_items(conn, "demo", [topic], 1)[0],))

    def new_version() -> None:
        question = any_of(questions(conn))
        conn.execute(NEW_VERSION, (any_of(topics), question))
        conn.execute(PUBLISH, (question,))

    item = lambda: any_of(questions(conn))  # noqa: E731
    happenings: list[Callable[[], object]] = [
        lambda: conn.execute(SH_P, (rng.random(), item())),
        lambda: conn.execute(PUBLISH, (any_of(spare),)),
        lambda: conn.execute("DELETE FROM question_publications WHERE question_id = %s", (item(),)),
        lambda: conn.execute(
            "UPDATE questions SET is_deleted = NOT is_deleted WHERE id = %s", (item(),)
        ),
        lambda: conn.execute(
            "UPDATE question_versions SET state = 'retired' WHERE question_id = %s", (item(),)
        ),
        new_version,
        blueprint,
        new_topic,
        lambda: conn.execute(
            "UPDATE topics SET parent_id = CASE WHEN parent_id = %s THEN %s ELSE %s END"
            " WHERE id = %s",
            (topics[0], topics[1], topics[0], topics[3]),
        ),
        lambda: conn.execute("UPDATE exams SET test_length = test_length % 20 + 5"),
        lambda: conn.execute(PARAMETERS, (0.5 + rng.random(), any_of([*spare, item()]))),
    ]
    known = loading.load(conn, exam)
    kept = 0
    for _ in range(25):
        for happening in rng.choice(len(happenings), int(rng.integers(1, 4))):
            happenings[happening]()
        fresh = loading.refreshed(conn, known)
        same(fresh, loading.load(conn, exam))
        kept += fresh.calibrated.question_id is known.calibrated.question_id
        known = fresh
    assert kept > 5  # else nothing was refreshed, and all of it loaded


def test_nothing_but_what_changed_is_read(world, conn, exam):
    """A row that was changed behind the triggers' back stays as it was."""
    pool = item_bank.load(conn, exam)
    noted, hidden = questions(conn)[:2]
    conn.execute("SET LOCAL session_replication_role = replica")
    conn.execute(SH_P, (0.25, hidden))
    conn.execute("SET LOCAL session_replication_role = origin")
    conn.execute(SH_P, (0.25, noted))
    fresh = pool_changes.refreshed(conn, pool)
    assert fresh is not None
    assert fresh.sh_p[:2].tolist() == [0.25, 0.6]
    assert item_bank.load(conn, exam).sh_p[:2].tolist() == [0.25, 0.25]


@pytest.mark.parametrize("how", ["too many at once", "too long ago", "exam made anew"])
def test_where_it_is_not_known_what_changed_all_is_read(world, conn, exam, how):
    pool = item_bank.load(conn, exam)
    if how == "too many at once":
        ids = add_items(conn, "demo", [world.topics["physics"]], 201)
        sql = """INSERT INTO question_publications
            (question_id, live_version, exam_code, tenant_id)
            SELECT unnest(%s::bigint[]), 1, 'moving', 'demo'"""
        conn.execute(sql, (ids,))
    elif how == "too long ago":
        for _ in range(1001):
            conn.execute(SH_P, (0.5, questions(conn)[0]))
        (count,) = conn.execute(
            "SELECT count(*) FROM bank_changes WHERE exam_code = 'moving'"
        ).fetchone()
        assert count == 1000
    else:
        conn.execute("DELETE FROM bank_versions WHERE exam_code = 'moving'")
        conn.execute("DELETE FROM bank_changes WHERE exam_code = 'moving'")
        conn.execute(SH_P, (0.5, questions(conn)[0]))
    assert pool_changes.refreshed(conn, pool) is None
    # of what is long ago nothing is known, and an exam made anew is there no more as it was
    assert not pool_changes.went_back(conn, pool)


def test_a_database_went_back_where_it_never_was(conn, exam):
    pool = item_bank.load(conn, exam)
    assert not pool_changes.went_back(conn, pool)
    conn.execute(SH_P, (0.5, questions(conn)[0]))
    assert not pool_changes.went_back(conn, pool)
    # in the future, and between two changes that are kept
    for lost in (item_bank.bank_version(conn, exam) + 1, pool.bank_version + 1):
        assert pool_changes.went_back(conn, replace(pool, bank_version=lost))
    # nothing was published yet; the last change was before changes were kept
    assert not pool_changes.went_back(conn, replace(pool, bank_version=0))
    conn.execute("DELETE FROM bank_changes WHERE exam_code = %s", (exam,))
    assert not pool_changes.went_back(conn, item_bank.load(conn, exam))


def test_settings_and_a_withdrawal_at_once_do_not_wait_for_each_other(world: World):
    """What names the exam meanwhile, as a change of its bank does, is let past its row's lock."""
    with world.connect() as made:
        items = add_items(made, "demo", [world.topics["physics"]], 3)
        add_exam(made, "demo", "at-once", items)
        made.commit()

    def no_audit(*_: Any, **__: Any) -> None: ...

    def entries() -> Iterator[BlueprintEntry]:
        with world.connect() as other:
            other.execute("SET lock_timeout = '2s'")
            withdraw = "DELETE FROM question_publications WHERE question_id = %s"
            other.execute(withdraw, [items[0]])
            other.commit()
        yield BlueprintEntry(topic=str(world.topics["physics"]), target_weight=0.5)

    with world.connect() as conn:
        blueprints.replace(conn, "at-once", entries(), audit=no_audit, tenant_id="demo")
        conn.rollback()
