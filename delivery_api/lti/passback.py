"""Sends results to the gradebooks of learning platforms (LTI Assignment and Grade Services 2.0).

Postgres queues a score in the transaction that keeps the result. Each API process looks for those
that are due and takes them by a lease, so that one that is killed with them is made up for: the
same number, with the same time, by which a platform knows it. What never lives here: what a score
is (migration 0066), and what staff see (``qbank.stores.lti_scores``).
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import psycopg
from psycopg.rows import class_row
from starlette.concurrency import run_in_threadpool

from delivery_api.accounts import ASSERTION_TYPE
from delivery_api.database import Database, TenantConnection
from delivery_api.lti.messages import SCORE_SCOPE
from delivery_api.lti.tool_key import ToolKey
from delivery_api.problems import ProblemError
from qbank.vocabulary import LtiScoreState
from qbank.wording import one_line

if TYPE_CHECKING:  # no start waits for it
    import httpx

MOST_ATTEMPTS: Final = 16
"""After so many, about two days, a score is given up, and staff are told."""
_FIRST_WAIT_S: Final = 30
_LONGEST_WAIT_S: Final = 6 * 3600
_AT_ONCE: Final = 8
_PATIENCE_S: Final = 20.0
_SCORE_TYPE: Final = "application/vnd.ims.lis.v1.score+json"
_LONGEST_BODY: Final = 65_536
_log = logging.getLogger(__name__)

_TENANTS: Final = "SELECT tenant_id FROM tenants_with_lti_scores()"
# the lease is longer than a sending may take
_TAKE: Final = """WITH due AS (
        SELECT id FROM lti_scores WHERE state = 'waiting' AND next_at <= now()
        ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED),
    taken AS (
        UPDATE lti_scores AS c SET attempts = c.attempts + 1, next_at = now() + interval '2 minutes'
        FROM due WHERE c.id = due.id RETURNING c.*)
    SELECT t.id, t.attempts, t.score_given, t.score_maximum, t.scored_at, l.line_item_url,
        who.subject, p.id AS platform, p.client_id, p.token_url, p.token_audience,
        p.removed_at IS NOT NULL AS is_removed
    FROM taken AS t JOIN lti_quizzes AS q ON q.quiz_id = t.quiz_id
    JOIN lti_launches AS l ON l.id = q.launch_id
    JOIN lti_people AS who ON who.tenant_id = l.tenant_id AND who.user_id = l.user_id
    JOIN lti_platforms AS p ON p.id = l.platform_id
    ORDER BY t.id"""
# what came after a score while it was on its way leaves it at that, unless it has arrived
_NOTE: Final = """UPDATE lti_scores SET state = %(state)s, problem = %(problem)s,
        sent_at = CASE WHEN %(state)s = 'sent' THEN now() END,
        next_at = now() + make_interval(secs => %(wait_s)s)
    WHERE id = %(id)s AND (state = 'waiting' OR state = 'superseded' AND %(state)s = 'sent')"""


class NotTakenError(Exception):
    """A platform did not take something; the text may be shown to staff."""


@dataclass(frozen=True, slots=True)
class Due:
    """A score that this process is to send, and where to."""

    id: int
    attempts: int
    score_given: float
    score_maximum: float
    scored_at: datetime
    line_item_url: str
    subject: str
    platform: UUID
    client_id: str
    token_url: str
    token_audience: str
    is_removed: bool


class Passback:
    """The sending of one process.

    Args:
        database: where scores wait.
        key: signs for the tool.
        every_s: seconds between two looks.
    """

    def __init__(self, database: Database, key: ToolKey, every_s: float) -> None:
        self._database = database
        self._key = key
        self._every_s = every_s
        self._tokens: dict[UUID, tuple[str, float]] = {}

    async def run(self) -> None:
        """Looks until it is canceled; what fails is tried again by a later look."""
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self.sweep()
            except (ProblemError, psycopg.Error) as error:
                _log.warning("no score was sent: %s", one_line(error))

    async def sweep(self) -> None:
        """Sends what is due; a platform that hangs holds no other tenant's up.

        Raises:
            psycopg.Error: Postgres does not say whose scores are due.
        """

        async def read(conn: TenantConnection) -> list[str]:
            return [row[0] for row in await (await conn.execute(_TENANTS)).fetchall()]

        tenants = await self._database.look(read, timeout_s=5.0)
        if not tenants:
            return
        import httpx

        logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs addresses at INFO
        async with httpx.AsyncClient(timeout=10.0, follow_redirects=False) as client:
            done = await asyncio.gather(
                *(self._send_all(client, tenant) for tenant in tenants), return_exceptions=True
            )
        for tenant, failed in zip(tenants, done, strict=True):
            if isinstance(failed, Exception):
                _log.warning("scores of tenant %s are sent later: %s", tenant, one_line(failed))

    async def _send_all(self, client: httpx.AsyncClient, tenant: str) -> None:
        while True:
            due = await self._database.run(tenant, _take)
            arrived = await asyncio.gather(
                *(self._send(client, tenant, score) for score in due), return_exceptions=True
            )
            for failed in arrived:
                if isinstance(failed, BaseException):
                    raise failed
            # a platform that takes none is not asked for the next ones at once
            if len(due) < _AT_ONCE or not any(arrived):
                return

    async def _send(self, client: httpx.AsyncClient, tenant: str, due: Due) -> bool:
        """Sends one, and notes what came of it; whether it arrived."""
        state: LtiScoreState = "sent"
        problem = ""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                problem = await self._deliver(client, due)
        except TimeoutError:
            state, problem = "waiting", f"the platform took longer than {_PATIENCE_S:.0f} s"
        except NotTakenError as error:
            state, problem = "waiting", str(error)
        if state == "waiting" and (due.attempts >= MOST_ATTEMPTS or due.is_removed):
            state = "given_up"
        if state == "given_up":
            _log.warning("score %s is given up: %s", due.id, problem)
        wait_s = min(_FIRST_WAIT_S * 2 ** (due.attempts - 1), _LONGEST_WAIT_S)
        values = {"id": due.id, "state": state, "problem": problem, "wait_s": wait_s}
        await self._database.run(tenant, partial(_note, values))
        return state == "sent"

    async def _deliver(self, client: httpx.AsyncClient, due: Due) -> str:
        """Posts a score; returns what the platform said of it beside yes.

        Raises:
            NotTakenError: it did not take it.
        """
        if due.is_removed:
            raise NotTakenError("the platform's registration was removed")
        body = json.dumps(
            {
                "timestamp": due.scored_at.isoformat(timespec="milliseconds"),
                "scoreGiven": due.score_given,
                "scoreMaximum": due.score_maximum,
                "activityProgress": "Completed",
                "gradingProgress": "FullyGraded",
                "userId": due.subject,
            }
        )
        for is_last in (False, True):
            headers = {
                "Authorization": f"Bearer {await self._token(client, due)}",
                "Content-Type": _SCORE_TYPE,
            }
            status, _ = await _post(
                client, scores_of(due.line_item_url), content=body, headers=headers
            )
            if status != 401 or is_last:
                break
            self._tokens.pop(due.platform, None)  # taken back before its time
        if status == 409:
            # of a sending whose answer was lost, or of a later sitting
            return "the platform has this score, or a later one"
        if not 200 <= status < 300:
            raise NotTakenError(f"the platform answered {status}")
        return ""

    async def _token(self, client: httpx.AsyncClient, due: Due) -> str:
        """A token for scores, by an assertion that the tool signs (RFC 7523)."""
        known = self._tokens.get(due.platform)
        if known is not None and known[1] > time.monotonic():
            return known[0]
        now = int(time.time())
        claims = {
            "iss": due.client_id,
            "sub": due.client_id,
            "aud": due.token_audience,
            "iat": now,
            "exp": now + 300,
            "jti": secrets.token_urlsafe(24),
        }
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": await run_in_threadpool(self._key.sign, claims),
            "scope": SCORE_SCOPE,
        }
        status, told = await _post(client, due.token_url, data=form)
        token, seconds = told.get("access_token"), told.get("expires_in")
        if not 200 <= status < 300 or not isinstance(token, str):
            code = told.get("error")
            said = code if isinstance(code, str) and re.fullmatch(r"[a-z_]{1,60}", code) else ""
            raise NotTakenError(f"its token endpoint answered {status} {said}".rstrip())
        lives = seconds if isinstance(seconds, int | float) else 60
        self._tokens[due.platform] = (token, time.monotonic() + min(lives, 3600) - 30)
        return token


def scores_of(line_item_url: str) -> str:
    """Where scores of a line item go: ``/scores`` at the end of its path (AGS, 3.4)."""
    parts = urlsplit(line_item_url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/scores"))


async def _take(conn: TenantConnection) -> Sequence[Due]:
    async with conn.cursor(row_factory=class_row(Due)) as cursor:
        return await (await cursor.execute(_TAKE, (_AT_ONCE,))).fetchall()


async def _note(values: dict[str, Any], conn: TenantConnection) -> None:
    await conn.execute(_NOTE, values)


async def _post(client: httpx.AsyncClient, url: str, **request: Any) -> tuple[int, dict[str, Any]]:
    """The answer's status, and its JSON object where it is one of a reasonable size.

    Raises:
        NotTakenError: nobody answered.
    """
    import httpx

    try:
        async with client.stream("POST", url, **request) as answer:
            body = b""
            async for piece in answer.aiter_bytes():
                body += piece
                if len(body) > _LONGEST_BODY:
                    break
            status = answer.status_code
    # a name that cannot be looked up is a ValueError (of IDNA)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        host = urlsplit(url).hostname
        raise NotTakenError(f"{host} does not answer ({type(error).__name__})") from error
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        told = None
    return status, told if isinstance(told, dict) else {}
