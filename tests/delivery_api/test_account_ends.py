"""Accounts of programs end when they are to, and their tables and secrets are nobody's to read."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient

from delivery_api import accounts
from delivery_api.app import create_app
from delivery_api.services import Services
from qbank.postgres import connect
from qbank.stores import audit, service_accounts
from qbank.stores.service_accounts import Made
from qbank.vocabulary import Scope, words
from tests.delivery_api.test_accounts import ask, bearer


@pytest.fixture
def rotate(world) -> Callable[..., Made]:
    def rotated(account: Made, minutes: int = 0) -> Made:
        with world.connect() as conn:
            return service_accounts.rotate(
                conn,
                account.client_id,
                keep=timedelta(minutes=minutes),
                audit=audit.noting(conn, "demo", "root"),
            )

    return rotated


def test_a_revoked_account_ends_and_its_tokens_do_in_time(client, world, make, monkeypatch):
    account = make()
    headers = bearer(ask(client, account))
    assert client.get("/v1/me", headers=headers).status_code == 200
    assert accounts.STANDING_S <= 15  # what the docs state
    monkeypatch.setattr(accounts, "STANDING_S", 0.2)
    with world.connect() as conn:
        note = audit.noting(conn, "demo", "root")
        assert service_accounts.revoke(conn, account.client_id, audit=note)
        assert not service_accounts.revoke(conn, account.client_id, audit=note)
    time.sleep(0.25)
    answer = client.get("/v1/me", headers=headers)
    assert answer.status_code == 401
    assert "has ended" in answer.json()["detail"]
    assert ask(client, account).status_code == 401
    with pytest.raises(service_accounts.ConflictError, match="is revoked"), world.connect() as conn:
        service_accounts.rotate(conn, account.client_id, keep=timedelta(), audit=note)


def test_an_account_and_its_token_end_when_they_are_to(client, world, make, monkeypatch):
    account = make()
    with world.connect() as conn:
        conn.execute(
            "UPDATE service_accounts SET expires_at = now() + interval '90 s' WHERE id = %s",
            (account.client_id,),
        )
    answer = ask(client, account)
    assert answer.json()["expires_in"] in range(85, 91)
    monkeypatch.setattr(accounts, "STANDING_S", 0.0)
    with world.connect() as conn:
        conn.execute(
            "UPDATE service_accounts SET expires_at = now() WHERE id = %s", (account.client_id,)
        )
    assert ask(client, account).status_code == 401
    assert client.get("/v1/me", headers=bearer(answer)).status_code == 401


def test_a_rotated_secret_is_good_as_long_as_it_was_said(client, make, rotate, monkeypatch):
    first = make()
    token = bearer(ask(client, first))
    second = rotate(first, minutes=5)
    assert ask(client, first).json()["expires_in"] in range(290, 301)
    third = rotate(first)
    assert [ask(client, a).status_code for a in (first, second, third)] == [401, 401, 200]
    monkeypatch.setattr(accounts, "STANDING_S", 0.0)
    assert client.get("/v1/me", headers=token).status_code == 401


def test_of_two_rotations_at_once_one_stands(client, make, rotate):
    account = make()
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda _: rotate(account), range(6)))
    statuses = sorted(ask(client, one).status_code for one in [account, *made])
    assert statuses == [200] + [401] * 6


def test_no_secret_and_no_token_is_in_a_log(world, make, monkeypatch, capfd, caplog):
    monkeypatch.setenv("QBANK_API_ACCESS_LOG", "true")
    caplog.set_level("DEBUG")
    account = make()
    with TestClient(create_app(settings=world.settings), raise_server_exceptions=False) as client:
        token = ask(client, account).json()["access_token"]
        ask(client, Made(account.client_id, account.secret + "wrong"))
        client.get("/v1/me", headers={"Authorization": f"Bearer {token}"})
        monkeypatch.setattr(
            Services.of(client.app).accounts, "token", lambda *_: 1 / 0, raising=True
        )
        assert ask(client, account).status_code == 500
    out, err = capfd.readouterr()
    logged = out + err + caplog.text
    assert "/oauth/token" in logged
    assert "ZeroDivisionError" in logged
    basic = base64.b64encode(f"{account.client_id}:{account.secret}".encode()).decode()
    for hidden in (account.secret, token, token.rpartition(".")[2], basic[:-4]):
        assert hidden not in logged
    with world.connect() as conn:
        kept = conn.execute(
            """SELECT (SELECT string_agg(t::text, '') FROM service_accounts AS t)
                || (SELECT string_agg(t::text, '') FROM service_account_credentials AS t)
                || (SELECT string_agg(t::text, '') FROM audit_log AS t)"""
        ).fetchone()
    assert kept is not None
    assert account.secret not in kept[0]
    assert account.client_id in kept[0]


def test_tokens_are_limited_by_address(world, make, monkeypatch):
    monkeypatch.setenv("QBANK_ACCOUNT_RATE_PER_MINUTE", "4")
    account = make()
    with TestClient(create_app(settings=world.settings)) as client:
        answers = [ask(client, account) for _ in range(8)]
    assert [a.status_code for a in answers][:2] == [200, 200]
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 0


@pytest.fixture
def delivery(world) -> Iterator[psycopg.Connection[Any]]:
    with connect("delivery", settings=world.settings) as conn:
        yield conn


@pytest.mark.parametrize("table", ["accounts", "account_credentials", "account_assertions"])
def test_the_apis_role_sees_no_table_of_them(delivery, table):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        delivery.execute(f"SELECT FROM service_{table}")


def test_the_words_of_the_schema_are_the_scopes(world):
    with world.connect() as conn:
        row = conn.execute(
            """SELECT pg_get_constraintdef(oid) FROM pg_constraint
            WHERE conrelid = 'service_accounts'::regclass
                AND pg_get_constraintdef(oid) LIKE '%<@%'"""
        ).fetchone()
    assert set(re.findall(r"'(\w+)'::text", row[0])) == set(words(Scope))
