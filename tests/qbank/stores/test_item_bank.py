"""Exams are found by key and code. A blueprint is part of the bank: its changes are seen."""

from __future__ import annotations

import hashlib

import psycopg
import pytest

from qbank import postgres
from qbank.stores import ConflictError, blueprint, item_bank
from qbank.stores.item_bank import Pool
from qbank.vocabulary import code_of
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


def test_the_code_of_a_key_is_one_in_sql_and_here(settings):
    add = "INSERT INTO exams (exam_code, tenant_id, title) VALUES (%s, %s, 'x')"
    far = "tenant-" + hashlib.md5(b"a b@c", usedforsecurity=False).hexdigest()[:12]
    for key, tenant in (
        ("FINAL", "a"), ("FINAL@b", "b"), ("other@c.d", "c.d"), (f"FINAL@{far}", "a b@c"),
    ):  # fmt: skip
        do(add, key, tenant)
    for key, tenant in (("FINAL@x", "c"), ("FINAL", "c"), ("FINAL@b", "b"), ("@c", "c")):
        with pytest.raises(psycopg.errors.IntegrityError):
            do(add, key, tenant)
    with postgres.connect("orchestration") as conn:
        for exam, code in conn.execute("SELECT exam_code, code FROM exams").fetchall():
            assert code_of(exam) == code
        assert item_bank.own_key(conn, "b", "FINAL") == "FINAL@b"
        assert item_bank.own_key(conn, "c", "FINAL") == "FINAL"
        # the key is an exam's whatever else has the code; a code alone is, where it is one's
        assert item_bank.exam(conn, "FINAL").tenant_id == "a"
        assert item_bank.exam(conn, "other").exam_code == "other@c.d"
    do("DELETE FROM exams WHERE exam_code = 'FINAL'")
    with postgres.connect("orchestration") as conn:
        with pytest.raises(ConflictError, match=f"name one of FINAL@b, FINAL@{far}"):
            item_bank.exam(conn, "FINAL")
        assert item_bank.exam(conn, "FINAL", tenant_id="b").exam_code == "FINAL@b"


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
