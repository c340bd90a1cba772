"""Bodies that are files: large and slow ones come in, within bounds, and of who may send them."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from delivery_api.services import Services
from qbank.stores import data_requests

PATH = "/v1/exams/LIC/imports"
GIVEN: dict[str, Any] = {"create_exam": True, "timestamp": "2024-06-01"}


@pytest.fixture
def amy(as_user):
    return as_user("amy", "admin")


def requests(world: Any) -> int:
    with world.connect() as conn:
        return int(conn.execute("SELECT count(*) FROM data_requests").fetchone()[0])


def big(rows: int) -> bytes:
    text = "".join(f"p{k // 50},q{k % 50},{k * 7 % 2}\n" for k in range(rows))
    return ("user_id,question,correct\n" + text).encode()


def test_a_large_file_comes_by_http_and_fills_no_memory(world, amy, start_server):
    server = start_server()
    body = big(600_000)
    assert len(body) > 6_000_000

    def peak() -> int:
        status = Path(f"/proc/{server.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024

    before = peak()

    def pieces() -> Any:
        for _ in range(10):
            yield body

    sent = httpx.post(
        f"{server.url}{PATH}",
        params={**GIVEN, "file_name": "big.csv"},
        content=pieces(),
        headers=amy,
        timeout=120,
    )
    assert sent.status_code == 202, sent.text
    assert sent.json()["file_bytes"] == 10 * len(body)
    assert peak() - before < 3 * len(body)
    with world.connect() as conn:
        kept = b"".join(data_requests.pieces(conn, UUID(sent.json()["id"]), "upload"))
    assert kept == body * 10


def test_a_file_has_a_size_a_time_and_a_role(world, amy, as_user, start_server):
    server = start_server(
        QBANK_API_MAX_UPLOAD_BYTES="1000000",
        QBANK_API_REQUEST_TIMEOUT_S="0.5",
        QBANK_API_UPLOAD_TIMEOUT_S="4",
    )
    url, before = f"{server.url}{PATH}", requests(world)

    def slowly(seconds: float) -> Any:
        yield b"user_id,question,correct\n"
        time.sleep(seconds)
        yield b"p1,q1,1\n"

    long = httpx.post(url, params=GIVEN, content=b"x" * 1_000_001, headers=amy)
    assert (long.status_code, "at most 1000000 bytes" in long.json()["detail"]) == (413, True)
    slow = httpx.post(url, params=GIVEN, content=slowly(1.5), headers=amy)
    assert slow.status_code == 202, slow.text
    with pytest.raises(httpx.HTTPError):
        httpx.post(url, params=GIVEN, content=slowly(7), headers=amy, timeout=20).raise_for_status()
    # who may not send it is told before it is sent
    host, port = server.url.removeprefix("http://").split(":")
    for headers, status in (({}, b"401"), (as_user("stu", "student"), b"403")):
        with socket.create_connection((host, int(port)), timeout=10) as line:
            head = f"POST {PATH} HTTP/1.1\r\nhost: {host}\r\ncontent-length: 900000\r\n"
            head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            line.sendall(head.encode() + b"\r\n")
            assert line.recv(12) == b"HTTP/1.1 " + status
    # the longer time and size are those of files alone
    other = httpx.post(f"{server.url}/v1/author/topics", content=b"x" * 300_000, headers=amy)
    assert other.status_code == 413
    assert requests(world) == before + 1


def test_files_at_once_have_a_bound(client, amy, monkeypatch):
    services = Services.of(client.app)
    monkeypatch.setattr(services, "uploads", services.api.api_max_uploads)
    busy = client.post(PATH, params=GIVEN, content=b"x", headers=amy)
    assert (busy.status_code, busy.headers["retry-after"]) == (503, "2")
    monkeypatch.undo()
    assert client.post(PATH, params=GIVEN, content=b"x", headers=amy).status_code == 202
    assert services.uploads == 0
