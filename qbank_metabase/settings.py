"""Where Metabase is and who we are to it, from environment variables or `.env`.

Belongs here: the connection's settings and their errors. Never here: requests, content.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict

from qbank.settings import SettingsGroup
from qbank_metabase.errors import ConnectionSettingsError


class MetabaseSettings(SettingsGroup):
    """Settings of the push, each named `QBANK_METABASE_<NAME>`.

    Attributes:
        url: Address of Metabase without a path, such as `https://metabase.example.org`.
        api_key: An API key (Admin › Settings › Authentication › API keys). Preferred.
        username: Account to sign in with where API keys are not at hand.
        password: Its password.
        database: Name that the qbank database bears in Metabase.
        schema_name: Schema of the marts.
        timeout_seconds: Longest wait for one answer.
        allow_http: Send credentials over plain http to another machine all the same.
    """

    model_config = SettingsConfigDict(env_prefix="QBANK_METABASE_")

    url: str | None = None
    api_key: SecretStr | None = None
    username: str | None = None
    password: SecretStr | None = None
    database: str = "qbank"
    schema_name: str = "analytics"
    timeout_seconds: float = 30.0
    allow_http: bool = False

    def base_url(self) -> str:
        """Return the address, checked.

        Raises:
            ConnectionSettingsError: The address is missing, not http(s), or would carry the
                credentials in clear text to another machine.
        """
        if not self.url:
            raise ConnectionSettingsError(
                "QBANK_METABASE_URL is not set: give the address of Metabase, "
                "such as https://metabase.example.org"
            )
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConnectionSettingsError(
                f"QBANK_METABASE_URL is {self.url!r}: it must begin with https:// or http://"
            )
        if parts.username or parts.password:
            raise ConnectionSettingsError(
                "QBANK_METABASE_URL carries a user or password: "
                "put them into QBANK_METABASE_USERNAME and QBANK_METABASE_PASSWORD"
            )
        if parts.scheme == "http" and not (self.allow_http or _is_loopback(parts.hostname)):
            raise ConnectionSettingsError(
                f"QBANK_METABASE_URL is {self.url!r}: the API key would travel in clear text; "
                "use https://, or set QBANK_METABASE_ALLOW_HTTP=true inside a private network"
            )
        return self.url.rstrip("/")

    def check_credentials(self) -> None:
        """Make sure that a key or a full account is given.

        Raises:
            ConnectionSettingsError: Neither is there.
        """
        if self.api_key is None and not (self.username and self.password):
            raise ConnectionSettingsError(
                "no credentials for Metabase: set QBANK_METABASE_API_KEY, "
                "or QBANK_METABASE_USERNAME and QBANK_METABASE_PASSWORD"
            )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
