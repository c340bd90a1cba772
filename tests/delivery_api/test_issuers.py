"""Several identity providers, each for its own tenants, with claims where each of them has them."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi.testclient import TestClient

from delivery_api.app import create_app
from delivery_api.settings import ApiSettings
from qbank.errors import SettingsError
from tests.delivery_api.test_keys import Provider

NORTH, SOUTH = "https://id.north.example/realms/qbank", "https://south.example/"
TENANT_CLAIM = "https://example.org/claims/tenant"
SOUTHERN = 'süd "1" /a.b\u2028'  # what a provider may call a tenant
GOOD = "Zk3v9Qm2Lx8Rw5Ty7Up4Sa6Df1Gh0Jk2Bn4"


@pytest.fixture(scope="module")
def providers() -> Iterator[dict[str, Provider]]:
    made = {NORTH: Provider(), SOUTH: Provider()}
    for one in made.values():
        one.rotate("1")
    yield made
    for one in made.values():
        one.server.shutdown()
        one.server.server_close()


@pytest.fixture(scope="module")
def file(providers, tmp_path_factory) -> Path:
    """North is a Keycloak, South another that says all in other places."""
    told = [
        {
            "issuer": NORTH,
            "audience": "qbank",
            "jwks_url": providers[NORTH].url,
            "tenants": ["demo", "north"],
            "claims": {"roles": "resource_access.qbank.roles"},
        },
        {
            "issuer": SOUTH,
            "audience": "south-client",
            "jwks_url": providers[SOUTH].url,
            "tenants": ["other", SOUTHERN],
            "claims": {
                "user": "email",
                "tenant": TENANT_CLAIM,
                "roles": ["realm.access", "roles"],
            },
            "roles": {"qbank-teacher": "analyst", "qbank-pupil": "student"},
        },
    ]
    made = tmp_path_factory.mktemp("issuers") / "issuers.json"
    made.write_text(json.dumps(told), encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def client(world, file) -> Iterator[TestClient]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QBANK_ISSUERS_FILE", str(file))
        with TestClient(create_app(settings=world.settings), raise_server_exceptions=False) as made:
            yield made


Sign = Callable[..., str]


@pytest.fixture
def sign(providers) -> Sign:
    """A token of North (or, with ``key``, one that only says so)."""

    def signed(
        claims: dict[str, Any], issuer: str = NORTH, key: str | None = None, kid: str = "1"
    ) -> str:
        made = {"iss": issuer, "exp": int(time.time()) + 600} | claims
        private = providers[key or issuer].keys["1"]
        # as bytes: PyJWT makes no token of an issuer that is no text
        return jwt.api_jws.encode(json.dumps(made).encode(), private, "ES256", {"kid": kid})

    return signed


def north(**changes: Any) -> dict[str, Any]:
    roles = {"resource_access": {"qbank": {"roles": ["analyst", "else"]}}, "roles": ["admin"]}
    return {"sub": "ann", "aud": ["account", "qbank"], "tenant_id": "demo"} | roles | changes


def south(**changes: Any) -> dict[str, Any]:
    return {
        "sub": "7f3",
        "email": "ann@south.example",
        "aud": "south-client",
        TENANT_CLAIM: "other",
        "tenant_id": "demo",
        "realm.access": {"roles": ["qbank-teacher", "admin"]},
    } | changes


def me(client: TestClient, token: str) -> Any:
    return client.get("/v1/me", headers={"Authorization": f"Bearer {token}"})


def test_each_issuer_says_it_in_its_own_place(client, sign):
    found = me(client, sign(north())).json()
    found.pop("expires_at")
    assert found == {"user_id": "ann", "tenant_id": "demo", "roles": ["analyst"], "scopes": []}
    found = me(client, sign(south(), SOUTH)).json()
    assert found["user_id"] == "ann@south.example"
    # its own `admin` is none of ours: its names are mapped
    assert (found["tenant_id"], found["roles"]) == ("other", ["analyst"])


def test_an_issuer_speaks_for_its_tenants_alone(client, sign, as_user):
    """Letter for letter; those that no file names stay with the issuer of the other settings."""
    theirs = me(client, sign(north(tenant_id="other")))
    assert theirs.status_code == 401
    assert NORTH in theirs.json()["detail"]
    assert "'other'" in theirs.json()["detail"]
    named = {TENANT_CLAIM: SOUTHERN}
    assert me(client, sign(south(**named), SOUTH)).json()["tenant_id"] == SOUTHERN
    for odd in ("Demo", "demo ", "dem\u043e", "demo,north", "demo\n", "de%6do", "", "*"):
        assert me(client, sign(north(tenant_id=odd))).status_code == 401, odd
    decomposed = {TENANT_CLAIM: SOUTHERN.replace("ü", "u\u0308")}
    assert me(client, sign(south(**decomposed), SOUTH)).status_code == 401
    own = [client.get("/v1/me", headers=as_user("a", "admin", tenant=t)) for t in ("third", "demo")]
    assert [answer.status_code for answer in own] == [200, 401]
    assert "'qbank' does not speak for tenant 'demo'" in own[1].json()["detail"]


def test_the_second_wall_stands_behind_it(client, sign):
    """What a token opens is of its tenant, as everywhere."""
    exams = [
        client.get("/v1/exams", headers={"Authorization": f"Bearer {token}"}).json()["items"]
        for token in (sign(north()), sign(south(), SOUTH))
    ]
    assert [[exam["exam_code"] for exam in page] for page in exams] == [["core"], ["theirs"]]


def test_nobody_speaks_as_another_issuer(client, sign, providers):
    assert me(client, sign(north(), NORTH, key=SOUTH)).status_code == 401
    # South's own token, with a key id that only North has
    providers[NORTH].rotate("north-alone")
    assert me(client, sign(south(), SOUTH, kid="north-alone")).status_code == 401
    assert me(client, sign(north(aud="south-client"))).status_code == 401
    # signed with the public key, or with the other settings' secret, as if either were North's
    public = providers[NORTH].keys["1"].public_key()
    forged = jwt.encode({"iss": NORTH, "exp": 2**33} | north(), GOOD, "HS256", headers={"kid": "1"})
    head, body, _ = forged.split(".")
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    hmac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    tag = base64.urlsafe_b64encode(hmac.sign(f"{head}.{body}".encode(), pem)).rstrip(b"=").decode()
    assert me(client, f"{head}.{body}.{tag}").status_code == 401
    secret = ApiSettings.load().jwt_secret.get_secret_value()
    assert me(client, jwt.encode(north() | {"iss": NORTH, "exp": 2**33}, secret, "HS256")).status_code == 401  # fmt: skip  # noqa: E501
    own = {"sub": "ann", "roles": ["admin"], "tenant_id": "third", "aud": "qbank"}
    assert me(client, sign(own, "qbank", key=NORTH)).status_code == 401


def test_an_unknown_issuer_is_refused_without_a_fetch(client, sign, providers):
    before = [one.fetches for one in providers.values()]
    for name in (
        "https://evil.example",
        NORTH + "/",
        NORTH.upper(),
        "",
        None,
        7,
        [NORTH],
        "a\ud800",
    ):
        answer = me(client, sign(north(iss=name), kid="evil"))
        assert answer.status_code == 401, name
        assert "is unknown here" in answer.json()["detail"]
        assert len(answer.content) < 1000
    assert me(client, sign(north(iss="e" * 20_000), kid="evil")).status_code == 401
    assert [one.fetches for one in providers.values()] == before


def test_one_providers_outage_is_not_the_others(client, sign, providers, world, file, monkeypatch):
    monkeypatch.setenv("QBANK_ISSUERS_FILE", str(file))
    providers[NORTH].does = "error"
    try:
        with TestClient(create_app(settings=world.settings)) as fresh:
            assert me(fresh, sign(north(sub="out"))).status_code == 503
            assert me(fresh, sign(south(), SOUTH)).status_code == 200
        assert me(client, sign(north(sub="known-key"))).status_code == 200
    finally:
        providers[NORTH].does = "well"


@pytest.mark.parametrize("where", ["head", "body"])
def test_a_token_that_is_nested_too_deeply_is_no_fault_of_ours(client, sign, where):
    deep = base64.urlsafe_b64encode(b'{"a":' + b"[" * 9000 + b"]" * 9000 + b"}").rstrip(b"=")
    head, body, tag = sign(north()).split(".")
    token = f"{deep.decode()}.{body}.{tag}" if where == "head" else f"{head}.{deep.decode()}.{tag}"
    assert me(client, token).status_code == 401


@pytest.mark.parametrize("claim", ["resource_access", "resource_access.qbank"])
@pytest.mark.parametrize("value", [None, "analyst", ["analyst"], {"roles": "analyst"}, 7])
def test_a_claim_of_another_shape_opens_nothing(client, sign, claim, value):
    nested = {"qbank": value} if claim.endswith("qbank") else value
    assert me(client, sign(north(resource_access=nested))).status_code == 401


ENTRY = {
    "issuer": "https://a.example",
    "audience": "qbank",
    "jwks_url": "https://a.example/jwks",
    "tenants": ["a"],
}


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ([], "at least 1 item"),
        ({}, "valid"),
        ([ENTRY | {"tenants": []}], "0.tenants"),
        ([{k: v for k, v in ENTRY.items() if k != "tenants"}], "0.tenants"),
        ([ENTRY | {"tenants": ["a\x00"]}], "0.tenants.0"),
        ([{k: v for k, v in ENTRY.items() if k != "audience"}], "0.audience"),
        ([ENTRY | {"jwks_url": "http://a.example/jwks"}], "begins with https://"),
        ([ENTRY | {"jwks_url": None}], "0.jwks_url"),
        ([ENTRY | {"claims": {"roles": "realm_access..roles"}}], "0.claims.roles"),
        ([ENTRY | {"claims": {"role": "roles"}}], "0.claims.role"),
        ([ENTRY | {"roles": {"teacher": "teacher"}}], "0.roles.teacher"),
        ([ENTRY | {"secret": "s"}], "0.secret"),
        ([ENTRY, ENTRY | {"tenants": ["b"]}], "is there twice"),
        ([ENTRY | {"issuer": "qbank"}], "issuer 'qbank' is there twice"),
        ([ENTRY, ENTRY | {"issuer": "https://b.example"}], "tenant 'a' has two issuers"),
    ],
)
def test_a_wrong_file_is_refused_by_name(tmp_path, monkeypatch, told, why):
    file = tmp_path / "issuers.json"
    file.write_text(json.dumps(told), encoding="utf-8")
    for name, value in {"ENV": "prod", "JWT_SECRET": GOOD, "ISSUERS_FILE": str(file)}.items():
        monkeypatch.setenv(f"QBANK_{name}", value)
    with pytest.raises(SettingsError) as refused:
        ApiSettings.load()
    assert str(refused.value).startswith("QBANK_ISSUERS_FILE")
    assert why in str(refused.value)


def test_a_file_alone_is_enough(tmp_path, monkeypatch):
    """Without a shared secret there is no issuer of the other settings, and no mock login."""
    file = tmp_path / "issuers.json"
    file.write_text(json.dumps([ENTRY]), encoding="utf-8")
    monkeypatch.setenv("QBANK_ISSUERS_FILE", str(file))
    monkeypatch.delenv("QBANK_JWT_SECRET")
    for env in ("prod", "dev"):
        monkeypatch.setenv("QBANK_ENV", env)
        monkeypatch.setenv("QBANK_SELECTION_SECRET", GOOD)
        api = ApiSettings.load()
        assert [one.issuer for one in api.issuers()] == ["https://a.example"]
        assert not api.mock_login
    monkeypatch.setenv("QBANK_ENV", "prod")
    monkeypatch.delenv("QBANK_SELECTION_SECRET")
    with pytest.raises(SettingsError, match="QBANK_SELECTION_SECRET"):
        ApiSettings.load()
