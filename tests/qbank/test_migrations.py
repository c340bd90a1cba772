"""The schema goes up and down, by one process or many."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from psycopg import sql
from pydantic import SecretStr

from qbank import migrations
from qbank.errors import MigrationError
from qbank.postgres import LEAST_PRIVILEGE, connect, embedded, libpq_environment, user_name
from qbank.project_files import migrations_folder
from qbank.settings import Settings


def test_a_migrated_database_has_nothing_left_to_apply(settings):
    assert all(state.applied for state in migrations.status())
    assert migrations.migrate() == []


def test_down_and_up_again_gives_the_same_schema(settings):
    before = _columns()
    taken_back = migrations.rollback(None)
    assert not any(state.applied for state in migrations.status())
    assert _columns() == []
    assert migrations.migrate() == taken_back[::-1]
    assert _columns() == before


def test_rollback_keeps_the_named_migration(settings):
    assert migrations.rollback("0003")[-1] == "0004_import"
    applied = [state.name for state in migrations.status() if state.applied]
    assert applied == ["0001_content", "0002_delivery", "0003_calibration"]


def test_an_unknown_migration_is_named(settings):
    with pytest.raises(MigrationError, match="'9999' is unknown: use one of 0001_content"):
        migrations.rollback("9999")


def test_rows_that_name_another_tenant_s_things_stop_the_upgrade(settings):
    """They are named with what to do about them, and nothing has been changed."""
    migrations.rollback("0035")
    with connect() as connection:
        connection.execute(
            """INSERT INTO exams (exam_code, tenant_id, title)
            VALUES ('A', 'a', 'A'), ('B', 'b', 'B');
            INSERT INTO topics (tenant_id, name) VALUES ('a', 'mine');
            INSERT INTO questions (tenant_id, created_by) VALUES ('a', 't'), ('a', 't');
            INSERT INTO question_versions (question_id, version, stem_md, topic_id, created_by)
            SELECT q.id, 1, 'x', t.id, 't' FROM questions AS q, topics AS t;
            INSERT INTO question_publications (question_id, live_version, exam_code, tenant_id)
            VALUES (1, 1, 'A', 'a'), (2, 1, 'B', 'a');
            INSERT INTO item_exposure_history (exam_code, question_id, version, source, actor)
            VALUES ('A', 1, 1, 'manual', 't'), ('B', 2, 1, 'manual', 't')"""
        )
    with pytest.raises(MigrationError) as refused:
        migrations.migrate()
    for row in (
        "0036_tenant_keys failed: rows name something of another tenant (2): ",
        "item_exposure_history of exam B (tenant b) names question 2 (tenant a)",
        "publication of question 2 (tenant a) names exam B (tenant b)",
        "Delete each such row",
    ):
        assert row in str(refused.value)
    assert "question 1" not in str(refused.value)
    with connect() as connection:
        connection.execute("DELETE FROM question_publications WHERE exam_code = 'B'")
        connection.execute("UPDATE exams SET tenant_id = 'a'")
    assert "0036_tenant_keys" in migrations.migrate()
    with connect() as connection:
        past = "SELECT DISTINCT tenant_id FROM item_exposure_history"
        assert connection.execute(past).fetchall() == [("a",)]


def test_a_sitting_that_expired_is_sealed_by_its_last_revision(settings):
    migrations.rollback("0044")
    with connect() as connection:
        # the import that made the second revision is none
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            """INSERT INTO exams (exam_code, tenant_id, title) VALUES ('A', 'a', 'A');
            INSERT INTO quiz_sessions (id, user_id, tenant_id, exam_code, mode, adaptive,
                selector, num_questions, started_at, expires_at)
            VALUES ('q', 'u', 'a', 'A', 'exam', false, 'vanilla', 1,
                now() - interval '3 days', now() - interval '2 days');
            INSERT INTO quiz_results (quiz_id, revision, name, answered, correct, theta, theta_se,
                model, items, created_at, import_batch_id, made_by)
            VALUES ('q', 1, 'sealed', 1, 1, 0.5, 0.3, '2pl', '[]', now() - interval '1 day',
                    NULL, NULL),
                ('q', 2, 'rescore 2', 1, 0, -0.5, 0.4, '2pl', '[]', now(), 2, 't')"""
        )
    migrations.migrate()
    with connect() as connection:
        sealed = connection.execute(
            """SELECT theta, theta_se, sealed_at = (SELECT created_at FROM quiz_results
                WHERE revision = 1) FROM quiz_sessions"""
        ).fetchall()
        connection.execute("SET session_replication_role = replica")
        connection.execute("TRUNCATE quiz_results, quiz_sessions, exams CASCADE")
    assert sealed == [(-0.5, pytest.approx(0.4), True)]


def test_an_exam_that_shares_its_code_stops_the_way_back(settings):
    with connect() as connection:
        connection.execute(
            """INSERT INTO exams (exam_code, tenant_id, title)
            VALUES ('A', 'a', 'A'), ('A@b', 'b', 'A')"""
        )
    with pytest.raises(MigrationError, match="another tenant's: A@b HINT: Before this migration"):
        migrations.rollback("0036")
    with connect() as connection:
        connection.execute("DELETE FROM exams WHERE exam_code = 'A@b'")
    assert migrations.rollback("0036")[-1] == "0037_exam_codes"


def _columns():
    query = """
        SELECT table_schema, table_name, column_name, data_type, is_nullable
        FROM information_schema.columns
        WHERE table_schema IN ('public', 'analytics') AND table_name NOT LIKE '%yoyo%'
        ORDER BY 1, 2, 3
    """
    with connect() as connection:
        return connection.execute(query).fetchall()


_MIGRATE = "from qbank import migrations; print(len(migrations.migrate()))"


@pytest.fixture
def bare_database(clone_database, settings):
    """A database of this test without any of our tables."""
    migrations.rollback(None)
    with connect(autocommit=True) as connection:
        for table in ("_yoyo_migration", "_yoyo_log", "_yoyo_version", "yoyo_lock"):
            connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(table)))
    return settings


def _process():
    return subprocess.Popen([sys.executable, "-c", _MIGRATE], stdout=subprocess.PIPE, text=True)


def test_two_processes_that_migrate_at_once_apply_each_migration_once(bare_database):
    total = len(migrations.status())
    processes = [_process() for _ in range(3)]
    counts = [int(process.communicate()[0]) for process in processes]
    assert sorted(counts) == [0, 0, total]
    assert all(state.applied for state in migrations.status())


@pytest.fixture
def slow_schema_changes(bare_database):
    """Every change of the schema takes 10 ms longer, so that a kill comes in the midst of them."""
    with connect(autocommit=True) as connection:
        connection.execute(
            "CREATE FUNCTION dawdle() RETURNS event_trigger LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM pg_sleep(0.01); END $$"
        )
        connection.execute(
            "CREATE EVENT TRIGGER dawdle ON ddl_command_end EXECUTE FUNCTION dawdle()"
        )
        yield
        connection.execute("DROP EVENT TRIGGER dawdle")


@pytest.mark.usefixtures("slow_schema_changes")
def test_a_migration_that_is_killed_leaves_a_schema_that_can_go_on():
    interrupted = 0
    for delay in (0.45, 0.55, 0.65, 0.8, 1.0):
        process = _process()
        time.sleep(delay)
        process.kill()
        process.communicate()
        interrupted += not all(state.applied for state in migrations.status())
    migrations.migrate()
    assert all(state.applied for state in migrations.status())
    assert _columns()
    assert interrupted > 0  # else no kill came early enough to mean anything


@pytest.mark.usefixtures("bare_database")
def test_a_migration_that_fails_leaves_those_before_it(monkeypatch, tmp_path):
    shutil.copytree(migrations_folder(), tmp_path / "sql")
    (tmp_path / "sql" / "9999_broken.sql").write_text(
        "-- depends: 0005_roles\nCREATE TABLE half (i int);\nCREATE TABLE half (i int);\n"
    )
    monkeypatch.setattr("qbank.migrations.schema.migrations_folder", lambda: tmp_path / "sql")
    with pytest.raises(MigrationError, match='9999_broken failed: relation "half" already exists'):
        migrations.migrate()
    states = {state.name: state.applied for state in migrations.status()}
    assert states.pop("9999_broken") is False
    assert all(states.values())
    with connect() as connection:
        assert connection.execute("SELECT to_regclass('half')").fetchone() == (None,)


def test_an_owner_that_is_no_superuser_can_migrate_a_fresh_server():
    """A managed server gives a role that may create databases and roles, and no more."""
    home = Path(tempfile.mkdtemp(prefix="qbank-managed-"))
    home.chmod(0o711)
    server = Settings(home=home, postgres_fsync=False)
    try:
        with connect(settings=server, database="postgres", autocommit=True) as connection:
            connection.execute("CREATE ROLE lesser LOGIN CREATEDB CREATEROLE PASSWORD 'lesser'")
            connection.execute("CREATE DATABASE managed OWNER lesser")
        where = libpq_environment("owner", server)
        url = f"postgresql://lesser:lesser@{where['PGHOST']}:{where['PGPORT']}/managed"
        lesser = server.model_copy(update={"database_url": SecretStr(url)})
        assert migrations.migrate(lesser)
        assert migrations.migrate(lesser) == []
        for role in LEAST_PRIVILEGE:
            with connect(role, settings=lesser) as connection:
                assert connection.execute("SELECT current_user").fetchone() == (user_name(role),)
        with connect("orchestration", settings=lesser, database="managed_dagster") as connection:
            connection.execute("CREATE TABLE runs (i int)")
        assert migrations.rollback(None, lesser)
    finally:
        embedded.drop(server, force=True)
        shutil.rmtree(home)


def test_no_migration_validates_a_constraint_in_the_transaction_that_adds_it():
    """Its lock would keep readers and writers out while the rows are read."""
    for path in sorted(migrations_folder().glob("[0-9]*.sql")):
        text = path.read_text("utf-8")
        assert not ("NOT VALID" in text and "VALIDATE CONSTRAINT" in text), path.name
