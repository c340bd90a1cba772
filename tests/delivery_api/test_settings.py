"""The API does not start where its settings are not safe, and says which one it is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from delivery_api.app import create_app
from delivery_api.settings import ApiSettings
from qbank.errors import SettingsError

DOCS = Path(__file__).resolve().parents[2] / "docs" / "api" / "operation.md"
GOOD = "Zk3v9Qm2Lx8Rw5Ty7Up4Sa6Df1Gh0Jk2Bn4"


@pytest.fixture
def environment(monkeypatch):
    def put(**values: str | None) -> None:
        for name, value in values.items():
            if value is None:
                monkeypatch.delenv(f"QBANK_{name}", raising=False)
            else:
                monkeypatch.setenv(f"QBANK_{name}", value)

    return put


@pytest.mark.parametrize(
    ("values", "variable"),
    [
        ({"JWT_SECRET": None}, "QBANK_JWT_SECRET"),
        ({"JWT_SECRET": "short"}, "QBANK_JWT_SECRET"),
        ({"JWT_SECRET": "x" * 40}, "QBANK_JWT_SECRET"),
        ({"JWT_SECRET": "hunter2-qbank" * 3}, "QBANK_JWT_SECRET"),
        ({"API_METRICS_TOKEN": "short"}, "QBANK_API_METRICS_TOKEN"),
        ({"JWT_SECRET": "change-me-change-me-change-me-change-me"}, "QBANK_JWT_SECRET"),
        ({"JWT_SECRET": GOOD, "JWKS_URL": "https://id.example.org/jwks"}, "QBANK_JWT_SECRET"),
        ({"JWT_SECRET": None, "JWKS_URL": "ftp://id.example.org"}, "QBANK_JWKS_URL"),
        ({"JWT_SECRET": None, "JWKS_URL": "http://id.example.org/jwks"}, "QBANK_JWKS_URL"),
        ({"JWT_SECRET": None, "JWKS_URL": "https://id.example.org"}, "QBANK_SELECTION_SECRET"),
        ({"JWT_LEEWAY_S": "-1"}, "QBANK_JWT_LEEWAY_S"),
        ({"SELECTION_SECRET": "short"}, "QBANK_SELECTION_SECRET"),
        ({"ISSUERS_FILE": "/nowhere/issuers.json"}, "QBANK_ISSUERS_FILE"),
        ({"CORS_ORIGINS": "*"}, "QBANK_CORS_ORIGINS"),
        ({"QUIZ_MINUTES": "0"}, "QBANK_QUIZ_MINUTES"),
    ],
)
@pytest.mark.parametrize("env", ["test", "prod"])
def test_outside_dev_unsafe_settings_are_refused_by_name(environment, env, values, variable):
    environment(ENV=env, JWT_SECRET=GOOD, **{})
    environment(**values)
    with pytest.raises(SettingsError) as refused:
        ApiSettings.load()
    assert str(refused.value).startswith(variable)
    assert GOOD not in str(refused.value)
    assert "short" not in str(refused.value).replace("too short", "")


def test_an_unknown_environment_is_refused(environment):
    environment(ENV="production", JWT_SECRET=GOOD)
    with pytest.raises(SettingsError, match="QBANK_ENV"):
        ApiSettings.load()


def test_the_process_ends_with_one_line_and_code_2():
    done = subprocess.run(
        [sys.executable, "-m", "delivery_api"],
        env=os.environ | {"QBANK_ENV": "prod", "QBANK_JWT_SECRET": "default"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("QBANK_JWT_SECRET")
    assert len(done.stderr.splitlines()) == 1


def test_dev_does_not_listen_to_other_machines():
    done = subprocess.run(
        [sys.executable, "-m", "delivery_api", "--host", "0.0.0.0"],  # noqa: S104
        env=os.environ | {"QBANK_ENV": "dev"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "'0.0.0.0' and QBANK_ENV is dev" in done.stderr
    assert "set QBANK_ENV=prod" in done.stderr


def test_mock_login_exists_in_dev_alone(environment):
    def has_login() -> bool:
        return "/v1/auth/mock-login" in create_app(ApiSettings.load()).openapi()["paths"]

    environment(ENV="dev", JWT_SECRET=None)
    assert has_login()
    for env in ("test", "prod"):
        environment(ENV=env, JWT_SECRET=GOOD)
        assert not has_login()


def test_dev_makes_a_secret_of_its_own_and_keeps_it(environment):
    from qbank.settings import get_settings

    environment(ENV="dev", JWT_SECRET=None)
    api, settings = ApiSettings.load(), get_settings()
    secret = api.signing_secret(settings)
    assert len(secret) >= 32
    assert ApiSettings.load().signing_secret(settings) == secret
    assert api.selection_key(settings) != secret.encode()


def test_the_docs_list_every_setting_with_its_default():
    told = {}
    for names, defaults in re.findall(r"^\| (`QBANK_[^|]+) \|([^|]*)\|", DOCS.read_text(), re.M):
        variables, values = re.findall(r"`(\w+)`", names), re.findall(r"`([^`]+)`", defaults)
        shared = len(values) == 1 < len(variables)
        told |= dict(zip(variables, values * len(variables) if shared else values, strict=False))
        told |= dict.fromkeys(variables[len(values) :]) if not shared else {}
    for name, field in ApiSettings.model_fields.items():
        variable, default = f"QBANK_{name.upper()}", field.default
        assert variable in told
        if isinstance(default, bool):
            assert told[variable] == str(default).lower()
        elif isinstance(default, int | float):
            assert float(told[variable]) == default, variable
        elif isinstance(default, str):
            assert told[variable] == default
