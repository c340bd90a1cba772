"""``qbank account``: made, listed, rotated and revoked by an administrator, each with its row."""

from __future__ import annotations

import hashlib
import json
import re

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.qbank.answers import rows

CREATE = ("account", "create", "grade book", "--tenant", "north", "--scope", "results")


def public(private) -> str:
    key = private.public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def test_an_account_from_its_beginning_to_its_end(command):
    made = command(*CREATE, "--scope", "imports", "--json")
    assert made.code == 0
    told = json.loads(made.out)
    client_id, secret = told["client_id"], told["client_secret"]
    assert len(secret) > 43  # 256 bits
    kept = rows("SELECT secret_sha256 FROM service_account_credentials")
    assert kept == [(hashlib.sha256(secret.encode()).digest(),)]

    again = command("account", "rotate", client_id, "--keep-minutes", "10")
    assert again.code == 0
    assert re.search(r"^client_secret qbank-[\w-]{43}$", again.out, re.M)
    assert secret not in again.out
    (listed,) = json.loads(command("account", "list", "--tenant", "north", "--json").out)
    assert (listed["name"], listed["state"], listed["secrets"]) == ("grade book", "open", 2)
    assert listed["scopes"] == ["imports", "results"]
    assert "qbank-" not in command("account", "list").out
    assert json.loads(command("account", "list", "--tenant", "south", "--json").out) == []

    twice = command(*CREATE)
    assert (twice.code, "has an account 'grade book'" in twice.err) == (2, True)
    assert command("account", "revoke", client_id).out.strip() == f"account {client_id} is revoked"
    assert "was revoked before" in command("account", "revoke", client_id).out
    assert "is revoked: make another" in command("account", "rotate", client_id).err
    assert command(*CREATE).code == 0  # the name is free again
    told = rows("SELECT tenant_id, action, target, details::text FROM audit_log ORDER BY id")
    named = ["account.create", "account.rotate", "account.revoke", "account.create"]
    assert [row[1] for row in told] == named
    assert {row[0] for row in told} == {"north"}
    assert {row[2] for row in told[:3]} == {f"account={client_id}"}
    assert not any("qbank-" in row[3] for row in told)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--scope", "admin"), "scope 'admin' is unknown: give exams, exports, imports, results"),
        (("--scope", "results", "--days", "0"), "1 to 3660 days, not 0"),
        (("--scope", "results", "--tenant", "a\x1b"), "tenant 'a\\x1b' must be"),
        (("--scope", "results", "--public-key", "no.pem"), "--public-key no.pem cannot be read"),
    ],
)
def test_what_cannot_be_is_refused_by_name(command, words, said):
    refused = command("account", "create", "x", *words)
    assert (refused.code, said in refused.err) == (2, True), refused.err
    assert rows("SELECT count(*) FROM service_accounts") == [(0,)]


def test_weak_keys_and_private_ones_are_refused(command, tmp_path):
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505
    other = ec.generate_private_key(ec.SECP384R1())
    for text in (public(weak), public(other), "-----BEGIN PRIVATE KEY-----\n", ""):
        (tmp_path / "key.pem").write_text(text)
        refused = command(*CREATE, "--public-key", tmp_path / "key.pem")
        assert (refused.code, "the key" in refused.err) == (2, True), refused.err
    (tmp_path / "key.pem").write_text(public(ec.generate_private_key(ec.SECP256R1())))
    made = command(*CREATE, "--public-key", tmp_path / "key.pem")
    assert made.code == 0
    assert "secret" not in made.out
    unknown = command("account", "rotate", "account-" + "a" * 20)
    assert (unknown.code, "does not exist" in unknown.err) == (2, True)
