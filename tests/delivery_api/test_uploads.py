"""Bodies that are files: large and slow ones come in, within bounds, and of who may send them."""

from __future__ import annotations

import socket
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from delivery_api import uploads
from delivery_api.services import Services
from qbank.stores import data_request_files

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
        kept = b"".join(data_request_files.pieces(conn, UUID(sent.json()["id"]), "upload"))
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
            began = time.monotonic()
            assert line.recv(12) == b"HTTP/1.1 " + status
            # and has not the time that a file has to go on
            answer = b"".join(iter(lambda: line.recv(4096), b""))
            assert time.monotonic() - began < 2.5
            assert answer.count(b"HTTP/1.1") == 0, "one answer"
    # the longer time and size are those of files alone
    other = httpx.post(f"{server.url}/v1/author/topics", content=b"x" * 300_000, headers=amy)
    assert other.status_code == 413
    assert requests(world) == before + 1


def test_files_at_once_have_a_bound(client, amy, monkeypatch):
    services = Services.of(client.app)
    for tenants, status in (
        ({"other": 4}, 503),
        ({"other": 1, "demo": 3}, 503),
        ({"demo": 2}, 429),
        ({"other": 2, "demo": 1}, 202),
        ({}, 202),
    ):
        monkeypatch.setattr(services, "uploads", Counter(tenants))
        sent = client.post(PATH, params=GIVEN, content=b"x", headers=amy)
        assert (sent.status_code, sent.headers.get("retry-after")) == (
            status,
            None if status == 202 else "2",
        ), tenants
        assert services.uploads == Counter(tenants)


def test_who_is_looked_at_has_a_place_already(client, amy, world, monkeypatch):
    """Files that begin together do not pass the bound while the first ones are judged."""
    monkeypatch.setattr(uploads, "refuse_surplus", lambda *_: time.sleep(0.5))
    with ThreadPoolExecutor(8) as pool:
        post = partial(client.post, PATH, params=GIVEN, headers=amy)
        sent = list(pool.map(lambda _: post(content=b"x").status_code, range(8)))
    assert (sent.count(202), sent.count(429)) == (2, 6)


def test_a_tenant_has_a_bound_of_what_waits(client, amy, as_user, world, monkeypatch):
    services = Services.of(client.app)

    def bound(**settings: int) -> None:
        monkeypatch.setattr(services, "api", services.api.model_copy(update=settings))

    with world.connect() as conn:
        conn.execute("DELETE FROM data_request_files")
        conn.execute("DELETE FROM data_requests")

    def post(size: int, who: dict[str, str] = amy, body: Any = None) -> httpx.Response:
        return client.post(PATH, params=GIVEN, content=body or b"x" * size, headers=who)

    bound(api_tenant_upload_bytes=100)
    whole = post(101)
    assert (whole.status_code, "send it in parts" in whole.json()["detail"]) == (413, True)
    assert post(60).status_code == 202
    more = post(60)
    assert (more.status_code, more.headers["retry-after"]) == (429, "30")
    assert "at most 100 bytes together" in more.json()["detail"]
    # a length that nobody tells is found out when the file is there
    assert post(0, body=iter([b"x" * 60])).status_code == 429
    assert post(40).status_code == 202
    bound(api_tenant_requests=2)
    many = post(0, body=b"")
    assert (many.status_code, "2 requests of this tenant wait" in many.json()["detail"]) == (
        429,
        True,
    )
    about = client.post("/v1/admin/people/exports", json={"user_id": "anna"}, headers=amy)
    assert about.status_code == 429
    assert requests(world) == 2
    # another tenant is not in its way, nor is what is over
    assert post(60, as_user("olga", "admin", tenant="other")).status_code == 202
    with world.connect() as conn:
        conn.execute(
            """UPDATE data_requests SET state = 'failed', finished_at = now()
            WHERE tenant_id = 'demo' AND file_bytes = 60"""
        )
    assert post(60).status_code == 202
    assert post(1).status_code == 429


def test_requests_at_once_do_not_pass_the_bound_together(client, amy, world, monkeypatch):
    services = Services.of(client.app)
    bound = services.api.model_copy(update={"api_tenant_requests": 3})
    monkeypatch.setattr(services, "api", bound)
    with world.connect() as conn:
        conn.execute("DELETE FROM data_request_files")
        conn.execute("DELETE FROM data_requests")
    with ThreadPoolExecutor(8) as pool:
        ask = partial(client.post, "/v1/admin/people/exports", headers=amy)
        sent = list(pool.map(lambda k: ask(json={"user_id": f"p{k}"}).status_code, range(16)))
    assert (sent.count(202), sent.count(429)) == (3, 13)
    assert requests(world) == 3
