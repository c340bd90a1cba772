"""Seals quizzes whose time is over although nobody looks at them: a sweep that needs no request.

Each API process sweeps; of those that do at once, one works on a tenant. What never lives here:
what sealing is (``sealing``), and when a quiz is over (``is_open`` in Postgres).
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial

import psycopg

from delivery_api.database import Database, TenantConnection
from delivery_api.problems import TIMED_OUT, ProblemError
from delivery_api.quizzes.ending import Endings
from delivery_api.tokens import Principal
from qbank.wording import one_line

_AT_ONCE = 100
_PATIENCE_S = 5.0
_log = logging.getLogger(__name__)

_TENANTS = "SELECT * FROM tenants_with_quizzes_to_seal()"
_ALONE = "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))"
_DONE = "SELECT pg_advisory_unlock(hashtextextended(%s, 0))"
# those whose result an older release keeps are no more to be sealed
_OVER = """SELECT s.id, s.user_id FROM quiz_sessions AS s
    WHERE s.tenant_id = %(tenant)s AND s.sealed_at IS NULL AND quiz_status(s) = 'expired'
        AND ends_at(s) < now()
        AND s.id > %(after)s
        AND NOT EXISTS (SELECT FROM quiz_results AS r WHERE r.quiz_id = s.id)
    ORDER BY s.id LIMIT %(at_once)s"""


class Submission:
    """The sweep of one process.

    Args:
        database: where quizzes are.
        endings: seals them.
        every_s: seconds between two sweeps.
    """

    def __init__(self, database: Database, endings: Endings, every_s: float) -> None:
        self._database = database
        self._endings = endings
        self._every_s = every_s

    async def run(self) -> None:
        """Sweeps until it is canceled; what fails is tried again by the next sweep."""
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self.sweep()
            except (ProblemError, psycopg.Error) as error:
                _log.warning("no quiz was sealed by the sweep: %s", one_line(error))

    async def sweep(self) -> None:
        """Seals every quiz whose time is over; what fails for one tenant keeps no other from it.

        Raises:
            psycopg.Error: Postgres does not say whose quizzes are over.
        """

        async def tenants(conn: TenantConnection) -> list[str]:
            return [row[0] for row in await (await conn.execute(_TENANTS)).fetchall()]

        for tenant in await self._database.look(tenants, timeout_s=_PATIENCE_S):
            try:
                await self._database.run(tenant, partial(self._seal_all, tenant))
            except (ProblemError, psycopg.Error) as error:
                _log.warning("the sweep of tenant %s did not end: %s", tenant, one_line(error))

    async def seal(self, tenant_id: str, user_id: str, quiz_id: str) -> None:
        """Seals one quiz, if its time is over.

        Raises:
            ProblemError: 404, or 503 where Postgres stays away.
        """
        owner = _owner(tenant_id, user_id)
        await self._database.run(
            tenant_id, lambda conn: self._endings.submitted(conn, owner, quiz_id)
        )

    async def _seal_all(self, tenant: str, conn: TenantConnection) -> None:
        lock = (f"seal quizzes of {tenant}",)
        row = await (await conn.execute(_ALONE, lock)).fetchone()
        if row is None or not row[0]:
            return
        try:
            after = ""
            while True:
                values = {"tenant": tenant, "after": after, "at_once": _AT_ONCE}
                found = await (await conn.execute(_OVER, values)).fetchall()
                for quiz_id, user_id in found:
                    await self._seal(conn, _owner(tenant, user_id), quiz_id)
                if len(found) < _AT_ONCE:
                    return
                after = found[-1][0]
        finally:
            await conn.execute(_DONE, lock)

    async def _seal(self, conn: TenantConnection, owner: Principal, quiz_id: str) -> None:
        """Seals one; what stands in its way keeps no other from being sealed."""
        try:
            await self._endings.submitted(conn, owner, quiz_id)
        except TIMED_OUT as error:
            _log.warning("quiz %s is over and is sealed later: %s", quiz_id, one_line(error))
        except (psycopg.OperationalError, psycopg.InterfaceError):
            raise
        except Exception:
            _log.exception("quiz %s is over and could not be sealed", quiz_id)


def _owner(tenant_id: str, user_id: str) -> Principal:
    """Whose quiz it is, for no request."""
    return Principal(user_id, tenant_id, frozenset(), expires_at=0.0)
