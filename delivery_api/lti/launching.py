"""Launches: a platform's login is sent on its way, and its signed message is believed, once.

What never lives here: HTTP, what a message says (``messages``), and pages.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import jwt
import structlog
from psycopg.rows import class_row

from delivery_api.database import Database, TenantConnection
from delivery_api.keys import KeysUnavailableError, ProviderKeys
from delivery_api.lti import login, messages
from delivery_api.lti.login import Choice, State
from delivery_api.lti.messages import Message, MessageError
from delivery_api.lti.pages import LaunchError
from delivery_api.settings import ApiSettings
from qbank import pseudonyms
from qbank.settings import Settings
from qbank.web_addresses import encrypted

CODE_S: Final = 120
"""A program has so many seconds to get the token of a launch."""
_ALGORITHMS: Final = ("RS256", "ES256")
_REQUIRED: Final = ["exp", "iat", "iss", "aud", "nonce"]
_UNREADABLE: Final = (jwt.PyJWTError, OverflowError, RecursionError)

_OF_ISSUER: Final = """SELECT platform, tenant_id, client_id, deployment_ids
    FROM lti_platforms_of(%s)"""
_PLATFORM: Final = """SELECT id, tenant_id, name, issuer, client_id, deployment_ids, auth_url,
        jwks_url
    FROM lti_platforms WHERE id = %s AND removed_at IS NULL"""
_KNOWN: Final = """SELECT user_id FROM lti_people
    WHERE tenant_id = %(tenant)s AND issuer = %(issuer)s AND subject = %(subject)s"""
_NEW: Final = """INSERT INTO lti_people (tenant_id, issuer, subject, user_id)
    VALUES (%(tenant)s, %(issuer)s, %(subject)s, %(user)s)
    ON CONFLICT (tenant_id, issuer, subject) DO NOTHING"""
_EXAM: Final = "SELECT exam_code, title FROM exams WHERE tenant_id = %s AND code = %s"
_LAUNCH: Final = """INSERT INTO lti_launches (tenant_id, platform_id, user_id, exam_code,
        deployment_id, resource_link_id, line_item_url, code_sha256, code_expires_at)
    VALUES (%(tenant)s, %(platform)s, %(user)s, %(exam)s, %(deployment)s, %(link)s, %(line_item)s,
        %(code)s, now() + make_interval(secs => %(seconds)s))"""
_USE_CODE: Final = "SELECT launch, tenant_id, user_id, exam_code FROM use_lti_code(%s)"


@dataclass(frozen=True, slots=True)
class Platform:
    """A registration, as its tenant sees it."""

    id: UUID
    tenant_id: str
    name: str
    issuer: str
    client_id: str
    deployment_ids: list[str]
    auth_url: str
    jwks_url: str


@dataclass(frozen=True, slots=True)
class Launched:
    """A person who is to sit an exam.

    Attributes:
        exam_key: of the exam, inside the platform.
    """

    launch: UUID
    tenant_id: str
    user_id: str
    exam_key: str


class Launches:
    """Takes logins and launches.

    Args:
        api: where the tool is reached, and whether plain http will do.
        settings: those of the process.
        database: where registrations and launches are.
    """

    def __init__(self, api: ApiSettings, settings: Settings, database: Database) -> None:
        self._address = None if api.lti_url is None else api.lti_url.rstrip("/")
        self._may_be_plain = api.env == "dev"
        self._leeway_s = api.jwt_leeway_s
        self._key = hmac.new(api.selection_key(settings), b"lti states", hashlib.sha256).digest()
        self._database = database
        self._keys: dict[str, ProviderKeys] = {}
        self._log = structlog.get_logger("qbank.api").bind()

    @property
    def launch_url(self) -> str:
        """Where platforms send their messages.

        Raises:
            LaunchError: nobody said where this server is.
        """
        if self._address is None:
            raise LaunchError(
                503,
                "Launches are not set up here",
                "An administrator of this server says by QBANK_LTI_URL under which address"
                " browsers reach it.",
            )
        return f"{self._address}/lti/launch"

    async def begin(self, asked: Mapping[str, str]) -> tuple[str, str]:
        """Sends a login on to its platform (OIDC third-party initiated login).

        Returns:
            Where to, and the state whose cookie the browser keeps.

        Raises:
            LaunchError: the platform is unknown, or says too little.
        """
        launch_url = self.launch_url
        for name in ("iss", "login_hint", "target_link_uri"):
            if not asked.get(name):
                raise LaunchError(
                    400,
                    "This page is reached from a course alone",
                    f"The learning platform says no {name}.",
                )

        async def read(conn: TenantConnection) -> list[Choice]:
            async with conn.cursor(row_factory=class_row(Choice)) as cursor:
                return await (await cursor.execute(_OF_ISSUER, (asked["iss"],))).fetchall()

        choice = login.chosen(await self._database.run("", read), asked)
        state = login.begun(choice)
        platform = await self._platform(state)
        sealed = login.seal(self._key, state)
        query = {
            "scope": "openid",
            "response_type": "id_token",
            "response_mode": "form_post",
            "prompt": "none",
            "client_id": platform.client_id,
            "redirect_uri": launch_url,
            "login_hint": asked["login_hint"],
            "state": sealed,
            "nonce": state.nonce,
        }
        if asked.get("lti_message_hint"):
            query["lti_message_hint"] = asked["lti_message_hint"]
        return login.with_query(platform.auth_url, query), sealed

    async def take(
        self, sent: Mapping[str, str], cookies: Mapping[str, str]
    ) -> tuple[Platform, Message]:
        """Believes a platform's message, once.

        Args:
            sent: the form.
            cookies: of the browser that brings it.

        Raises:
            LaunchError: it is not to be believed, or says what cannot be.
        """
        if "error" in sent:
            raise LaunchError(
                403,
                "The learning platform did not sign you in",
                f"It says: {sent['error']:.200} {sent.get('error_description', ''):.500}",
            )
        state = login.opened(self._key, sent.get("state", ""), cookies)
        platform = await self._platform(state)
        claims = await self._verified(platform, sent.get("id_token", ""))
        if not hmac.compare_digest(str(claims["nonce"]).encode(), state.nonce.encode()):
            raise _refused("it answers another login")
        try:
            message = messages.read(claims)
            self._refuse_plain(message)
        except MessageError as error:
            raise _refused(str(error)) from error
        if message.deployment_id not in platform.deployment_ids:
            raise _refused(
                f"deployment {message.deployment_id!r:.200} is not registered: an administrator of"
                " this server adds it"
            )
        await self._use(platform, state)
        return platform, message

    async def enrol(self, platform: Platform, message: Message) -> tuple[str, str]:
        """Notes a learner's launch into an exam.

        Returns:
            The code by which the person's program gets its token, and the exam's title.

        Raises:
            LaunchError: the link names no exam of the tenant.
        """
        code = secrets.token_urlsafe(32)
        values = {
            "tenant": platform.tenant_id,
            "issuer": platform.issuer,
            "subject": message.subject,
            "user": pseudonyms.by_chance(),
            "platform": platform.id,
            "deployment": message.deployment_id,
            "link": message.resource_link_id,
            "line_item": message.line_item_url,
            "code": hashlib.sha256(code.encode()).digest(),
            "seconds": CODE_S,
        }

        async def write(conn: TenantConnection) -> tuple[str, str]:
            exam = await self._exam(conn, platform.tenant_id, message.exam_code)
            async with conn.transaction():
                await conn.execute(_NEW, values)
                row = await (await conn.execute(_KNOWN, values)).fetchone()
                assert row is not None  # noqa: S101  (it was there, or is now)
                # run again where the connection was lost: a launch too many, and the code of one
                await conn.execute(_LAUNCH, values | {"user": row[0], "exam": exam[0]})
            return exam

        _, title = await self._database.run(platform.tenant_id, write)
        self._log.info("launched", platform=platform.name, exam=message.exam_code)
        return code, title

    async def named_exam(self, platform: Platform, message: Message) -> tuple[str, str]:
        """Key and title of the exam that a link names.

        Raises:
            LaunchError: it names none of the tenant.
        """
        return await self._database.run(
            platform.tenant_id,
            lambda conn: self._exam(conn, platform.tenant_id, message.exam_code),
        )

    async def launched(self, code: str) -> Launched | None:
        """Who has the code; it is good once."""
        digest = hashlib.sha256(code.encode()).digest()

        async def use(conn: TenantConnection) -> Launched | None:
            row = await (await conn.execute(_USE_CODE, (digest,))).fetchone()
            return None if row is None else Launched(*row)

        return await self._database.run("", use)

    async def _platform(self, state: State) -> Platform:
        async def read(conn: TenantConnection) -> Platform | None:
            async with conn.cursor(row_factory=class_row(Platform)) as cursor:
                return await (await cursor.execute(_PLATFORM, (state.platform,))).fetchone()

        found = await self._database.run(state.tenant_id, read)
        if found is None:
            raise _refused("its registration was removed")
        return found

    async def _verified(self, platform: Platform, token: str) -> dict[str, Any]:
        keys = self._keys.setdefault(platform.jwks_url, ProviderKeys(platform.jwks_url))
        try:
            key = await keys.key(jwt.get_unverified_header(token).get("kid"))
        except _UNREADABLE as error:
            raise _refused(f"it cannot be read ({type(error).__name__})") from error
        except KeysUnavailableError as error:
            raise LaunchError(
                503, "The learning platform does not answer", "Open the exam again in a moment."
            ) from error
        if key is None:
            raise _refused("it is signed by a key that the platform does not publish")
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=_ALGORITHMS,
                audience=platform.client_id,
                issuer=platform.issuer,
                leeway=self._leeway_s,
                options={"require": _REQUIRED},
            )
        except _UNREADABLE as error:
            raise _refused(f"its signature or claims do not hold ({type(error).__name__})") from (
                error
            )
        audience = claims["aud"]
        several = isinstance(audience, list) and len(audience) > 1
        if claims.get("azp", None if several else platform.client_id) != platform.client_id:
            raise _refused("it is for another tool (azp)")
        return claims

    async def _use(self, platform: Platform, state: State) -> None:
        until = datetime.fromtimestamp(state.ends_at + 60, UTC)
        values = (platform.id, state.nonce, until)

        async def take(conn: TenantConnection) -> bool:
            row = await (await conn.execute("SELECT use_lti_nonce(%s, %s, %s)", values)).fetchone()
            return bool(row and row[0])

        if time.time() > state.ends_at or not await self._database.run("", take):
            raise _refused("it was used before")

    async def _exam(
        self, conn: TenantConnection, tenant_id: str, code: str | None
    ) -> tuple[str, str]:
        row = None
        if code is not None:
            row = await (await conn.execute(_EXAM, (tenant_id, code))).fetchone()
        if row is None:
            said = "names no exam" if code is None else f"names exam {code!r:.200}, which is not"
            raise LaunchError(
                404,
                "The link leads to no exam",
                f"It {said}{'' if code is None else ' there'}. Whoever runs the course chooses the"
                " exam again, or gives the link the custom parameter exam=CODE.",
            )
        return row[0], row[1]

    def _refuse_plain(self, message: Message) -> None:
        """Lets no score or choice go over a line that others read, outside dev."""
        if self._may_be_plain:
            return
        for what, url in (
            ("lineitem", message.line_item_url),
            ("deep_link_return_url", message.deep_link and message.deep_link.return_url),
        ):
            try:
                encrypted(url or "https:")
            except ValueError as error:
                raise MessageError(f"{what} is {url!r:.200}, which is not encrypted") from error


def _refused(why: str) -> LaunchError:
    return LaunchError(
        403,
        "The learning platform's message is not accepted",
        f"Of the message: {why}. Open the exam from your course again; where that does not help,"
        " tell whoever runs the course what this page says.",
    )
