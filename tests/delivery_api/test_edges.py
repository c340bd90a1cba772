"""The server at its edges, over raw sockets: too long, too slow, too much is cut off."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import Any

import httpx
import pytest

from qbank.postgres import connect

TIMEOUT_S = 2.0
MEGABYTE = 1 << 20
PIECE = b"a" * 65_536


@pytest.fixture(scope="module")
def server(world: Any, module_server: Any) -> Any:
    return module_server(
        QBANK_API_REQUEST_TIMEOUT_S=str(TIMEOUT_S),
        QBANK_API_MAX_REQUESTS="3",
    )


def dial(server: Any) -> socket.socket:
    address = httpx.URL(server.url)
    return socket.create_connection((address.host, address.port), timeout=60)


def rest(connection: socket.socket) -> bytes:
    """What the server still sends before it hangs up."""
    found = b""
    try:
        while piece := connection.recv(65_536):
            found += piece
    except ConnectionError:
        pass
    return found


def resident(server: Any) -> int:
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    (kilobytes,) = re.findall(r"VmRSS:\s+(\d+) kB", status)
    return int(kilobytes) * 1024


HEAD = b"GET /health HTTP/1.1\r\nHost: x\r\n"
CHUNKED = b"POST /v1/quizzes HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
ENDLESS = {
    "header": (HEAD + b"X-A: ", PIECE),
    "headers": (HEAD, b"".join(b"X-%d: 0123456789\r\n" % k for k in range(3_600))),
    "name of a header": (HEAD, PIECE),
    "address": (b"GET /", PIECE),
    "empty lines": (b"", b"\r\n" * 32_768),
    "extension of a chunk": (CHUNKED + b"1;", PIECE),
    "trailer": (CHUNKED + b"1\r\na\r\n0\r\nX-A: ", PIECE),
    "body": (CHUNKED, b"10000\r\n" + PIECE + b"\r\n"),
}


@pytest.mark.parametrize("what", ENDLESS)
def test_what_does_not_end_is_cut_off_early(what, server):
    start, piece = ENDLESS[what]
    before, sent = resident(server), 0
    with dial(server) as connection:
        try:
            connection.sendall(start)
            for part in repeat(piece, 150 * MEGABYTE // len(piece)):
                connection.sendall(part)
                sent += len(part)
        except (ConnectionError, TimeoutError):
            pass
        else:
            pytest.fail(f"{sent / MEGABYTE:.0f} MB were taken in")
    assert sent < 16 * MEGABYTE  # the buffers of two kernels included
    assert resident(server) - before < 16 * MEGABYTE
    assert httpx.get(f"{server.url}/health", timeout=5).status_code == 200


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (HEAD + b"X-A: " + b"a" * 40_000 + b"\r\n\r\n", 431),
        (HEAD + b"X-A: b\r\n" * 101 + b"\r\n", 431),
        (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
        (b"no request at all\r\n\r\n", 400),
        (HEAD, 408),
    ],
)
def test_refusals_are_problems_and_hang_up(sent, status, server):
    with dial(server) as connection:
        connection.sendall(sent)
        head, _, body = rest(connection).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"content-type: application/problem+json" in head
    assert b"connection: close" in head
    assert json.loads(body)["status"] == status


def test_half_sent_requests_are_closed_while_others_are_served(server):
    halves = [dial(server) for _ in range(800)]
    began = time.monotonic()
    try:
        for k, connection in enumerate(halves):
            connection.sendall(HEAD if k % 2 else CHUNKED + b"5\r\nab")
        assert httpx.get(f"{server.url}/health", timeout=5).status_code == 200
        ended = [rest(connection) for connection in halves]
    finally:
        for connection in halves:
            connection.close()
    assert time.monotonic() - began < 60
    assert all(answer.startswith(b"HTTP/1.1 408 ") for answer in ended[1::2])


def test_one_connection_too_many_costs_the_one_that_waits_longest(start_server):
    small = start_server(QBANK_API_MAX_CONNECTIONS="10", QBANK_API_REQUEST_TIMEOUT_S="600")
    idle = [dial(small) for _ in range(10)]
    try:
        idle[1].sendall(HEAD)  # half of a request is no better than none
        for k in range(2):
            with dial(small) as newest:
                newest.sendall(HEAD + b"Connection: close\r\n\r\n")
                assert rest(newest).startswith(b"HTTP/1.1 200 ")
            assert rest(idle[k]) == b""
            idle.append(dial(small))
        for connection in idle[2:]:
            connection.sendall(HEAD + b"\r\n")
            assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")
    finally:
        for connection in idle:
            connection.close()


def test_more_requests_than_are_answered_at_once_get_503_and_probes_go_on(server, world, as_user):
    def ask(user: str) -> httpx.Response:
        new = {"filters": {"exam_code": "core"}}
        return httpx.post(f"{server.url}/v1/quizzes", json=new, headers=as_user(user, "student"))

    with connect("owner", settings=world.settings) as conn, ThreadPoolExecutor(8) as at_once:
        conn.execute("LOCK TABLE exams IN ACCESS EXCLUSIVE MODE")
        asked = [at_once.submit(ask, f"s{k}") for k in range(8)]
        busy = [request.result() for request in asked]
        assert httpx.get(f"{server.url}/health", timeout=5).status_code == 200
        conn.rollback()
    assert {answer.status_code for answer in busy} == {503}
    assert {answer.headers["retry-after"] for answer in busy} == {"1", "2"}
    assert all(answer.json()["type"] == "urn:qbank:problem:unavailable" for answer in busy)
    assert ask("later").status_code == 201


def test_requests_in_one_piece_are_each_answered(server):
    with dial(server) as connection:
        connection.sendall((HEAD + b"\r\n") * 5 + HEAD + b"Connection: close\r\n\r\n")
        assert rest(connection).count(b'{"status":"ok"}') == 6


def test_a_body_in_small_chunks_is_read(server, as_user):
    body = json.dumps({"filters": {"exam_code": "core"}}).encode()
    chunks: Iterator[bytes] = (body[k : k + 1] for k in range(len(body)))
    headers = as_user("chunks", "student") | {"content-type": "application/json"}
    assert (
        httpx.post(f"{server.url}/v1/quizzes", content=chunks, headers=headers).status_code == 201
    )


def test_a_slow_body_leaves_no_traceback(server, as_user, capfd):
    token = as_user("slow", "student")["Authorization"].encode()
    with dial(server) as connection:
        connection.sendall(
            b"POST /v1/quizzes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Authorization: " + token + b"\r\nContent-Length: 90\r\n\r\n{"
        )
        assert not rest(connection).startswith(b"HTTP/1.1 2")
    assert httpx.get(f"{server.url}/health").status_code == 200
    assert "Traceback" not in capfd.readouterr().err
