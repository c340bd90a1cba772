"""A backup of a worked-on platform, restored into another home: equal to the row, roles and all."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import dagster as dg
import psycopg
import pytest
from psycopg import sql

from qbank import backups, migrations
from qbank.postgres import LEAST_PRIVILEGE, connect, dagster_database, embedded
from qbank.settings import Settings, get_settings
from qbank_orchestration.instance import instance
from tests.orchestration.conftest import ALGEBRA

QBANK = str(Path(sys.executable).parent / "qbank")
_TABLES = """SELECT n.nspname, c.relname FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'v') AND n.nspname IN ('public', 'analytics', 'analytics_staging')"""
_RIGHTS = """SELECT table_schema, table_name, grantee, privilege_type
    FROM information_schema.role_table_grants
    WHERE table_schema IN ('public', 'analytics', 'analytics_staging') ORDER BY 1, 2, 3, 4"""
_POLICIES = "SELECT tablename, policyname, roles, qual, with_check FROM pg_policies ORDER BY 1, 2"


@pytest.fixture
def elsewhere():
    """The settings of a home with a server of its own, and nothing on it."""
    folder = Path(tempfile.mkdtemp(prefix="qbank-restored-"))
    folder.chmod(0o711)
    settings = get_settings().model_copy(update={"home": folder / "home", "database": "moved"})
    yield settings
    embedded.drop(settings, force=True)
    shutil.rmtree(folder)


def contents(settings: Settings, database: str | None = None) -> dict[str, tuple[int, str]]:
    """Number of rows and a digest of them, of every table and view."""
    with connect(settings=settings, database=database) as connection:
        found = {}
        for schema, name in connection.execute(_TABLES).fetchall():
            query = sql.SQL(
                "SELECT count(*), md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), ''))"
                " FROM {} AS t"
            ).format(sql.Identifier(schema, name))
            found[f"{schema}.{name}"] = connection.execute(query).fetchone()
        return found


def answers(settings: Settings, query: str) -> list[tuple]:
    with connect(settings=settings) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.slow
def test_a_backup_restores_rows_marts_rights_and_dagsters_runs(runner, elsewhere, tmp_path):
    here = get_settings()
    ended = runner.run("refresh_results")
    assert ended.success, ended.error
    backups.backup(tmp_path / "taken")
    backups.restore(tmp_path / "taken", elsewhere)

    before = contents(here)
    assert before["public.user_responses"][0] > 1000
    assert before["analytics.fact_responses"][0] > 1000
    assert contents(elsewhere) == before
    storage = contents(here, dagster_database(here))
    assert storage["public.runs"][0] == 1
    assert contents(elsewhere, dagster_database(elsewhere)) == storage
    for query in (_RIGHTS, _POLICIES):
        assert answers(elsewhere, query) == answers(here, query)
    assert all(state.applied for state in migrations.status(elsewhere))

    for role in LEAST_PRIVILEGE:
        connect(role, settings=elsewhere).close()
    with connect("analyst", settings=elsewhere) as connection:
        assert connection.execute("SELECT count(*) FROM analytics.item_health").fetchone()[0] > 0
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT 1 FROM public.user_responses")
    with connect("delivery", settings=elsewhere) as connection:
        # behind the wall of tenants: it named none
        assert connection.execute("SELECT count(*) FROM exams").fetchone() == (0,)


@pytest.mark.slow
def test_work_goes_on_after_a_restore_over_what_was_there(runner, tmp_path):
    backups.backup(tmp_path / "taken")
    with connect() as connection:
        connection.execute("UPDATE exams SET title = 'lost'")
    done = subprocess.run(
        [QBANK, "db", "restore", str(tmp_path / "taken"), "--replace"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert answers(get_settings(), "SELECT 1 FROM exams WHERE title = 'lost'") == []
    ended = runner.run("reestimate_exam", partition=f"2026-01-02|{ALGEBRA}")
    assert ended.success, ended.error
    with instance() as opened:
        assert opened.get_run_by_id(ended.run_id).status == dg.DagsterRunStatus.SUCCESS
