"""All settings of the core, in one place; rooms add groups on :class:`SettingsGroup`.

Values come from the environment (``QBANK_…``), then from ``.env`` in the project folder, then
from defaults that work on one machine. What never lives here: anything that connects or starts.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from croniter import croniter
from pydantic import AfterValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from qbank.errors import SettingsError
from qbank.project_files import checkout

PREFIX = "QBANK_"
_HIDDEN = ("password", "secret", "url", "token", "key")
_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,55}")


def _project_dir() -> Path:
    """The checkout that holds this package, else the working directory."""
    return checkout() or Path.cwd()


class SettingsGroup(BaseSettings):
    """A group of settings read from ``QBANK_…``; a wrong value names its variable."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    @classmethod
    def load(cls) -> Self:
        """Reads the group.

        Raises:
            SettingsError: names the first variable that is wrong, its value (unless it is a
                secret) and what is allowed.
        """
        env_file = Path(os.environ.get(f"{PREFIX}PROJECT_DIR") or _project_dir()) / ".env"
        try:
            return cls(_env_file=env_file)  # type: ignore[call-arg]  # pydantic-settings' own
        except ValidationError as error:
            raise SettingsError(_explain(error, cls.model_config["env_prefix"])) from error


def _explain(error: ValidationError, prefix: str) -> str:
    first = error.errors(include_url=False)[0]
    message = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:  # of several settings together: the input would be all of them
        return message
    name = str(first["loc"][0])
    value = "" if any(word in name for word in _HIDDEN) else f" is {first['input']!r}"
    return f"{prefix}{name.upper()}{value}: {message}"


def _schedule(value: str) -> str:
    if len(value.split()) != 5 or not croniter.is_valid(value):
        raise ValueError("write five cron fields that have a next time, such as '0 3 * * *'")
    return value


Cron = Annotated[str, AfterValidator(_schedule)]
"""When something runs: minute, hour, day, month and weekday, as cron has them."""


class Settings(SettingsGroup):
    """Settings that every room shares.

    Attributes:
        env: where this runs; ``prod`` refuses conveniences that only suit one machine.
        project_dir: folder of ``.env`` and of a relative `home`: the checkout; for an
            installation from a wheel, the working directory.
        home: folder for everything made at run time: embedded database, logs, secrets.
        reports_dir: folder of the technical reports that are written every week; a relative one
            is in `home`.
        database_url: a Postgres server to use; None uses the embedded one.
        database_password: password of the owner in `database_url`, as it is: nothing in it needs
            to be escaped, as it must in an address. It wins over one in the address.
        database: name of the database in the embedded server.
        database_timeout_s: seconds to wait for a server that is away or restarting.
        postgres_port: fixed port of the embedded server; None picks a free one and keeps it.
        postgres_fsync: whether the embedded server flushes to disk; only tests turn it off.
        delivery_password, orchestration_password, analyst_password: passwords of the
            least-privilege roles; None generates them into ``home/secrets``.
        nightly_cron, nightly_timezone: when the night runs.
        max_daily_exposures: people to whom an item of an exam is served in a day before it comes
            last.
        pseudonym_key_file: file of the key that people get their pseudonyms by
            (``qbank import responses --pseudonymise``).
        events: whether what happens is written to the outbox, for programs that read along.
        telemetry: whether requests and events are traced by OpenTelemetry; ``OTEL_…`` says where
            to.
        log_level, log_format: see :mod:`qbank.logs`.
    """

    env: Literal["dev", "test", "prod"] = "dev"
    project_dir: Path = Field(default_factory=_project_dir)
    home: Path = Path(".qbank")
    reports_dir: Path = Path("reports")

    database_url: SecretStr | None = None
    database_password: SecretStr | None = None
    database: str = "qbank"
    database_timeout_s: float = Field(default=30.0, gt=0, le=3600)
    postgres_port: int | None = Field(default=None, ge=1024, le=65535)
    postgres_fsync: bool = True
    delivery_password: SecretStr | None = None
    orchestration_password: SecretStr | None = None
    analyst_password: SecretStr | None = None

    nightly_cron: Cron = "0 3 * * *"
    nightly_timezone: str = "UTC"
    max_daily_exposures: int = Field(default=500, ge=1)

    pseudonym_key_file: Path | None = None

    events: bool = False
    telemetry: bool = False

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["console", "json"] = "console"

    @field_validator("project_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().resolve()

    @field_validator("database")
    @classmethod
    def _plain_name(cls, value: str) -> str:
        if not _IDENTIFIER.fullmatch(value):
            raise ValueError("use lower-case letters, digits and _, at most 56 characters")
        return value

    @field_validator("database_url")
    @classmethod
    def _postgres_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.match(r"postgres(ql)?://", value.get_secret_value()):
            raise ValueError("write postgresql://user:password@host:5432/database")
        return value

    @field_validator("nightly_timezone")
    @classmethod
    def _known_timezone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError("use an IANA name such as UTC or Europe/Berlin") from error
        return value

    def model_post_init(self, context: Any) -> None:
        """Anchors a relative home in the project, whatever the working directory."""
        object.__setattr__(self, "home", (self.project_dir / self.home.expanduser()).absolute())
        object.__setattr__(self, "reports_dir", self.home / self.reports_dir.expanduser())

    @property
    def embedded(self) -> bool:
        """Whether the embedded server is used."""
        return self.database_url is None


def get_settings() -> Settings:
    """The settings of this process; read again only when a ``QBANK_…`` variable changes.

    Raises:
        SettingsError: names the variable, its value and what is allowed.
    """
    return _load(tuple(sorted(i for i in os.environ.items() if i[0].upper().startswith(PREFIX))))


@lru_cache(maxsize=8)
def _load(_variables: tuple[tuple[str, str], ...]) -> Settings:
    return Settings.load()
