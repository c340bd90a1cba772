"""Which tokens are let in: by a shared secret, and by an identity provider's keys."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from fastapi.testclient import TestClient
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from delivery_api.app import create_app
from delivery_api.settings import ApiSettings

CLAIMS = {"sub": "ann", "roles": ["student"], "tenant_id": "demo", "iss": "qbank", "aud": "qbank"}


def claims(**changes: Any) -> dict[str, Any]:
    made = CLAIMS | {"exp": int(time.time()) + 600} | changes
    return {name: value for name, value in made.items() if value is not None}


def status(client: Any, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return client.get("/v1/quizzes/none", headers=headers).status_code


@pytest.fixture(scope="module")
def secret(api_environment) -> str:
    return ApiSettings.load().jwt_secret.get_secret_value()


def test_a_right_token_gets_in(client, secret):
    assert status(client, jwt.encode(claims(), secret, "HS256")) == 404


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": 1},
        {"exp": None},
        {"iss": "else"},
        {"iss": None},
        {"aud": "else"},
        {"aud": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "a\x00b"},
        {"sub": 7},
        {"tenant_id": None},
        {"tenant_id": ["demo"]},
        {"roles": None},
        {"roles": "student"},
        {"nbf": 2**33},
        {"exp": 10**400},
        {"exp": float("inf")},
        {"iat": 10**400},
        {"sub": "ann\ud800"},
        {"tenant_id": "\udfff"},
    ],
)
def test_a_wrong_claim_does_not(client, secret, changes):
    assert status(client, jwt.encode(claims(**changes), secret, "HS256")) == 401


def test_a_wrong_signature_or_algorithm_does_not(client, secret):
    good = jwt.encode(claims(), secret, "HS256")
    assert status(client, jwt.encode(claims(), secret + "x", "HS256")) == 401
    assert status(client, jwt.encode(claims(), secret, "HS512")) == 401
    assert status(client, jwt.encode(claims(), None, "none")) == 401
    assert status(client, good[:-2]) == 401
    head, body, _ = good.split(".")
    assert status(client, f"{head}.{body}.") == 401
    assert status(client, "not a token") == 401
    for header in ("", "Bearer", "Basic YTpi", good):
        answer = client.get("/v1/quizzes/none", headers={"Authorization": header})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"


def test_a_token_that_was_good_is_not_good_for_ever(client, secret):
    token = jwt.encode(claims(exp=int(time.time()) - 28), secret, "HS256")
    assert status(client, token) == 404
    time.sleep(2.1)
    assert status(client, token) == 401


def test_clocks_may_differ_by_the_leeway(client, secret, world, monkeypatch):
    now = int(time.time())
    near = ({"iat": now + 20}, {"nbf": now + 20}, {"exp": now - 20})
    far = ({"iat": now + 60}, {"nbf": now + 60}, {"exp": now - 60})
    assert [status(client, jwt.encode(claims(**c), secret, "HS256")) for c in near] == [404] * 3
    assert [status(client, jwt.encode(claims(**c), secret, "HS256")) for c in far] == [401] * 3
    monkeypatch.setenv("QBANK_JWT_LEEWAY_S", "0")
    with TestClient(create_app(settings=world.settings)) as strict:
        statuses = [status(strict, jwt.encode(claims(**c), secret, "HS256")) for c in near]
    assert statuses == [401] * 3


def test_unknown_roles_open_nothing(client, secret):
    assert status(client, jwt.encode(claims(roles=["root", "superuser"]), secret, "HS256")) == 403


@pytest.fixture(scope="module")
def provider():
    """An identity provider: two keys, and how often they were fetched."""
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    ec_key = ec.generate_private_key(ec.SECP256R1())
    keys = [
        json.loads(RSAAlgorithm.to_jwk(rsa_key.public_key())) | {"kid": "r", "use": "sig"},
        json.loads(ECAlgorithm.to_jwk(ec_key.public_key())) | {"kid": "e", "use": "sig"},
    ]
    fetched = []

    class Provider(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            fetched.append(self.path)
            body = json.dumps({"keys": keys}).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/jwks", rsa_key, ec_key, fetched
    server.shutdown()
    server.server_close()


def test_an_identity_providers_keys_and_only_they(world, provider, monkeypatch, secret):
    url, rsa_key, ec_key, fetched = provider
    monkeypatch.setenv("QBANK_JWKS_URL", url)
    monkeypatch.delenv("QBANK_JWT_SECRET")
    monkeypatch.setenv("QBANK_SELECTION_SECRET", secret)
    with TestClient(create_app(settings=world.settings)) as client:

        def signed(key: Any, algorithm: str, kid: str, **changes: Any) -> str:
            return jwt.encode(claims(**changes), key, algorithm, headers={"kid": kid})

        assert status(client, signed(rsa_key, "RS256", "r")) == 404
        assert status(client, signed(ec_key, "ES256", "e")) == 404
        stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        assert status(client, signed(stranger, "RS256", "r")) == 401
        # the old attack: the public key taken for an HMAC secret
        assert status(client, signed(secret, "HS256", "r")) == 401
        before = len(fetched)
        for k in range(20):
            assert status(client, signed(stranger, "RS256", f"made-up-{k}")) == 401
        assert len(fetched) - before <= 2
        assert status(client, signed(rsa_key, "RS256", "r", sub="bob")) == 404
