"""`qbank dbt`: any dbt command, as the role that owns the marts."""

from __future__ import annotations

import subprocess
import sys


def qbank_dbt(*arguments):
    command = [sys.executable, "-c", "from qbank.cli import main; main()", "dbt", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


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


def test_it_asks_for_a_command(settings):
    done = qbank_dbt()
    assert done.returncode == 2
    assert done.stderr.startswith("qbank: which dbt command?")
    assert qbank_dbt("bulid").returncode == 2
