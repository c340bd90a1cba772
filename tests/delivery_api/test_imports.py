"""Imports by upload: what is sent comes in as the command would bring it, and goes again."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest
from psycopg.types.json import Jsonb

from qbank.cli import main
from qbank.importing import batches
from qbank.importing.requested import carry_out
from qbank.importing.undoing import undo
from qbank.postgres import connect
from qbank.settings import get_settings
from qbank.stores import ConflictError, data_requests

PATH = "/v1/exams/LIC/imports"
ANSWERS = "user_id,question,correct\n" + "".join(
    f"p{k},q{n},{int(k % 3 > n % 2)}\n" for k in range(30) for n in range(5)
)
GIVEN = {"create_exam": True, "timestamp": "2024-06-01"}
ITEMS = "external_ref,stem,options,key\nk1,One?,x|y,A\nk2,Two?,x|y,B\n"


@pytest.fixture
def amy(as_user):
    return as_user("amy", "admin")


@pytest.fixture(autouse=True)
def clean(world):
    """What a test imports is not there for the next one."""
    yield
    take_back(world)


def take_back(world: Any) -> None:
    """Undoes every import, and forgets what was asked for."""
    with world.connect() as conn:
        found = conn.execute("SELECT id FROM import_batches WHERE undone_at IS NULL").fetchall()
    for (batch,) in reversed(found):
        undo(batch, settings=world.settings)
    with world.connect() as conn:
        conn.execute("DELETE FROM data_request_files")
        conn.execute("DELETE FROM data_requests")


def send(client: Any, headers: dict[str, str], body: str | bytes, path: str = PATH, **given: Any):
    data = body.encode() if isinstance(body, str) else body
    return client.post(path, params=given, content=data, headers=headers)


def work(world: Any, worker: str = "run-1") -> list[str]:
    """Does all that waits, as the orchestrator's job does."""
    states = []
    with world.connect() as conn:
        waiting = [asked.id for asked in data_requests.opened(conn) if asked.state == "queued"]
    for request_id in waiting:
        with connect("orchestration", settings=world.settings) as conn:
            asked = data_requests.claim(conn, request_id, worker)
        states.append(carry_out(asked, settings=world.settings))
    return states


def told(client: Any, headers: dict[str, str], answer: httpx.Response) -> dict[str, Any]:
    """What is told of an import that was sent."""
    assert answer.status_code == 202, answer.text
    found = client.get(answer.headers["location"], headers=headers)
    assert found.status_code == 200, found.text
    shown: dict[str, Any] = found.json()
    return shown


def command(monkeypatch: Any, capsys: Any, folder: Path, *words: str) -> dict[str, Any]:
    """The report of the command, started beside the file."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.argv", ["qbank", "import", *words, "--json"])
    with pytest.raises(SystemExit):
        main()
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    return report


def count(world: Any, table: str) -> int:
    with world.connect() as conn:
        return int(conn.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608


def test_responses_come_in_and_the_report_is_the_command_s(
    client, amy, world, monkeypatch, capsys, tmp_path
):
    (tmp_path / "june.csv").write_text(ANSWERS)
    options = ("responses", "june.csv", "--exam", "LIC", "--create-exam", "--tenant", "demo")
    stamp = ("--timestamp", "2024-06-01", "--dry-run")
    wanted = command(monkeypatch, capsys, tmp_path, *options, *stamp)
    sent = send(client, amy, ANSWERS, file_name="june.csv", dry_run=True, **GIVEN)
    assert told(client, amy, sent)["state"] == "queued"
    assert work(world) == ["done"]
    tried = told(client, amy, sent)
    assert (tried["state"], tried["batch"]) == ("done", None)
    assert tried["responses_report"] == wanted
    assert count(world, "user_responses") == 0
    sent = send(client, amy, ANSWERS, file_name="june.csv", **GIVEN)
    assert work(world) == ["done"]
    done = told(client, amy, sent)
    assert done["responses_report"]["rows_inserted"] == 150
    with world.connect() as conn:
        kept = batches.batch(conn, done["batch"])
        whose = conn.execute("SELECT DISTINCT tenant_id FROM quiz_sessions WHERE exam_code = 'LIC'")
        assert whose.fetchall() == [("demo",)]
    assert (kept["source_name"], kept["imported_by"]) == ("june.csv", "import:amy")
    assert (kept["responses"], kept["source_sha256"]) == (150, done["sha256"])
    # the file is let go with the import
    assert count(world, "data_request_files") == 0


CHOSEN = "user_id,question,option\n" + "".join(
    f"p{k},q{n},{'ABCD'[(k * (n + 1)) % 4]}\n" for k in range(12) for n in range(3)
)
KEYS = "item,key\nq0,B\nq1,A|C\nq2,all\n"


def send_keyed(client: Any, headers: dict[str, str], parts: dict[str, Any], **given: Any):
    params = GIVEN | {"option_col": "option"} | given
    return client.post(f"{PATH}/keyed", params=params, files=parts, headers=headers)


def test_a_file_of_keys_comes_with_the_responses(client, amy, world, monkeypatch, capsys, tmp_path):
    parts = {"file": CHOSEN, "key": gzip.compress(KEYS.encode())}
    names = {"file_name": "june.csv", "key_name": "key.csv.gz"}
    (tmp_path / "june.csv").write_text(CHOSEN)
    (tmp_path / "key.csv.gz").write_bytes(parts["key"])
    options = ("responses", "june.csv", "--exam", "LIC", "--create-exam", "--tenant", "demo")
    more = ("--timestamp", "2024-06-01", "--option-col", "option", "--key", "key.csv.gz")
    wanted = command(monkeypatch, capsys, tmp_path, *options, *more, "--dry-run")
    sent = send_keyed(client, amy, parts, dry_run=True, **names)
    assert work(world) == ["done"]
    assert told(client, amy, sent)["responses_report"] == wanted
    again = {"Idempotency-Key": "june-with-key"} | amy
    sent = send_keyed(client, again, parts, **names)
    assert count(world, "data_request_files") == 2
    assert work(world) == ["done"]
    shown = told(client, amy, sent)
    assert (shown["key_name"], shown["options"]) == (
        "key.csv.gz",
        {"create_exam": True, "timestamp": "2024-06-01T00:00:00", "option_col": "option"},
    )
    assert count(world, "data_request_files") == 0
    with world.connect() as conn:
        right = conn.execute(
            """SELECT q.external_ref, count(*) FILTER (WHERE r.is_correct) FROM user_responses AS r
            JOIN questions AS q ON q.id = r.question_id
            WHERE q.external_ref IN ('q0', 'q1', 'q2') AND r.import_batch_id = %s
            GROUP BY 1 ORDER BY 1""",
            (shown["batch"],),
        ).fetchall()
    # of twelve: B is every fourth; A and C are all the even ones; all are right
    assert right == [("q0", 3), ("q1", 12), ("q2", 12)]
    # the same key as the same request is one import, with another key it is another request
    assert send_keyed(client, again, parts, **names).json()["id"] == shown["id"]
    other = send_keyed(client, again, parts | {"key": KEYS}, **names)
    assert other.json()["type"] == "urn:qbank:problem:idempotency-key-reused"


def test_a_key_that_cannot_be_used_is_refused_by_name(client, amy, world):
    for parts, said in (
        ({"file": CHOSEN}, "body: it has file: send the files `file` and `key`"),
        ({"file": CHOSEN, "keys": KEYS}, "it has file, keys: send"),
        ({"file": CHOSEN, "key": ""}, "one of its files is empty"),
        ({"file": CHOSEN, "key": KEYS, "more": KEYS}, "Send the files `file` and `key`"),
    ):
        answer = send_keyed(client, amy, parts)
        assert (answer.status_code, said in answer.json()["detail"]) == (422, True), answer.text
    raw = client.post(f"{PATH}/keyed", params=GIVEN, content=CHOSEN, headers=amy)
    assert (raw.status_code, "send a form with the files" in raw.json()["detail"]) == (422, True)
    assert count(world, "data_requests") == 0
    twice = send_keyed(client, amy, {"file": CHOSEN, "key": KEYS + "q0,C\n"}, key_name="k.csv")
    assert work(world) == ["refused"]
    error = told(client, amy, twice)["error"]
    assert error.startswith("k.csv: item 'q0' has key B in line 2 and C in line 5")


def test_items_come_in_and_packed_files_do(client, amy, world):
    path = f"{PATH}/items"
    sent = send(client, amy, gzip.compress(ITEMS.encode()), path, create_exam=True, publish=True)
    assert work(world) == ["done"]
    done = told(client, amy, sent)
    report = done["items_report"]
    assert (report["items_new"], report["published"], report["batch"]) == (2, 2, done["batch"])
    assert done["options"] == {"create_exam": True, "publish": True}
    refused = send(client, amy, "external_ref,stem,options,key\nk9,?,x,Q\n", path)
    assert work(world) == ["refused"]
    found = told(client, amy, refused)
    assert found["error"].startswith("items: none of its 1 items can be kept")
    assert found["items_report"]["items_rejected"] == 1


def test_refused_rows_are_told_and_to_be_had(client, amy, as_user, world):
    text = ANSWERS + "p0,q0,perhaps\n"
    sent = send(client, amy, text, file_name="may.csv", **GIVEN)
    assert work(world) == ["refused"]
    found = told(client, amy, sent)
    assert found["batch"] is None
    report = found["responses_report"]
    assert (report["rows_rejected"], report["refused_by_score"]) == (1, {"unknown": 1})
    assert report["refused_by_item"] == {"q0": 1}
    assert "--max-rejects is 0" in found["error"]
    assert str(get_settings().home) not in json.dumps(found)
    where = f"/v1/imports/{found['id']}/rejects"
    rejects = client.get(where, headers=amy)
    assert rejects.status_code == 200
    lines = rejects.text.splitlines()
    assert lines[0] == "user_id,question,correct,reject_line,reject_reason"
    assert lines[1].startswith("p0,q0,perhaps,152,")
    assert client.get(where, headers=as_user("amy", "admin", tenant="other")).status_code == 404
    assert count(world, "user_responses") == 0
    # with a bound they are let go, and kept beside what came in
    sent = send(client, amy, text, max_rejects=1, **GIVEN)
    assert work(world) == ["done"]
    assert told(client, amy, sent)["has_rejects"]


def test_a_report_is_of_a_size_however_bad_the_file(client, amy, world):
    lines = [f"p{k},{'long' * 30}{k // 2},perhaps\n" for k in range(3000)]
    text = "user_id,question,correct\n" + "".join(lines) + "p0,most,maybe\n" * 3
    sent = send(client, amy, text, **GIVEN)
    assert work(world) == ["refused"]
    found = told(client, amy, sent)
    report = found["responses_report"]
    refused = report["refused_by_item"]
    assert (report["rows_rejected"], sum(refused.values())) == (3003, 3003)
    assert (next(iter(refused.items())), len(refused)) == (("most", 3), 501)
    assert refused["(others)"] == 2 * (1501 - 500)
    assert "refused_by_item: the first 500 are listed, 1001 more are not" in report["notes"]
    with world.connect() as conn:
        size = "SELECT length(report::text), length(error) FROM data_requests"
        report_size, error_size = conn.execute(size).fetchone()
    assert report_size < 200_000
    assert error_size <= 2000
    rejects = client.get(f"/v1/imports/{found['id']}/rejects", headers=amy)
    assert rejects.text.count("\n") == 3004


def test_an_import_is_taken_back(client, amy, as_user, world):
    sent = send(client, amy, ANSWERS, **GIVEN)
    where = sent.headers["location"]
    early = client.post(f"{where}/undo", headers=amy)
    assert (early.status_code, "is queued" in early.json()["detail"]) == (409, True)
    work(world)
    assert count(world, "user_responses") == 150
    stranger = as_user("amy", "admin", tenant="other")
    assert client.post(f"{where}/undo", headers=stranger).status_code == 404
    undone = client.post(f"{where}/undo", headers=amy)
    assert work(world) == ["done"]
    found = told(client, amy, undone)
    assert (found["kind"], found["undo_report"]["responses"]) == ("undo", 150)
    assert count(world, "user_responses") == 0
    assert client.get(where, headers=amy).json()["undone_by"] == found["id"]
    again = client.post(f"{where}/undo", headers=amy)
    assert (again.status_code, found["id"] in again.json()["detail"]) == (409, True)
    listed = client.get("/v1/imports", params={"kind": "undo"}, headers=amy).json()
    assert [one["id"] for one in listed["items"]] == [found["id"]]


def test_conflicts_are_refused_by_name(client, amy, world):
    send(client, amy, ANSWERS, **GIVEN)
    work(world)
    other = ANSWERS.replace("p0,q0,0\n", "p0,q0,1\n")
    assert other != ANSWERS
    sent = send(client, amy, other, **GIVEN)
    assert work(world) == ["refused"]
    found = told(client, amy, sent)
    assert found["responses_report"]["rows_conflicting"] == 1
    assert "p0" in found["error"]


def test_the_same_request_again_is_one_import(client, amy, world):
    keyed = amy | {"Idempotency-Key": "june-of-lic"}
    first, again = (send(client, keyed, ANSWERS, **GIVEN) for _ in range(2))
    assert (again.status_code, again.json()) == (202, first.json())
    assert count(world, "data_requests") == 1
    other = send(client, keyed, ANSWERS + "p99,q1,1\n", **GIVEN)
    assert other.json()["type"] == "urn:qbank:problem:idempotency-key-reused"
    assert count(world, "data_requests") == 1


def test_what_cannot_be_taken_is_refused_at_once_by_name(client, amy, world):
    for given, body, status, said in (
        (GIVEN | {"time_unit": "h"}, ANSWERS, 422, "query.time_unit: Input should be 'ms' or 's'"),
        (GIVEN | {"nonsense": 1}, ANSWERS, 422, "'nonsense' is unknown: use attempt, attempt_col"),
        (GIVEN | {"file_name": "../x"}, ANSWERS, 422, "query.file_name"),
        (GIVEN | {"file_name": ".."}, ANSWERS, 422, "without a folder"),
        (GIVEN | {"pseudonymise": True}, ANSWERS, 422, "query.pseudonymise: the file"),
        (GIVEN, b"", 422, "body: it is empty"),
    ):
        answer = send(client, amy, body, **given)
        assert (answer.status_code, said in answer.json()["detail"]) == (status, True), answer.text
    nowhere = send(client, amy, ANSWERS, PATH.replace("LIC", "NOWHERE"))
    assert nowhere.status_code == 404
    assert "exam 'NOWHERE' does not exist" in nowhere.json()["detail"]
    form = client.post(PATH, params=GIVEN, files={"file": ("a.csv", ANSWERS)}, headers=amy)
    assert "send the file itself, not a form" in form.json()["detail"]
    assert count(world, "data_requests") == 0


def test_what_is_found_out_later_is_said_by_name(client, amy, world):
    for given, said in (
        ({"preset": "nosuch"}, "nosuch"),
        ({"gap": "soon"}, "'soon' is no length of time"),
        ({"user_col": "who"}, "who"),
        ({"score": "2"}, "--score is '2'"),
    ):
        sent = send(client, amy, ANSWERS, **GIVEN, **given)
        assert work(world) == ["refused"], given
        assert said in told(client, amy, sent)["error"]


def test_what_a_file_does_wrong_is_refused_at_once(client, amy, world):
    nul = json.dumps({"user_id": "p", "que\x00stion": "q", "correct": 1})
    for body, given, said in (
        ('{"user_id": ' + "[" * 100_000, {}, "nested too deeply"),
        (nul, {"item_col": "nosuch"}, "que\ufffdstion"),
        (nul, {"encoding": "hex"}, "--encoding 'hex' is unknown"),
        (ANSWERS, {"encoding": "undefined"}, "undefined encoding"),
        (ANSWERS, {"gap": "999999999999999h"}, "'999999999999999h' is too long"),
        # queued before it was refused; here there is no key
        (ANSWERS, {"pseudonymise": True}, "QBANK_PSEUDONYM_KEY_FILE"),
    ):
        asked = {name: value for name, value in given.items() if name != "pseudonymise"}
        sent = send(client, amy, body, **GIVEN, **asked)
        with world.connect() as conn:
            conn.execute(
                "UPDATE data_requests SET options = options || %s WHERE id = %s",
                (Jsonb(given), sent.json()["id"]),
            )
        assert work(world) == ["refused"], given
        assert said in told(client, amy, sent)["error"], given


def test_who_asked_made_the_exam(client, amy, world):
    send(client, amy, ANSWERS, PATH.replace("LIC", "NEWLY"), **GIVEN)
    assert work(world) == ["done"]
    params = {"action": "exam.create"}
    noted = client.get("/v1/admin/audit", params=params, headers=amy).json()["items"]
    assert [one["actor"] for one in noted if "NEWLY" in one["target"]] == ["amy"]


def test_an_import_is_its_sender_s_work_where_four_eyes_are_wanted(client, amy, as_user, world):
    with world.connect() as conn:
        conn.execute(
            """INSERT INTO exams (exam_code, tenant_id, title, policy)
            VALUES ('two', 'demo', 'Four eyes', '{"four_eyes": true}')"""
        )
    send(client, amy, ITEMS, "/v1/exams/two/imports/items")
    assert work(world) == ["done"]
    with world.connect() as conn:
        (question,) = conn.execute(
            "SELECT id FROM questions WHERE external_ref = 'k1' AND exam_code = 'two'"
        ).fetchone()

    def approve(headers: dict[str, str]) -> None:
        for status in ("pending", "approved"):
            path, body = f"/v1/author/questions/{question}/reviews", {"status": status}
            assert client.post(path, json=body, headers=headers).status_code == 201

    def publish(headers: dict[str, str]) -> httpx.Response:
        path = f"/v1/author/publish/{question}"
        return client.post(path, params={"exam_code": "two"}, headers=headers)

    approve(amy)
    assert "approved by nobody else" in publish(amy).json()["detail"]
    bob = as_user("bob", "author", "reviewer", "publisher")
    approve(bob)
    assert "have somebody else publish it" in publish(amy).json()["detail"]
    assert publish(bob).status_code == 200
    with world.connect() as conn:  # what was reviewed is not taken back
        conn.execute("UPDATE import_batches SET undone_at = now(), undone_by = 'amy'")


def test_it_leaves_a_row_in_the_audit_log(client, amy, world):
    sent = send(client, amy, ANSWERS, file_name="june.csv", **GIVEN).json()
    params = {"action": "import.ask"}
    (noted, *_) = client.get("/v1/admin/audit", params=params, headers=amy).json()["items"]
    assert noted["target"] == f"exam=LIC request={sent['id']}"
    assert noted["details"]["sha256"] == sent["sha256"]
    assert noted["details"]["options"] == {"create_exam": True, "timestamp": "2024-06-01T00:00:00"}


def test_a_worker_that_was_replaced_writes_nothing(client, amy, world):
    folder = world.settings.home / "imports"
    before = set(folder.glob("*"))  # what tests left that kill an import
    sent = send(client, amy, ANSWERS, **GIVEN)
    with world.connect() as conn:
        slow = data_requests.claim(conn, UUID(sent.json()["id"]), "slow")
    with world.connect() as conn:
        assert data_requests.give_back(conn, slow) == "queued"
    with world.connect() as conn:
        next_one = data_requests.claim(conn, slow.id, "next")
    with pytest.raises(ConflictError, match="is another worker's by now"):
        carry_out(slow, settings=world.settings)
    assert count(world, "user_responses") == 0
    assert carry_out(next_one, settings=world.settings) == "done"
    assert count(world, "user_responses") == 150
    assert set(folder.iterdir()) == before


def test_after_three_lost_workers_it_has_failed_by_name(client, amy, world):
    sent = send(client, amy, ANSWERS, **GIVEN)
    seen = []
    for k in range(3):
        with world.connect() as conn:
            asked = data_requests.claim(conn, UUID(sent.json()["id"]), f"run-{k}")
            seen.append(data_requests.give_back(conn, asked))
    assert seen == ["queued", "queued", "failed"]
    found = told(client, amy, sent)
    assert found["state"] == "failed"
    assert found["error"].endswith("tried 3 times: send it again")


def test_the_api_s_role_says_of_nothing_that_it_was_done(client, amy, world):
    sent = send(client, amy, ANSWERS, **GIVEN).json()["id"]
    tries = (
        f"UPDATE data_requests SET state = 'done' WHERE id = '{sent}'",  # noqa: S608
        f"DELETE FROM data_requests WHERE id = '{sent}'",  # noqa: S608
        f"INSERT INTO data_request_files VALUES ('{sent}', 'upload', 9, 'more')",  # noqa: S608
        f"INSERT INTO data_request_files VALUES ('{sent}', 'rejects', 0, 'x')",  # noqa: S608
        """INSERT INTO data_requests (tenant_id, kind, exam, file_name, file_bytes, sha256,
            requested_by) VALUES ('other', 'items', 'x', 'f', 1, repeat('0', 64), 'amy')""",
        """INSERT INTO data_requests (tenant_id, kind, exam, file_name, file_bytes, sha256,
            requested_by, state, finished_at, orchestrator_run_id)
        VALUES ('demo', 'items', 'x', 'f', 1, repeat('0', 64), 'amy', 'done', now(), 'r')""",
    )
    with connect("delivery", settings=world.settings) as conn:
        for statement in tries:
            conn.execute("SELECT set_config('qbank.tenant_id', 'demo', true)")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(statement)
            conn.rollback()
        conn.execute("SELECT set_config('qbank.tenant_id', 'demo', true)")
        conn.execute(tries[4].replace("'other'", "'demo'"))
        with pytest.raises(psycopg.errors.IntegrityError, match="without a row in the audit log"):
            conn.commit()
    # who starts it reads no file
    with (
        connect("orchestration", settings=world.settings) as conn,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        conn.execute("SELECT data FROM data_request_files")
