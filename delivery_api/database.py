"""Connections of the API, always of one tenant: row-level security sees ``qbank.tenant_id``.

The quiz path runs on an asynchronous pool, one statement a round trip. Everything else runs in
worker threads on ``qbank.postgres.pool`` and takes the stores as they are.

What never lives here: queries.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import anyio
import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from starlette.concurrency import run_in_threadpool

from delivery_api.problems import TIMED_OUT, database_away
from delivery_api.settings import ApiSettings
from qbank.postgres import TELLS, Connection, Pool, dsn, pool
from qbank.settings import Settings

Result = TypeVar("Result")

_SET_TENANT = "SELECT set_config('qbank.tenant_id', %s, %s)"
_SET_CALLER = """SELECT set_config('qbank.tenant_id', %s, true),
    set_config('qbank.actor', %s, true)"""
# The quiz path's statements look rows up by key. Planning them anew costs several times their
# execution, and a plan made while the tables were small must not scan them when they have grown.
_PLAN_ONCE = "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c jit=off"
_CONNECTION_LOST = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.IdleInTransactionSessionTimeout,
)


class TenantConnection(psycopg.AsyncConnection[Any]):
    """A connection that remembers whose rows it may see."""

    tenant_id: str | None = None


class Database:
    """The two pools of one API process.

    Args:
        settings: where Postgres is.
        api: how long :meth:`run` keeps trying while Postgres is away, and how long Postgres may
            take for a statement, wait for a lock, and keep a transaction in which nothing happens.
        connections: most connections of the quiz path; the worker threads have half as many.
    """

    def __init__(self, settings: Settings, api: ApiSettings, *, connections: int = 8) -> None:
        self._settings = settings
        self._patience_s = api.api_database_patience_s
        limits = _limits(api)
        if settings.events:  # what a pool is given wins over the address
            limits = f"{limits} {TELLS}"
        self._threads: Pool = pool(
            "delivery",
            settings=settings,
            min_size=1,
            max_size=max(2, connections // 2),
            timeout=10,
            kwargs={"options": limits},
        )
        self._loop: AsyncConnectionPool[TenantConnection] = AsyncConnectionPool(
            self._address,
            connection_class=TenantConnection,
            # autocommit: a single statement is a transaction, committed when its result is here
            kwargs={
                "autocommit": True,
                "prepare_threshold": 0,
                "connect_timeout": 5,
                "options": f"{_PLAN_ONCE} {limits}",
            },
            min_size=2,
            max_size=connections,
            timeout=max(self._patience_s, 1.0),
            reconnect_timeout=self._patience_s,
            open=False,
        )

    async def open(self) -> None:
        """Opens both pools; connections are made behind the caller's back."""
        await self._loop.open()
        await run_in_threadpool(self._threads.open)

    async def close(self) -> None:
        """Closes both pools."""
        await self._loop.close()
        await run_in_threadpool(self._threads.close)

    async def run(
        self, tenant_id: str, work: Callable[[TenantConnection], Awaitable[Result]]
    ) -> Result:
        """Runs ``work`` on an autocommit connection of the tenant; for the quiz path.

        ``work`` runs again when the connection is lost, so it must do the same once or twice.

        Raises:
            ProblemError: 503 when Postgres stays away, or a statement or lock takes too long.
        """
        deadline = time.monotonic() + self._patience_s
        pause = 0.05
        while True:
            try:
                async with self._loop.connection(max(deadline - time.monotonic(), 1.0)) as conn:
                    if conn.tenant_id != tenant_id:
                        await _take_tenant(conn, tenant_id)
                    return await work(conn)
            except _CONNECTION_LOST as error:
                # what took too long once would take as long again
                if isinstance(error, TIMED_OUT) or time.monotonic() + pause > deadline:
                    raise database_away(error) from error
            await self._drop_dead_connections()
            await anyio.sleep(pause)
            pause = min(2 * pause, 0.5)

    async def look(
        self, work: Callable[[TenantConnection], Awaitable[Result]], *, timeout_s: float
    ) -> Result:
        """Runs ``work``, which reads no tenant's rows, on the quiz path; does not wait longer.

        Raises:
            psycopg.OperationalError: no connection in time, or Postgres did not do it in time.
        """
        try:
            async with self._loop.connection(timeout_s) as conn:
                return await work(conn)
        except _CONNECTION_LOST as error:
            if isinstance(error, (PoolTimeout, *TIMED_OUT)):
                raise
        # a connection that died unnoticed, as after a restart of Postgres, tells nothing of now
        await self._drop_dead_connections()
        async with self._loop.connection(timeout_s) as conn:
            return await work(conn)

    @contextmanager
    def transaction(self, tenant_id: str, actor: str | None = None) -> Iterator[Connection]:
        """A transaction of the tenant for worker threads; committed when the block ends.

        Args:
            tenant_id: whose rows it may see.
            actor: who changes something: Postgres lets history and audit log be of nobody else.
        """
        with self._threads.connection() as conn:
            conn.execute(_SET_CALLER, (tenant_id, actor or ""))
            yield conn

    def statistics(self) -> dict[str, int]:
        """Sizes of the quiz path's pool, for metrics."""
        return self._loop.get_stats()

    async def _address(self) -> str:
        # asked anew for each connection: it is what starts an embedded server again
        return await run_in_threadpool(dsn, "delivery", self._settings)

    async def _drop_dead_connections(self) -> None:
        # one connection was lost, so the others may be dead as well
        await self._loop.check()


def _limits(api: ApiSettings) -> str:
    """Postgres' own time limits, in ms, as options of a connection."""
    seconds = {
        "statement_timeout": api.api_statement_timeout_s,
        "lock_timeout": api.api_lock_timeout_s,
        "idle_in_transaction_session_timeout": api.api_idle_transaction_timeout_s,
    }
    return " ".join(f"-c {name}={value * 1000:.0f}" for name, value in seconds.items())


async def _take_tenant(conn: TenantConnection, tenant_id: str) -> None:
    """Makes the connection the tenant's, for the session: the pool is the only way to reach it.

    For the session and not for the transaction, because the latter costs a second statement in each
    round trip, which doubled the time of a request's statement (measured: 106 → 202 µs).
    """
    conn.tenant_id = None
    await conn.execute(_SET_TENANT, (tenant_id, False))
    conn.tenant_id = tenant_id
