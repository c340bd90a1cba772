"""A file is sent over HTTP, and a real daemon imports it: whole, once, and with the report."""

from __future__ import annotations

import os
import re
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import dagster as dg
import httpx
import pytest

from delivery_api.settings import ApiSettings
from delivery_api.tokens import Tokens
from qbank.postgres import connect
from qbank.settings import get_settings
from qbank_orchestration.instance import instance
from qbank_orchestration.sensors.data_requests import ATTEMPT, REQUEST
from tests.orchestration.daemon import daemon, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

PATIENCE = 300.0
GIVEN = {"create_exam": True, "timestamp": "2024-06-01", "file_name": "june.csv"}
OVER = {"done", "refused", "failed"}


def answers(people: int, items: int) -> str:
    rows = (f"p{k},q{n},{int(k * 7 % 11 > n % 9)}\n" for k in range(people) for n in range(items))
    return "user_id,question,correct\n" + "".join(rows)


@pytest.fixture(scope="module")
def api(clone_database) -> Iterator[httpx.Client]:
    """A real API beside a real daemon; the client is amy, who administers tenant demo."""
    secret = {"QBANK_JWT_SECRET": secrets.token_urlsafe(48)}
    before = {name: os.environ.get(name) for name in secret}
    os.environ |= secret
    with clone_database("empty"), socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        server = subprocess.Popen([sys.executable, "-m", "delivery_api", "--port", str(port)])
        token = Tokens(ApiSettings.load(), get_settings()).issue("amy", ["admin"], "demo", 36_000)
        headers = {"Authorization": f"Bearer {token}"}
        try:
            with (
                daemon(),
                httpx.Client(
                    base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60
                ) as client,
            ):
                wait_for(lambda: ready(client), PATIENCE, "the API")
                yield client
        finally:
            server.kill()
            server.wait()
    for name, value in before.items():
        os.environ.pop(name, None) if value is None else os.environ.update({name: value})


def ready(client: httpx.Client) -> bool | None:
    try:
        return client.get("/ready").status_code == 200 or None
    except httpx.TransportError:
        return None


def sent(client: httpx.Client, exam: str, text: str, path: str = "", **given: Any) -> str:
    answer = client.post(
        f"/v1/exams/{exam}/imports{path}", params=GIVEN | given, content=text.encode()
    )
    assert answer.status_code == 202, answer.text
    return str(answer.headers["location"])


def state(client: httpx.Client, where: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(where).raise_for_status().json()
    return found


def over(client: httpx.Client, where: str) -> dict[str, Any]:
    def ended() -> dict[str, Any] | None:
        found = state(client, where)
        return found if found["state"] in OVER else None

    return wait_for(ended, PATIENCE, f"the end of {where}")


def responses(exam: str) -> int:
    sql = """SELECT count(*) FROM user_responses AS r JOIN quiz_sessions AS s ON s.id = r.quiz_id
        WHERE s.exam_code = %s"""
    with connect() as conn:
        return int(conn.execute(sql, (exam,)).fetchone()[0])


def runs_of(where: str) -> list[dg.DagsterRun]:
    with instance() as opened:
        return [*opened.get_runs(dg.RunsFilter(tags={REQUEST: where.rpartition("/")[2]}))]


def test_a_file_comes_in_and_goes_again(api):
    where = sent(api, "JUNE", answers(40, 6))
    done = over(api, where)
    assert done["state"] == "done", done
    assert done["responses_report"]["rows_inserted"] == responses("JUNE") == 240
    assert len(runs_of(where)) == 1
    undone = api.post(f"{where}/undo").headers["location"]
    assert over(api, undone)["undo_report"]["responses"] == 240
    assert responses("JUNE") == 0
    assert state(api, where)["undone_by"] == undone.rpartition("/")[2]


def test_items_come_in_and_what_is_refused_says_why(api):
    text = "external_ref,stem,options,key\nk1,One?,x|y,A\nk2,Two?,x|y,Q\n"
    given = {"timestamp": None, "file_name": "bank.csv"}
    items = {name: value for name, value in (GIVEN | given).items() if value is not None}
    answer = api.post("/v1/exams/BANK/imports/items", params=items, content=text.encode())
    refused = over(api, answer.headers["location"])
    assert refused["state"] == "refused"
    assert "--max-rejects is 0" in refused["error"]
    rejects = api.get(f"{answer.headers['location']}/rejects").text
    assert rejects.splitlines()[1].startswith("k2,")


def test_a_killed_import_is_begun_anew_and_comes_in_once(api):
    exam, text = "KILLED", answers(8000, 25)
    where = sent(api, exam, text)

    def at_work() -> int | None:
        """The process that imports, once it holds rows that nobody sees yet."""
        sql = """SELECT 1 FROM pg_stat_activity WHERE datname = current_database()
            AND usename = 'qbank' AND query ~ 'import_rows|import_answers|quiz_items'
            AND state <> 'idle' AND pid <> pg_backend_pid()"""
        with connect() as conn:
            if conn.execute(sql).fetchone() is None:
                return None
        (run,) = [one for one in runs_of(where) if not one.is_finished] or [None]
        return None if run is None else worker(run.run_id)

    os.kill(wait_for(at_work, PATIENCE, "the import at work"), signal.SIGKILL)
    assert responses(exam) == 0
    done = over(api, where)
    assert done["state"] == "done", done
    assert responses(exam) == done["responses_report"]["rows_inserted"] == 200_000
    attempts = {run.tags[ATTEMPT]: run.status.value for run in runs_of(where)}
    # the import is over a moment before its run is
    assert attempts.pop("0") == "FAILURE"
    assert attempts.keys() == {"1"}
    # what the killed process had on disk goes with the retention of files
    left = list((get_settings().home / "imports").iterdir())
    assert all(folder.stat().st_mode & 0o077 == 0 for folder in left)


def worker(run_id: str) -> int | None:
    """The process that executes a run, as the run's own log tells it."""
    with instance() as opened:
        told = [
            re.search(r"\(pid: (\d+)\)", entry.user_message or "")
            for entry in opened.all_logs(run_id)
        ]
    return next((int(match[1]) for match in told if match), None)
