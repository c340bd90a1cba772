"""Settings of the console.

What never lives here: settings of other rooms (``qbank.settings``), and the theme (``.streamlit``).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from qbank.settings import SettingsGroup

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class ConsoleSettings(SettingsGroup):
    """What the console needs to know beyond the shared settings.

    Attributes:
        env: the same ``QBANK_ENV`` as everywhere.
        api_url: where the delivery API answers, without ``/v1``.
        console_host, console_port: where ``python -m qbank_console`` listens.
        console_allowed_hosts: host names it answers to, comma-separated; without any, those of
            the loopback where it listens there, else every name.
        console_token_header: header in which a sign-in proxy (OIDC) hands over the access token;
            none by default, since a header must only be believed behind such a proxy.
        console_marts_ttl_s: how long what was read from the marts is shown again without asking.
        console_statement_timeout_s: longest time that one question to the marts may take.
    """

    env: Literal["dev", "test", "prod"] = "dev"
    api_url: str = Field(default="http://127.0.0.1:8000", pattern=r"^https?://[^/]+(/.*)?$")
    console_host: str = "127.0.0.1"
    console_port: int = Field(default=8501, ge=1, le=65535)
    console_allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    console_token_header: str | None = Field(default=None, pattern=r"^[A-Za-z0-9-]+$")
    console_marts_ttl_s: float = Field(default=60.0, ge=0, le=86_400)
    console_statement_timeout_s: float = Field(default=20.0, gt=0, le=600)

    @field_validator("console_allowed_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(name.strip() for name in value.split(",") if name.strip())
        return value

    @property
    def host_names(self) -> tuple[str, ...]:
        """Host names it answers to: others may be DNS rebinding. None means every name."""
        if self.console_allowed_hosts or self.console_host not in _LOOPBACK:
            return self.console_allowed_hosts
        return _LOOPBACK
