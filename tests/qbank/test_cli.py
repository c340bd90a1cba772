"""The command line: answers on stdout, one line on stderr where something is wrong."""

from __future__ import annotations

import json
import os
import re
import secrets
import shlex
import signal
import subprocess
import sys
from uuid import uuid4

import pytest

from qbank.postgres import connect


def qbank(*arguments, **options):
    command = [sys.executable, "-c", "from qbank.cli import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def test_help_lists_the_commands_of_all_rooms():
    done = qbank("--help")
    assert done.returncode == 0
    for command in ("db", "import", "runs", "serve", "demo-data"):
        assert re.search(rf"\b{command}\b", done.stdout), command


def test_own_commands_import_nothing_heavy():
    code = """
import sys
from qbank.cli.commands import app
import typer
typer.main.get_command(app)
heavy = {"numba", "numpy", "pandas", "pyarrow", "dagster", "psycopg", "yoyo"} & set(sys.modules)
print(sorted(heavy))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_error_is_one_line_and_exit_code_2(settings):
    done = qbank("import", "responses", "absent.csv", "--exam", "E", "--timestamp", "2024-01-01")
    assert done.returncode == 2
    assert done.stderr == ("qbank: absent.csv is not a file: name the file of responses\n")
    wrong = qbank("db", "status", env=os.environ | {"QBANK_ENV": "moon"})
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
    assert "QBANK_ENV is 'moon'" in wrong.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("QBANK_RETENTION_CRON", "61 * * * *"),
        ("QBANK_WEEKLY_CRON", "0 4 * *"),
        ("QBANK_REPORT_CRON", "0 25 * * 0"),
        ("QBANK_KEEP_RUNS_DAYS", "0"),
        ("QBANK_ALERT_TIMEOUT_S", "-1"),
        ("QBANK_API_WORKERS", "0"),
        ("QBANK_CONSOLE_MARTS_TTL_S", "soon"),
    ],
)
def test_serve_refuses_a_wrong_setting_of_any_service(tmp_path, name, value):
    home = tmp_path / "home"
    variables = {"QBANK_HOME": str(home), "QBANK_JWT_SECRET": secrets.token_urlsafe(48)}
    done = qbank("serve", env=os.environ | variables | {name: value}, timeout=60)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert f"{name} is {value!r}: " in done.stderr
    assert not (home / "postgres").exists()


def test_debugging_shows_the_traceback(settings):
    done = qbank("db", "rollback", "9942", "--yes", env=os.environ | {"QBANK_DEBUG": "1"})
    assert "Traceback" in done.stderr
    assert "MigrationError" in done.stderr


def test_init_can_be_repeated_and_status_tells(settings):
    assert "the schema is up to date" in qbank("db", "init").stdout
    states = json.loads(qbank("db", "status", "--json").stdout)
    assert all(state["applied"] for state in states)
    assert qbank("db", "rollback", "0004", "--yes").returncode == 0
    assert qbank("db", "status").returncode == 1
    assert "applied 0005_roles" in qbank("db", "migrate").stdout


def test_psql_connects_as_the_role(settings):
    done = qbank("db", "psql", "--role", "delivery", "-tAc", "SELECT current_user")
    assert done.stdout.strip() == "qbank_delivery"


def test_url_can_be_used_while_the_server_is_kept(settings):
    done = qbank("db", "url", "--role", "analyst")
    assert done.stdout.startswith("postgresql://qbank_analyst:")
    assert done.stdout.strip().endswith(settings.database)


def test_run_keeps_the_server_until_it_is_told_to_stop(settings):
    command = [sys.executable, "-c", "from qbank.cli import main; main()", "db", "run"]
    supervisor = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert supervisor.stdout.readline().startswith("running")
    supervisor.send_signal(signal.SIGINT)
    assert supervisor.wait(20) == 0


def test_import_reports_and_repeats(settings, tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("who,what,right\na,q1,1\nb,q1,2\n")
    arguments = ["import", "responses", str(file), "--exam", "E", "--create-exam"]
    arguments += ["--user-col", "who", "--item-col", "what", "--correct-col", "right"]
    arguments += ["--timestamp", "2024-06-01", "--max-rejects", "1"]
    done = qbank(*arguments, cwd=tmp_path)
    counts = "2 rows read: 1 new, 0 known, 0 replaced, 0 missing, 1 rejected; 1 new items\n"
    assert done.stdout.startswith(counts)
    assert (tmp_path / "a.rejects.csv").read_text().splitlines()[1].startswith('b,q1,2,3,"correct')
    again = json.loads(qbank(*arguments, "--json", cwd=tmp_path).stdout)
    assert (again["rows_inserted"], again["rows_known"]) == (0, 1)


def test_presets_and_units_are_checked(settings):
    for option in (
        ["--preset", "excel"],
        ["--time-unit", "h"],
        ["--blank-correct", "guess"],
        ["--on-conflict", "both"],
    ):
        done = qbank("import", "responses", "x.csv", "--exam", "E", *option)
        assert done.returncode == 2
        assert f"'{option[1]}'" in done.stderr


def test_runs_are_listed_shown_and_compared(settings):
    run = str(uuid4())
    with connect() as connection:
        connection.execute("INSERT INTO exams (exam_code, tenant_id, title) VALUES ('E', 't', 'E')")
        connection.execute("INSERT INTO topics (tenant_id, name) VALUES ('t', 'T')")
        connection.execute("INSERT INTO questions (tenant_id, created_by) VALUES ('t', 'x')")
        connection.execute(
            "INSERT INTO question_versions (question_id, version, stem_md, topic_id, created_by)"
            " SELECT q.id, 1, 's', t.id, 'x' FROM questions AS q, topics AS t"
        )
        connection.execute(
            "INSERT INTO calibration_runs (id, kind, exam_code, status, requested_by, started_at,"
            " finished_at) VALUES (%s, 'sympson_hetter', 'E', 'done', 'me', now(), now())",
            [run],
        )
        connection.execute(
            "INSERT INTO item_exposure_history (exam_code, question_id, version, before, after,"
            " source, run_id, actor) SELECT 'E', id, 1, 1.0, 0.25, 'calibration', %s, 'me'"
            " FROM questions",
            [run],
        )
    assert json.loads(qbank("runs", "list", "--json").stdout)["runs"][0]["id"] == run
    assert run[:8] in qbank("runs", "list", "--exam", "E").stdout
    assert json.loads(qbank("runs", "show", run, "--json").stdout)["status"] == "done"
    lines = qbank("runs", "diff", run, "--csv").stdout.splitlines()
    assert lines[0] == "qid,ver,sh_p_before,sh_p_after,delta"
    assert lines[1].endswith(",1,1.0,0.25,-0.75")
    missing = qbank("runs", "show", str(uuid4()))
    assert missing.returncode == 2
    assert "does not exist" in missing.stderr


def test_a_closed_pipe_is_no_error(settings):
    python = shlex.quote(sys.executable)
    command = f"{python} -c 'from qbank.cli import main; main()' db status --json | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)  # noqa: S602
    assert done.stderr == ""


@pytest.mark.parametrize("answer", ["n\n", ""])
def test_dropping_asks_first(settings, answer):
    done = qbank("db", "drop-embedded", input=answer)
    assert done.returncode == 2
    assert "--yes" in done.stderr
    assert (settings.home / "postgres").exists()
