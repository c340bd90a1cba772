"""`qbank dbt`: any dbt command, as the role that owns the marts."""

from __future__ import annotations

import os
import subprocess
import sys


def qbank_dbt(*arguments, **environment):
    command = [sys.executable, "-c", "from qbank.cli import main; main()", "dbt", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | environment
    )


def sessions(owner) -> int:
    """Sign-ins to the database so far; of a session that ended they are counted a moment later."""
    owner.execute("SELECT pg_sleep(1), pg_stat_clear_snapshot()")
    query = "SELECT sessions FROM pg_stat_database WHERE datname = current_database()"
    return owner.execute(query).fetchone()[0]


def test_it_makes_what_the_nights_make(settings, owner):
    done = qbank_dbt("run", "--select", "+dim_topics")
    assert done.returncode == 0, done.stdout
    owners = owner.execute(
        """SELECT relname, pg_get_userbyid(relowner) FROM pg_class
        WHERE relname IN ('stg_topics', 'dim_topics') AND relkind IN ('r', 'v')"""
    ).fetchall()
    assert dict(owners) == {
        "stg_topics": "qbank_orchestration",
        "dim_topics": "qbank_orchestration",
    }


def test_it_builds_anew_by_the_documented_option(settings, owner):
    done = qbank_dbt("run", "--full-refresh", "--select", "+int_cohort_days")
    assert done.returncode == 0, done.stdout
    read = owner.execute("SELECT model FROM mart_reads WHERE loaded_until IS NOT NULL").fetchall()
    assert ("int_cohort_days",) in read


def test_its_nodes_share_a_connection_a_thread(settings, owner):
    before = sessions(owner)
    done = qbank_dbt("run", "--select", "staging", DBT_THREADS="2")
    assert done.returncode == 0, done.stdout
    views = "SELECT count(*) FROM pg_views WHERE schemaname = 'analytics_staging'"
    nodes = owner.execute(views).fetchone()[0]
    assert nodes > 15
    # two threads, the main one, and what looks around before
    assert sessions(owner) - before < nodes / 2


def test_a_node_that_fails_leaves_the_next_one_a_connection(settings, owner):
    assert qbank_dbt("run", "--select", "staging").returncode == 0
    owner.execute("DROP VIEW analytics_staging.stg_exams")
    done = qbank_dbt(
        "run", "--select", "dim_exams", "int_topic_ancestors", "dim_topics", DBT_THREADS="1"
    )
    assert done.returncode == 1
    assert "stg_exams" in done.stdout
    made = owner.execute("SELECT to_regclass('analytics.dim_topics') IS NOT NULL").fetchone()
    assert made == (True,)


def test_it_asks_for_a_command(settings):
    done = qbank_dbt()
    assert done.returncode == 2
    assert done.stderr.startswith("qbank: which dbt command?")
    assert qbank_dbt("bulid").returncode == 2
