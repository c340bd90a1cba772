"""Settings of the delivery API, and its refusal to start where they are not safe.

What never lives here: settings of other rooms (``qbank.settings``), and anything that connects.
"""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_settings import NoDecode

from delivery_api.issuers import Issuer, read_issuers, refuse_overlaps
from delivery_api.lti.tool_key import read_key
from qbank.attempts import LONGEST_MINUTES
from qbank.postgres.roles import generated_secret
from qbank.settings import Settings, SettingsGroup
from qbank.web_addresses import encrypted, web_address

MIN_SECRET_BYTES = 32
# what .env.example and tutorials write where a secret belongs
_PLACEHOLDERS = ("change-me", "changeme", "change_me", "secret", "default", "example", "password")


class ApiSettings(SettingsGroup):
    """What the API needs to know beyond the shared settings.

    Attributes:
        env: the same ``QBANK_ENV`` as everywhere; mock login exists in ``dev`` alone.
        jwks_url: keys of the identity provider (OIDC); tokens are then RS256 or ES256 only.
            Outside dev by https, or from this machine.
        jwt_secret: shared secret; tokens are then HS256 only. In dev one is generated and kept.
        jwt_issuer, jwt_audience: what ``iss`` and ``aud`` must say.
        issuers_file: more identity providers, each for its own tenants: a file
            with a JSON list of them. Then neither ``jwks_url`` nor ``jwt_secret`` has to be set;
            where one is, that issuer has the tenants that the others do not name.
        jwt_leeway_s: how far the provider's clock may be off in ``exp``, ``nbf`` and ``iat``.
        selection_secret: keys the draws of exposure control; unset: from ``jwt_secret``.
        cors_origins: origins that browsers may call from, comma-separated; none by default.
        api_host, api_port, api_workers: where ``python -m delivery_api`` listens, and
            in how many processes.
        api_forwarded_allow_ips: proxies whose ``X-Forwarded-For`` is believed, comma-separated.
        api_trusted_hosts: what ``Host`` may say, comma-separated; any where none is given.
        api_docs: whether ``/docs`` and ``/openapi.json`` exist; in dev alone where None.
        api_metrics_token: what ``/metrics`` wants as a bearer token; outside dev there are no
            metrics without one.
        api_max_body_bytes: larger request bodies are refused with 413.
        api_max_upload_bytes: the same for files that are imported.
        api_upload_timeout_s: such a request is whole within this time.
        api_max_uploads: such files that a process receives at once, half of them of one tenant;
            others get 503, or 429.
        api_tenant_requests: imports, undos and requests about people that a tenant may have
            waiting; more are refused with 429.
        api_tenant_upload_bytes: the same for the bytes of its files.
        api_max_header_bytes: request line and headers; more is refused with 431.
        api_request_timeout_s: a request is whole, head and body, within this time.
        api_keep_alive_s: how long a connection is kept for its next request.
        api_max_connections: connections of a process; with one more, the one that has kept it
            waiting longest for a request is closed.
        api_max_requests: requests that a process answers at once; others get 503.
        api_bank_memory_mb: what item banks may take of a process's memory, about; with more, those
            of exams that were not asked for longest are dropped, and loaded again when they are.
        api_export_items: a file of an exam's items has at most so many; of more it is refused.
        api_access_log: one structured line a request.
        api_database_patience_s: how long a request waits for Postgres to come back before 503.
        api_statement_timeout_s, api_lock_timeout_s: how long Postgres may take for a statement,
            and wait for a lock, before the request is answered 503.
        api_idle_transaction_timeout_s: Postgres ends a transaction in which nothing happens.
        login_rate_per_minute: logins of one address.
        account_rate_per_minute: tokens that service accounts of one address may ask for.
        account_token_s: how long such a token is good.
        lti_url: under which address browsers reach this service, for launches from learning
            platforms; there are none without it. Outside dev by https, or on this machine.
        lti_landing_url: the page of a program in which a launched student takes the quiz; it gets
            ``launch``, a code that ``POST /v1/auth/launch`` gives a token for.
        lti_key_file: the private RSA key (PEM, mode 0600) that signs what goes to platforms;
            without one, a key is made and kept with the other secrets of ``QBANK_HOME``.
        lti_rate_per_minute: logins and launches of one address.
        lti_scores_every_s: seconds between two looks for scores that are to be sent.
        quiz_rate_per_minute, item_rate_per_minute, answer_rate_per_minute: what one person may
            make, be served and answer.
        tenant_rate_per_minute: steps of all quizzes of one tenant together.
        quiz_minutes: a quiz may be answered this long.
        submit_every_s: seconds between two sweeps that seal quizzes whose time is over.
    """

    env: Literal["dev", "test", "prod"] = "dev"
    issuers_file: Path | None = None
    jwks_url: str | None = Field(default=None, pattern=r"^https?://")
    jwt_secret: SecretStr | None = Field(default=None, validate_default=True)
    jwt_issuer: str = Field(default="qbank", min_length=1)
    jwt_audience: str = Field(default="qbank", min_length=1)
    jwt_leeway_s: float = Field(default=30.0, ge=0, le=300)
    selection_secret: SecretStr | None = Field(default=None, validate_default=True)

    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    api_host: str = "127.0.0.1"
    api_port: int = Field(default=8000, ge=1, le=65535)
    api_workers: int = Field(default=1, ge=1, le=64)
    api_forwarded_allow_ips: str = "127.0.0.1"
    api_trusted_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    api_docs: bool | None = None
    api_metrics_token: SecretStr | None = None
    api_max_body_bytes: int = Field(default=262_144, ge=1024, le=16_777_216)
    api_max_upload_bytes: int = Field(default=536_870_912, ge=1024, le=1 << 40)
    api_upload_timeout_s: float = Field(default=900.0, ge=0.1, le=86_400)
    api_max_uploads: int = Field(default=4, ge=1, le=1000)
    api_tenant_requests: int = Field(default=50, ge=1, le=100_000)
    api_tenant_upload_bytes: int = Field(default=2_147_483_648, ge=1024, le=1 << 44)
    api_max_header_bytes: int = Field(default=32_768, ge=4096, le=1_048_576)
    api_request_timeout_s: float = Field(default=20.0, ge=0.1, le=600)
    api_keep_alive_s: int = Field(default=5, ge=1, le=600)
    api_max_connections: int = Field(default=1000, ge=10, le=100_000)
    api_max_requests: int = Field(default=500, ge=1, le=100_000)
    api_bank_memory_mb: int = Field(default=1000, ge=1, le=1_000_000)
    api_export_items: int = Field(default=20_000, ge=1, le=1_000_000)
    api_access_log: bool = True
    api_database_patience_s: float = Field(default=10.0, ge=0, le=120)
    api_statement_timeout_s: float = Field(default=10.0, ge=0.1, le=600)
    api_lock_timeout_s: float = Field(default=3.0, ge=0.1, le=600)
    api_idle_transaction_timeout_s: float = Field(default=30.0, ge=0.1, le=600)
    login_rate_per_minute: int = Field(default=30, ge=1)
    account_rate_per_minute: int = Field(default=60, ge=1)
    account_token_s: int = Field(default=600, ge=60, le=3600)
    lti_url: str | None = None
    lti_landing_url: str | None = None
    lti_key_file: Path | None = None
    # a school is one address
    lti_rate_per_minute: int = Field(default=1200, ge=1)
    lti_scores_every_s: float = Field(default=15.0, ge=0.1, le=3600)
    quiz_rate_per_minute: int = Field(default=20, ge=1)
    item_rate_per_minute: int = Field(default=240, ge=1)
    answer_rate_per_minute: int = Field(default=240, ge=1)
    tenant_rate_per_minute: int = Field(default=600_000, ge=1)
    quiz_minutes: int = Field(default=180, ge=1, le=LONGEST_MINUTES)
    submit_every_s: float = Field(default=30.0, ge=0.1, le=3600)

    @field_validator("issuers_file")
    @classmethod
    def _readable(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if value is not None:
            read_issuers(value, dev=info.data.get("env") == "dev")
        return value

    @field_validator("lti_url", "lti_landing_url")
    @classmethod
    def _web_page(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None:
            web_address(value)
            if info.data.get("env") != "dev":
                encrypted(value)
        return value

    @field_validator("lti_key_file")
    @classmethod
    def _lti_key(cls, value: Path | None) -> Path | None:
        if value is not None:
            read_key(value)
        return value

    @field_validator("jwks_url")
    @classmethod
    def _encrypted(cls, value: str | None, info: ValidationInfo) -> str | None:
        return value if value is None or info.data.get("env") == "dev" else encrypted(value)

    @field_validator("jwt_secret")
    @classmethod
    def _strong_secret(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        jwks_url = info.data.get("jwks_url")
        if value is not None and jwks_url:
            raise ValueError("QBANK_JWKS_URL is set too: keep one of the two")
        if info.data.get("env") == "dev" or jwks_url:
            return value
        if value is not None:
            return _not_guessable(value)
        if info.data.get("issuers_file"):
            return value
        raise ValueError(
            "not set: outside dev give a secret of 32 bytes or more, or QBANK_JWKS_URL, or"
            " QBANK_ISSUERS_FILE"
        )

    @field_validator("selection_secret")
    @classmethod
    def _selection_key(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if info.data.get("env") == "dev":
            return value
        if value is None and info.data.get("jwt_secret") is None:
            raise ValueError("not set: without QBANK_JWT_SECRET give a secret of 32 bytes or more")
        return value if value is None else _not_guessable(value)

    @field_validator("api_metrics_token")
    @classmethod
    def _metrics_token(cls, value: SecretStr | None) -> SecretStr | None:
        return value if value is None else _not_guessable(value)

    @field_validator("cors_origins", "api_trusted_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(origin.strip() for origin in value.split(",") if origin.strip())
        return value

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            if origin == "*" or not origin.startswith(("http://", "https://")):
                raise ValueError("list origins such as https://exam.example.org; * is refused")
        return value

    @model_validator(mode="after")
    def _issuers_apart(self) -> Self:
        try:
            refuse_overlaps(self.issuers())
        except ValueError as error:
            raise ValueError(f"QBANK_ISSUERS_FILE: {error}") from error
        return self

    @property
    def has_docs(self) -> bool:
        """Whether ``/docs`` and ``/openapi.json`` exist."""
        return self.env == "dev" if self.api_docs is None else self.api_docs

    @property
    def shares_secret(self) -> bool:
        """Whether there are tokens that are signed with the shared secret."""
        return self.jwt_secret is not None or (self.jwks_url is None and self.issuers_file is None)

    @property
    def mock_login(self) -> bool:
        """Whether ``POST /v1/auth/mock-login`` exists."""
        return self.env == "dev" and self.shares_secret

    def issuers(self) -> tuple[Issuer, ...]:
        """All that may say who somebody is."""
        own: tuple[Issuer, ...] = ()
        if self.jwks_url is not None or self.shares_secret:
            own = (
                Issuer(issuer=self.jwt_issuer, audience=self.jwt_audience, jwks_url=self.jwks_url),
            )
        if self.issuers_file is None:
            return own
        return own + read_issuers(self.issuers_file, dev=self.env == "dev")

    def signing_secret(self, settings: Settings) -> str:
        """The HS256 secret; in dev, where none is set, one generated into ``.qbank/secrets``."""
        if self.jwt_secret is not None:
            return self.jwt_secret.get_secret_value()
        return generated_secret("api_jwt", settings)

    def selection_key(self, settings: Settings) -> bytes:
        """32 bytes that key the draws of exposure control, the same in every process."""
        if self.selection_secret is not None:
            source = self.selection_secret.get_secret_value()
        elif self.shares_secret:
            source = self.signing_secret(settings)
        else:
            source = generated_secret("api_selection", settings)
        return hmac.new(source.encode(), b"qbank selection", hashlib.sha256).digest()


def _not_guessable(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if len(text.encode()) < MIN_SECRET_BYTES:
        raise ValueError(f"too short: give {MIN_SECRET_BYTES} bytes or more")
    # found in itself from its second letter on: the same few letters again and again
    is_repeated = 0 < (text + text).find(text, 1) < MIN_SECRET_BYTES // 2
    if len(set(text)) < 8 or is_repeated or text.lower().startswith(_PLACEHOLDERS):
        raise ValueError("a placeholder: make one with `openssl rand -base64 48`")
    return value
