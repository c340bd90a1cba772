"""A teacher chooses an exam, and the platform gets a link to it (LTI Deep Linking 2.0).

What never lives here: who may choose (``routers.lti``).
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from typing import Any, Final

from starlette.responses import HTMLResponse

from delivery_api.database import Database, TenantConnection
from delivery_api.lti import pages
from delivery_api.lti.launching import Platform
from delivery_api.lti.messages import CLAIM, DEEP_LINKING, EXAM, VERSION, DeepLink, Message
from delivery_api.lti.tool_key import ToolKey

MOST: Final = 200
"""Exams on the page; of others the link gets the custom parameter by hand."""
_ANSWER_S: Final = 1800
_EXAMS: Final = """SELECT e.code, e.title FROM exams AS e
    WHERE e.tenant_id = %s AND EXISTS (
        SELECT FROM question_publications AS p WHERE p.exam_code = e.exam_code)
    ORDER BY e.code LIMIT %s"""


async def exams(database: Database, tenant_id: str) -> list[tuple[str, str]]:
    """Code and title of a tenant's exams that have items."""

    async def read(conn: TenantConnection) -> list[tuple[str, str]]:
        return await (await conn.execute(_EXAMS, (tenant_id, MOST))).fetchall()

    return await database.run(tenant_id, read)


def offered(
    key: ToolKey,
    launch_url: str,
    platform: Platform,
    message: Message,
    found: Sequence[tuple[str, str]],
) -> HTMLResponse:
    """The page that a teacher chooses on; each exam has its signed answer with it."""
    wanted = message.deep_link
    assert wanted is not None  # noqa: S101
    offers = [
        (code, title, key.sign(_answer(launch_url, platform, message, wanted, code, title)))
        for code, title in found
    ]
    return pages.choice(wanted.return_url, offers)


def _answer(
    launch_url: str, platform: Platform, message: Message, wanted: DeepLink, code: str, title: str
) -> dict[str, Any]:
    link: dict[str, Any] = {
        "type": "ltiResourceLink",
        "title": title or code,
        "url": launch_url,
        "custom": {EXAM: code},
        # cookies are blocked in frames, and an exam wants the whole window
        "window": {"targetName": "_blank"},
    }
    if wanted.takes_line_item:
        link["lineItem"] = {"scoreMaximum": 100, "label": title or code, "resourceId": code}
    now = int(time.time())
    answer = {
        "iss": platform.client_id,
        "aud": platform.issuer,
        "iat": now,
        "exp": now + _ANSWER_S,
        "nonce": secrets.token_urlsafe(24),
        f"{CLAIM}deployment_id": message.deployment_id,
        f"{CLAIM}message_type": "LtiDeepLinkingResponse",
        f"{CLAIM}version": VERSION,
        f"{DEEP_LINKING}content_items": [link],
    }
    if wanted.data is not None:
        answer[f"{DEEP_LINKING}data"] = wanted.data
    return answer
