"""What is asked of the owner: killed at any moment it is done whole or not at all."""

from __future__ import annotations

import hashlib
import random
import signal
import time
from datetime import UTC, datetime, timedelta

import pytest

from qbank.people.erasing import erase
from qbank.postgres import connect
from qbank.retention import RetentionSettings, old_files, old_uploads
from qbank.settings import get_settings
from qbank.stores import data_request_files, data_requests
from tests.qbank.answers import rows
from tests.qbank.killing import wait_for_silence, worker

KILLS = 4
WORK = """
from uuid import UUID
from qbank.importing.requested import carry_out
from qbank.postgres import connect
from qbank.stores import data_requests

def do(request_id, name):
    with connect() as conn:
        asked = data_requests.claim(conn, UUID(request_id), name)
    carry_out(asked)
"""
OPTIONS = {"create_exam": True, "timestamp": "2024-06-01T00:00:00", "max_rejects": 5}


@pytest.fixture
def run(settings, tmp_path):
    with worker(WORK, "do(*words)", tmp_path) as made:
        yield made


def text(people, extra=""):
    lines = (f"p{k},q{n},{int(k % 5 > n % 4)}\n" for k in range(people) for n in range(10))
    return ("user_id,question,correct\n" + "".join(lines) + extra).encode()


def ask(body=b"", undoes=None, **options):
    with connect() as conn:
        file = data_requests.File("a.csv", len(body), hashlib.sha256(body).hexdigest())
        asked = data_requests.create(
            conn,
            tenant_id="default",
            kind="responses" if undoes is None else "undo",
            exam="EX",
            requested_by="amy",
            options=OPTIONS | options if undoes is None else {},
            file=file if undoes is None else None,
            undoes=undoes,
        )
        pieces = [body[:1000], body[1000:]] if body else []
        data_request_files.keep(conn, asked.id, "upload", pieces)
    return asked.id


def state(request_id):
    with connect() as conn:
        return data_requests.get(conn, request_id)


def size(table):
    return rows(f"SELECT count(*) FROM {table}")[0][0]  # noqa: S608


def lost(request_id):
    with connect() as conn:
        return data_requests.give_back(conn, data_requests.get(conn, request_id))


@pytest.mark.slow
def test_what_is_killed_is_done_whole_or_not_at_all(run):
    body = text(400)
    first = ask(body)
    began = time.monotonic()
    assert run(f"{first} r") == 0
    lasts = time.monotonic() - began
    assert (state(first).state, size("user_responses")) == ("done", 4000)
    assert run(f"{ask(undoes=first)} r") == 0
    assert size("user_responses") == 0
    moments, killed = random.Random(5), 0  # noqa: S311
    while killed < KILLS:
        asked = ask(body)
        status = run(f"{asked} r{killed}", moments.uniform(0, lasts))
        wait_for_silence()
        found = state(asked)
        is_done = found.state == "done"
        assert size("user_responses") == (4000 if is_done else 0), found
        assert size("data_request_files") == (0 if is_done else 2)
        if status == signal.SIGKILL and not is_done:
            killed += 1
            assert lost(asked) == "queued"
            assert run(f"{asked} again{killed}") == 0
            assert (state(asked).state, size("user_responses")) == ("done", 4000)
        # of an undo the same
        undo = ask(undoes=asked)
        run(f"{undo} u{killed}", moments.uniform(0, lasts))
        wait_for_silence()
        if state(undo).state != "done":
            assert size("user_responses") == 4000
            assert lost(undo) == "queued"
            assert run(f"{undo} v{killed}") == 0
        assert (state(undo).state, size("user_responses")) == ("done", 0)


def test_what_was_left_is_removed_when_it_is_old(run):
    done = ask(text(3, "p1,q1,perhaps\n"))
    failed = ask(text(3))
    waiting = ask(text(4))
    assert run(f"{done} r") == 0
    assert state(done).has_rejects
    for k in range(data_requests.MOST_ATTEMPTS):
        with connect() as conn:
            data_requests.claim(conn, failed, f"r{k}")
        lost(failed)
    assert state(failed).state == "failed"
    folder = get_settings().home / "imports" / "left-1"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text("x")
    # of other tests that killed something, too
    left = len(list(folder.parent.iterdir()))
    keep, today = RetentionSettings(), datetime.now(UTC)
    later = today + timedelta(days=keep.keep_files_days + 1)
    for now, dry_run, old in ((today, False, 0), (later, True, 1), (later, False, 1)):
        uploads = old_uploads(now, keep, get_settings(), dry_run=dry_run)
        files = old_files(now, keep, get_settings(), dry_run=dry_run)
        told = {removed.what: removed.count for removed in files}
        # rejects of the one, and what came of the other
        assert (uploads.count, told["files of imports that were killed"]) == (2 * old, left * old)
        assert folder.exists() is (dry_run or not old)
    assert size("data_requests") == 3
    with connect() as conn:
        assert b"".join(data_request_files.pieces(conn, waiting, "upload")) == text(4)
    assert not state(done).has_rejects


def test_who_is_erased_is_in_no_report_and_no_rejects(run):
    asked, dry = ask(text(3, "p0,q1,perhaps\n")), ask(text(3), dry_run=True)
    for request_id in (asked, dry):
        assert run(f"{request_id} r") == 0
        assert "'p0'" in str(state(request_id).report)
    assert state(asked).has_rejects
    counted = erase("p0", dry_run=True)
    assert counted.removed["data_request_files"] == 1
    assert counted.name_removed["data_requests"] == 2
    # whom they do not name changes nothing of them
    erase("p1")
    assert (state(asked).has_rejects, state(dry).report is None) == (True, False)
    assert erase("p0") == counted
    for request_id in (asked, dry):
        found = state(request_id)
        assert (found.state, found.report, found.has_rejects) == ("done", None, False)
