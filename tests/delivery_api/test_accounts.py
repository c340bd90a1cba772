"""Programs sign in by themselves: by secret or key, for their scopes, until they may no longer."""

from __future__ import annotations

import base64
import re
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi.testclient import TestClient

from delivery_api import accounts
from delivery_api.issuers import ACCOUNT_ISSUER
from delivery_api.services import Services
from delivery_api.settings import ApiSettings
from qbank.stores import service_accounts
from qbank.stores.service_accounts import Made

GRANT = {"grant_type": "client_credentials"}


def ask(client: TestClient, account: Made, **fields: str) -> Any:
    return client.post(
        "/oauth/token", data=GRANT | fields, auth=(account.client_id, account.secret or "")
    )


def bearer(answer: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def test_a_program_gets_a_short_token_and_acts_as_itself(client, world, make):
    account = make("exams", "results")
    answer = ask(client, account)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    told.pop("access_token")
    assert told == {"token_type": "Bearer", "expires_in": 600, "scope": "exams results"}
    me = client.get("/v1/me", headers=bearer(answer)).json()
    me.pop("expires_at")
    assert me == {
        "user_id": account.client_id,
        "tenant_id": "demo",
        "roles": [],
        "scopes": ["exams", "results"],
    }
    code = f"made-{secrets.token_hex(4)}"
    made = client.post("/v1/exams", json={"exam_code": code}, headers=bearer(answer))
    assert made.status_code == 201
    with world.connect() as conn:
        who = "SELECT tenant_id, actor, action FROM audit_log WHERE target = %s"
        assert conn.execute(who, (f"exam={code}",)).fetchall() == [
            ("demo", account.client_id, "exam.create")
        ]
        assert conn.execute(who, (f"account={account.client_id}",)).fetchall() == [
            ("demo", "root", "account.create")
        ]


def test_a_token_may_be_for_fewer_scopes(client, make):
    account = make("exams", "results")
    less = ask(client, account, scope="results")
    assert less.json()["scope"] == "results"
    assert (
        client.post("/v1/exams", json={"exam_code": "x"}, headers=bearer(less)).status_code == 403
    )
    more = ask(client, account, scope="results imports")
    assert (more.status_code, more.json()["error"]) == (400, "invalid_scope")


def test_an_import_makes_no_exam_without_the_scope(client, as_account):
    send = {"content": b"a,b\n", "params": {"create_exam": "true"}}
    url = f"/v1/exams/new-{secrets.token_hex(4)}/imports"
    assert client.post(url, headers=as_account("imports"), **send).status_code == 403
    assert client.post(url, headers=as_account("imports", "exams"), **send).status_code == 202


def test_an_account_is_of_its_tenant(client, make):
    account = make("exams", tenant="other")
    page = client.get("/v1/exams", headers=bearer(ask(client, account))).json()["items"]
    assert [exam["exam_code"] for exam in page] == ["theirs"]


BASIC = {"Authorization": "Basic " + base64.b64encode(b"account-x:y").decode()}


@pytest.mark.parametrize(
    ("send", "status", "error"),
    [
        ({"data": GRANT, "headers": BASIC}, 401, "invalid_client"),
        ({"data": GRANT}, 401, "invalid_client"),
        ({"data": GRANT, "headers": {"Authorization": "Basic ???"}}, 401, "invalid_client"),
        ({"data": GRANT, "headers": {"Authorization": "Bearer x"}}, 401, "invalid_client"),
        ({"data": {}, "headers": BASIC}, 400, "invalid_request"),
        ({"json": GRANT, "headers": BASIC}, 400, "invalid_request"),
        ({"data": {"grant_type": "password"}, "headers": BASIC}, 400, "unsupported_grant_type"),
        ({"data": GRANT | {"client_secret": "s"}}, 400, "invalid_request"),
        ({"data": GRANT | {"client_assertion": "a.b.c"}}, 400, "invalid_request"),
        ({"data": GRANT | {"client_id": "else"}, "headers": BASIC}, 400, "invalid_request"),
        ({"data": {"grant_type": ["client_credentials"] * 2}}, 400, "invalid_request"),
        ({"data": GRANT | {str(k): "1" for k in range(30)}}, 400, "invalid_request"),
        ({"content": b"grant_type=%ff"}, 400, "invalid_request"),
        ({"content": b"\xff"}, 400, "invalid_request"),
    ],
)
def test_refusals_are_those_of_oauth(client, send, status, error):
    if "content" in send:
        send = send | {"headers": {"content-type": "application/x-www-form-urlencoded"}}
    answer = client.post("/oauth/token", **send)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert set(answer.json()) == {"error", "error_description"}
    assert re.fullmatch(r"[\x20-\x21\x23-\x5b\x5d-\x7e]+", answer.json()["error_description"])
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers.get("www-authenticate", "").startswith("Basic") is (status == 401)


def test_what_signs_in_is_right_to_the_last_letter(client, make):
    account, other = make(), make()
    for secret in (
        account.secret[:-1],
        account.secret + "x",
        account.secret.upper(),
        other.secret,
        "",
    ):
        answer = ask(client, Made(account.client_id, secret))
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), secret
    for odd in ("", "a\x00b", "%00", "account-" + "a" * 20, "ü", account.client_id + "\n", "'; --"):
        answer = ask(client, Made(odd, account.secret))
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), odd


def test_an_unknown_client_costs_what_a_known_one_does(client, make, monkeypatch):
    """The same look, digest and comparison, so that time tells nobody which ids there are."""
    calls: list[str] = []
    database = Services.of(client.app).database
    run, compare, digest = database.run, accounts.hmac.compare_digest, service_accounts.digest
    monkeypatch.setattr(database, "run", lambda *a: calls.append("look") or run(*a))
    monkeypatch.setattr(service_accounts, "digest", lambda s: calls.append("digest") or digest(s))
    monkeypatch.setattr(
        accounts.hmac, "compare_digest", lambda *a: calls.append("compare") or compare(*a)
    )
    seen = []
    for client_id in (make().client_id, "account-" + "a" * 20, "nobody"):
        calls.clear()
        assert ask(client, Made(client_id, "wrong")).status_code == 401
        seen.append(list(calls))
    assert seen == [["digest", "look", "compare"]] * 3


@pytest.fixture(params=["RS256", "ES256"])
def key(request) -> tuple[Any, str]:
    if request.param == "RS256":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048), request.param
    return ec.generate_private_key(ec.SECP256R1()), request.param


def pem(private: Any) -> str:
    return (
        private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    )


def test_a_key_signs_in_by_an_assertion_that_is_good_once(client, make, key):
    private, algorithm = key
    account, stranger = make(public_key=pem(private)), make()
    assert account.secret is None

    def send(made: dict[str, Any] | None = None, by: Any = private, with_: str = algorithm, **more: str) -> Any:  # fmt: skip  # noqa: E501
        claims = {
            "iss": account.client_id,
            "sub": account.client_id,
            "aud": ACCOUNT_ISSUER,
            "exp": int(time.time()) + 60,
            "jti": secrets.token_hex(8),
        } | (made or {})
        claims = {name: value for name, value in claims.items() if value is not None}
        assertion = jwt.encode(claims, by, with_)
        fields = GRANT | {"client_assertion_type": accounts.ASSERTION_TYPE} | more
        return client.post("/oauth/token", data=fields | {"client_assertion": assertion})

    same = {"jti": "once"}
    assert client.get("/v1/exams", headers=bearer(send(same))).status_code == 200
    assert send(same).json()["error"] == "invalid_client"
    for wrong in (
        {"aud": "http://testserver/oauth/token"},
        {"exp": int(time.time()) - 60},
        {"exp": int(time.time()) + 3600},
        {"exp": None},
        {"exp": 10**400},
        {"jti": None},
        {"jti": ""},
        {"jti": "x" * 300},
        {"jti": "a\x00"},
        {"iss": stranger.client_id},
        {"sub": stranger.client_id},
        {"sub": stranger.client_id, "iss": stranger.client_id},
        {"sub": ["a"]},
    ):
        assert send(wrong).status_code == 401, wrong
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert send(by=other, with_="RS256").status_code == 401
    assert send(by="x" * 40, with_="HS256").status_code == 401
    assert send(client_id=stranger.client_id).status_code == 401
    assert send(client_id=account.client_id).status_code == 200
    # an account of a key has no secret, not even none
    assert ask(client, Made(account.client_id, "")).status_code == 401
    with ThreadPoolExecutor(4) as pool:
        at_once = list(pool.map(lambda _: send({"jti": "four"}).status_code, range(4)))
    assert sorted(at_once) == [200, 401, 401, 401]


def test_nobody_else_signs_an_accounts_token(client, make, as_user, key):
    account = make()
    right = jwt.decode(
        ask(client, account).json()["access_token"], options={"verify_signature": False}
    )
    secret = ApiSettings.load().jwt_secret.get_secret_value()
    for by, algorithm in ((secret, "HS256"), (key[0], key[1]), (None, "none")):
        token = jwt.encode(right | {"scope": "imports"}, by, algorithm, headers={"kid": "1"})
        assert client.get("/v1/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    # nor is a person one: what acts is told apart in every row
    person = client.get("/v1/me", headers=as_user(account.client_id, "admin"))
    assert person.status_code == 401
    assert "is the id of a service account" in person.json()["detail"]
