"""A blueprint is part of the bank: its changes are seen by whoever keeps to it."""

from __future__ import annotations

from qbank import postgres
from qbank.stores import blueprint, item_bank
from qbank.stores.item_bank import Pool
from tests.qbank.stores.conftest import EXAM


def pool() -> Pool:
    with postgres.connect("orchestration") as conn:
        return item_bank.load(conn, EXAM)


def do(statement: str, *values: object) -> None:
    with postgres.connect("owner") as conn:
        conn.execute(statement, values)


def test_every_change_of_a_blueprint_moves_the_versions(items):
    versions = [pool().pool_version]
    add = """INSERT INTO exam_blueprints (exam_code, topic_id, target_weight)
        SELECT %s, id, 0.5 FROM topics LIMIT 1"""
    for change in (
        (add, EXAM),
        ("UPDATE exam_blueprints SET min_items = 2 WHERE exam_code = %s", EXAM),
        ("DELETE FROM exam_blueprints WHERE exam_code = %s", EXAM),
    ):
        do(*change)
        now = pool()
        assert now.pool_version == now.bank_version
        versions.append(now.pool_version)
    assert versions == sorted(set(versions))


def test_it_is_another_pool_only_where_quizzes_keep_to_the_blueprint(items):
    plain = pool()
    do(
        "INSERT INTO exam_blueprints (exam_code, topic_id, target_weight)"
        " SELECT %s, id, 0.5 FROM topics",
        EXAM,
    )
    with_lines = pool()
    assert with_lines.lines == (blueprint.BlueprintLine(with_lines.topic_id[0], 0.5, 0),)
    assert with_lines.fingerprint() == plain.fingerprint()
    do('UPDATE exams SET policy = \'{"quota": "blueprint"}\' WHERE exam_code = %s', EXAM)
    kept = pool().fingerprint()
    assert kept != plain.fingerprint()
    do("UPDATE exam_blueprints SET target_weight = 0.6 WHERE exam_code = %s", EXAM)
    assert pool().fingerprint() != kept


def test_an_exam_goes_with_its_blueprint(settings):
    do("INSERT INTO exams (exam_code, tenant_id, title) VALUES ('going', 't', 'Going')")
    do("INSERT INTO topics (tenant_id, name) VALUES ('t', 'Sets')")
    do(
        "INSERT INTO exam_blueprints (exam_code, topic_id, target_weight)"
        " SELECT 'going', id, 1 FROM topics"
    )
    do("DELETE FROM exams WHERE exam_code = 'going'")
    with postgres.connect("owner") as conn:
        assert conn.execute("SELECT count(*) FROM bank_versions").fetchone() == (0,)
