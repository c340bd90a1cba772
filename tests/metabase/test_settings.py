"""Address and credentials: what is missing is named, nothing secret is shown or sent in clear."""

from __future__ import annotations

import pytest

from qbank_metabase.errors import ConnectionSettingsError
from qbank_metabase.settings import MetabaseSettings


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("QBANK_METABASE_URL", "https://metabase.example.org/")
    monkeypatch.setenv("QBANK_METABASE_API_KEY", "mb_secret")
    settings = MetabaseSettings.load()
    assert settings.base_url() == "https://metabase.example.org"
    settings.check_credentials()
    assert "mb_secret" not in repr(settings)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (None, "QBANK_METABASE_URL is not set"),
        ("metabase.example.org", "must begin with https://"),
        ("http://metabase.example.org", "clear text"),
        ("https://ops:hunter2@metabase.example.org", "carries a user or password"),
    ],
)
def test_a_wrong_address_is_named(url: str | None, message: str):
    with pytest.raises(ConnectionSettingsError, match=message):
        MetabaseSettings(url=url).base_url()


@pytest.mark.parametrize(
    "url", ["http://localhost:3000", "http://127.0.0.1:3000", "http://[::1]:1"]
)
def test_http_is_fine_on_this_machine(url: str):
    assert MetabaseSettings(url=url).base_url() == url


def test_http_inside_a_private_network_can_be_allowed():
    settings = MetabaseSettings(url="http://metabase:3000", allow_http=True)
    assert settings.base_url() == "http://metabase:3000"


@pytest.mark.parametrize("given", [{}, {"username": "a"}, {"password": "b"}])
def test_missing_credentials_are_named(given: dict):
    with pytest.raises(ConnectionSettingsError, match="QBANK_METABASE_API_KEY"):
        MetabaseSettings(**given).check_credentials()
