"""An identity provider that hangs, fails or answers nonsense logs nobody out."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi.testclient import TestClient
from jwt.algorithms import ECAlgorithm

from delivery_api.app import create_app
from delivery_api.services import Services
from tests.delivery_api.test_tokens import claims


class Provider:
    """Publishes keys over HTTP; ``does`` says how it behaves: well, html, error, hang, nothing."""

    def __init__(self) -> None:
        self.does = "well"
        self.fetches = 0
        self.keys: dict[str, Any] = {}
        self.go_on = threading.Event()
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.fetches += 1
                if provider.does == "hang":
                    provider.go_on.wait(20)
                body = {"html": b"<html>maintenance</html>", "nothing": b'{"keys": []}'}.get(
                    provider.does, provider.document()
                )
                self.send_response(500 if provider.does == "error" else 200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/jwks"

    def document(self) -> bytes:
        keys = [
            json.loads(ECAlgorithm.to_jwk(key.public_key())) | {"kid": kid, "use": "sig"}
            for kid, key in self.keys.items()
        ]
        return json.dumps({"keys": keys}).encode()

    def rotate(self, kid: str) -> None:
        self.keys[kid] = ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider()
    made.rotate("first")
    yield made
    made.go_on.set()
    made.server.shutdown()
    made.server.server_close()


class Clock:
    """Monotonic seconds that a test may let pass."""

    passed = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.passed


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(world, provider, clock, monkeypatch) -> Iterator[TestClient]:
    monkeypatch.setenv("QBANK_JWKS_URL", provider.url)
    monkeypatch.setenv("QBANK_SELECTION_SECRET", "Zk3v9Qm2Lx8Rw5Ty7Up4Sa6Df1Gh0Jk2Bn4")
    monkeypatch.delenv("QBANK_JWT_SECRET")
    app = create_app(settings=world.settings)
    Services.of(app).tokens._doors["qbank"].keys._clock = clock
    with TestClient(app, raise_server_exceptions=False) as made:
        yield made


def ask(client: TestClient, provider: Provider, person: str, kid: str = "first") -> Any:
    key = provider.keys.get(kid) or ec.generate_private_key(ec.SECP256R1())
    token = jwt.encode(claims(sub=person), key, "ES256", headers={"kid": kid})
    return client.get("/v1/quizzes/none", headers={"Authorization": f"Bearer {token}"})


@pytest.mark.parametrize("does", ["html", "error", "hang", "nothing"])
def test_known_keys_outlive_the_providers_outage(client, provider, clock, does):
    assert ask(client, provider, "before").status_code == 404
    provider.does = does
    for hour in range(1, 8):
        clock.passed = 3600 * hour
        began = time.monotonic()
        statuses = [ask(client, provider, f"p{hour}-{k}").status_code for k in range(5)]
        assert statuses == [404] * 5
        assert time.monotonic() - began < 2, "a request waited for the provider"
    assert provider.fetches <= 8
    provider.does = "well"
    provider.go_on.set()
    clock.passed += 3600
    assert ask(client, provider, "after").status_code == 404


@pytest.mark.parametrize("does", ["html", "error", "nothing"])
def test_without_a_key_it_cannot_be_told(client, provider, clock, does):
    """503, for the token may be as good as any; 401 would log its owner out."""
    provider.does = does
    answers = [ask(client, provider, f"p{k}") for k in range(4)]
    assert [answer.status_code for answer in answers] == [503] * 4
    assert all(int(answer.headers["retry-after"]) > 0 for answer in answers)
    assert provider.fetches == 1
    provider.does = "well"
    clock.passed = 16
    assert ask(client, provider, "then").status_code == 404


def test_all_wait_for_one_fetch(client, provider):
    provider.does = "hang"
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(ask, client, provider, f"p{k}") for k in range(8)]
        time.sleep(0.5)
        provider.go_on.set()
        assert [answer.result().status_code for answer in waiting] == [404] * 8
    assert provider.fetches == 1


def test_a_rotated_key_is_known_after_15_seconds_at_most(client, provider, clock):
    assert ask(client, provider, "old").status_code == 404
    provider.rotate("second")
    assert ask(client, provider, "at-once", "second").status_code == 401
    clock.passed = 15.1
    assert ask(client, provider, "new", "second").status_code == 404
    before = provider.fetches
    assert {ask(client, provider, f"m{k}", f"made-up-{k}").status_code for k in range(20)} == {401}
    assert provider.fetches == before


def test_a_key_is_not_honoured_for_ever(client, provider, clock):
    assert ask(client, provider, "before").status_code == 404
    provider.does = "error"
    clock.passed = 25 * 3600
    assert ask(client, provider, "late").status_code == 503
