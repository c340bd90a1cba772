"""Who may say who somebody is: identity providers, each for its own tenants, and how they say it.

What never lives here: keys (``keys``), and checks of a token (``tokens``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from qbank.vocabulary import Role, words
from qbank.web_addresses import encrypted

ROLES: Final = frozenset(words(Role))
MAX_NAME: Final = 255
ACCOUNT_ISSUER: Final = "urn:qbank:service-accounts"
"""Who says that a token is a service account's: this service itself."""
LAUNCH_ISSUER: Final = "urn:qbank:lti"
"""Who says that a token is of somebody whom a learning platform launched: this service itself."""
_MAX_FILE_BYTES: Final = 1_048_576


def unstorable(text: str) -> bool:
    """Whether Postgres cannot keep the text: a NUL, or half of a surrogate pair."""
    return "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text)


def is_name(value: object) -> bool:
    """Whether a value can be the id of a person or tenant."""
    return isinstance(value, str) and 0 < len(value) <= MAX_NAME and not unstorable(value)


def names_of(path: str | tuple[str, ...]) -> tuple[str, ...]:
    """The names that a path goes down."""
    if not isinstance(path, str):
        return path
    return (path,) if re.search("[/:]", path) else tuple(path.split("."))


def claimed(claims: dict[str, Any], path: str | tuple[str, ...]) -> Any:
    """What a token says at a path; None where it says nothing there."""
    value: Any = claims
    for name in names_of(path):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _path(value: str | tuple[str, ...]) -> str | tuple[str, ...]:
    if not value or not all(names_of(value)):
        raise ValueError(f"{value!r} is no path: write names with dots between them, or a list")
    return value


def _tenant(value: str) -> str:
    if not is_name(value):
        raise ValueError(f"{value!r} is no tenant: give a text of 1 to {MAX_NAME} characters")
    return value


ClaimPath = Annotated[str | tuple[str, ...], AfterValidator(_path)]
_Url = Annotated[str, Field(pattern=r"^https?://[^/\s]")]
_Text = Annotated[str, Field(min_length=1, max_length=1000)]
_Tenants = Annotated[
    tuple[Annotated[str, AfterValidator(_tenant)], ...], Field(min_length=1, max_length=10_000)
]


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Claims(_Declared):
    """Where in a token things are said.

    A path such as ``realm_access.roles`` goes down name by name. A text with ``/`` or ``:`` is one
    name, as ``https://example.org/claims/tenant`` is; a list is taken as it is, name by name.

    Attributes:
        user: the person's id.
        tenant: whose rows are read and written; not looked at where the issuer has ``tenant``.
        roles: a list of names.
    """

    user: ClaimPath = "sub"
    tenant: ClaimPath = "tenant_id"
    roles: ClaimPath = "roles"


class Issuer(_Declared):
    """One identity provider.

    Attributes:
        issuer: what ``iss`` says.
        audience: what ``aud`` says, or has among others.
        jwks_url: where the keys are; None: tokens are signed with the shared secret.
        tenants: those that it may speak for, letter for letter; None: those of no other issuer.
        claims: where its tokens say what.
        roles: what its names of roles mean here; others mean nothing. None: they are ours.
    """

    issuer: _Text
    audience: _Text
    jwks_url: _Url | None
    tenants: _Tenants | None = None
    claims: Claims = Claims()
    roles: dict[str, Role] | None = None

    def speaks_for(self, tenant_id: str, others: frozenset[str]) -> bool:
        """Whether it may name the tenant; ``others`` have issuers of their own."""
        return tenant_id not in others if self.tenants is None else tenant_id in self.tenants

    def known_roles(self, named: Sequence[str]) -> frozenset[str]:
        """The roles that the names of a token mean."""
        if self.roles is None:
            return ROLES.intersection(named)
        return frozenset(self.roles[name] for name in named if name in self.roles)


class Provider(Issuer):
    """An entry of the file of issuers: what is not said there is nowhere else."""

    jwks_url: _Url
    tenants: _Tenants


_FILE: Final[TypeAdapter[tuple[Provider, ...]]] = TypeAdapter(
    Annotated[tuple[Provider, ...], Field(min_length=1)]
)


def read_issuers(file: Path, *, dev: bool) -> tuple[Issuer, ...]:
    """The issuers of a file: a JSON list of them.

    Args:
        file: where it is.
        dev: whether keys may come over plain http.

    Raises:
        ValueError: names the entry that is wrong, and what to do.
    """
    try:
        if file.stat().st_size > _MAX_FILE_BYTES:
            raise ValueError(f"it is larger than {_MAX_FILE_BYTES} bytes")
        found = _FILE.validate_json(file.read_bytes())
    except OSError as error:
        raise ValueError(
            f"cannot be read ({error.strerror}): give a JSON list of issuers"
        ) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ValueError(f"{place}: {first['msg'].removeprefix('Value error, ')}") from error
    for number, one in enumerate(found):
        if not dev:
            _refuse_plain(number, one)
    return found


def _refuse_plain(number: int, one: Provider) -> None:
    try:
        encrypted(one.jwks_url)
    except ValueError as error:
        raise ValueError(f"{number}.jwks_url is {one.jwks_url!r}: {error}") from error


def refuse_overlaps(issuers: Sequence[Issuer]) -> None:
    """Lets no two issuers have one name, nor one tenant.

    A person is known by id within a tenant, and two providers may give one id to two people.

    Raises:
        ValueError: names them.
    """
    names: set[str] = set()
    speaker: dict[str, str] = {}
    for one in issuers:
        if one.issuer in (ACCOUNT_ISSUER, LAUNCH_ISSUER):
            raise ValueError(f"issuer {one.issuer!r} is this service itself: give another name")
        if one.issuer in names:
            raise ValueError(f"issuer {one.issuer!r} is there twice: keep one")
        names.add(one.issuer)
        for tenant in dict.fromkeys(one.tenants or ()):
            other = speaker.setdefault(tenant, one.issuer)
            if other != one.issuer:
                raise ValueError(
                    f"tenant {tenant!r} has two issuers, {other!r} and {one.issuer!r}, whose ids of"
                    " people may be the same: keep one"
                )
