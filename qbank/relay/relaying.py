"""Brings a sink what happened, batch by batch, until it is told to stop.

A database or a sink that is away is tried again, ever less often up to half a minute. What never
lives here: SQL, and what a sink does.
"""

from __future__ import annotations

import os
import random
import socket
import threading
from collections.abc import Callable
from typing import Any

import psycopg
import structlog

from qbank.errors import DatabaseUnavailableError
from qbank.relay import cursor as cursors
from qbank.relay import outbox
from qbank.relay.cursor import Cursor, DeposedError
from qbank.relay.event import Event
from qbank.relay.sinks import Sink
from qbank.relay.spans import Spans
from qbank.telemetry import Tracing
from qbank.wording import one_line

LONGEST_PAUSE_S = 30.0  # less than what counts as silence
_log = structlog.get_logger("qbank.relay")


class Relay:
    """The relay of one sink, in a thread of its own.

    Args:
        sink: who is told.
        connect: opens a connection in autocommit, one's own; a session lock is taken on it.
        batch: events that are read and sent at once.
        poll_s: seconds after which an idle one looks by itself, though nobody woke it.
        tracing: where spans of what it sends go, if anywhere.
    """

    def __init__(
        self,
        sink: Sink,
        connect: Callable[[], psycopg.Connection[Any]],
        *,
        batch: int = 500,
        poll_s: float = 1.0,
        tracing: Tracing | None = None,
    ) -> None:
        self._sink = sink
        self._connect = connect
        self._batch = batch
        self._poll_s = poll_s
        self._spans = None if tracing is None else Spans(tracing, sink.name)
        self._stop = threading.Event()
        self._lock_counts = True
        self._failures = 0  # since it led last
        self._holder = f"{socket.gethostname()}:{os.getpid()}"

    def stop(self) -> None:
        """Ends `run` when the batch at hand was sent, or could not be."""
        self._stop.set()

    def run(self) -> None:
        """Relays until `stop`; what is away is tried again."""
        while not self._stop.is_set():
            try:
                with self._connect() as conn:
                    self._lead_when_free(conn)
            except DeposedError:
                # two have the lock at once: it says nothing here, so silence has to
                self._lock_counts = False
                _log.warning(
                    "another process relays to this sink now, or the database was restored",
                    sink=self._sink.name,
                )
            except psycopg.errors.UndefinedTable as e:
                self._wait_after(e, "the database is of another release: run qbank db migrate")
            except (
                psycopg.OperationalError,
                psycopg.InterfaceError,
                DatabaseUnavailableError,
            ) as e:
                self._wait_after(e, "the database is away")

    def _wait_after(self, error: Exception, what: str) -> None:
        self._failures += 1
        pause = pause_after(self._failures)
        _log.warning(what, sink=self._sink.name, error=one_line(error), again_in_s=pause)
        self._stop.wait(pause)

    def run_once(self) -> int:
        """Sends what is there now; returns how many positions the cursor moved on.

        Raises:
            DeposedError: another one leads.
        """
        with self._connect() as conn:
            cursor = cursors.lead(conn, self._sink.name, self._holder, lock_counts=True)
            if cursor is None:
                raise DeposedError(self._sink.name)
            return self._catch_up(conn, cursor).position - cursor.position

    def _lead_when_free(self, conn: psycopg.Connection[Any]) -> None:
        name = self._sink.name
        cursor = None
        while cursor is None:
            cursor = cursors.lead(conn, name, self._holder, lock_counts=self._lock_counts)
            if cursor is None and self._stop.wait(self._poll_s):
                return
        self._failures = 0
        _log.info("relaying", sink=name, after=cursor.position, epoch=cursor.epoch)
        conn.execute(f"LISTEN {outbox.CHANNEL}")
        while not self._stop.is_set():
            cursor = self._catch_up(conn, cursor)
            if not self._stop.is_set():
                self._wait(conn, cursor)
        cursors.leave(conn, cursor)

    def _wait(self, conn: psycopg.Connection[Any], cursor: Cursor) -> None:
        """Waits for somebody to wake it; whoever writes does, as soon as it said that it waits."""
        cursors.say(conn, cursor, waits=True)
        for _ in range(max(1, int(cursors.WAITS_S / 2 / self._poll_s))):
            # first of all what was written just before whoever wrote it saw that this one waits
            if self._stop.is_set() or outbox.any_after(conn, cursor.position):
                return
            if any(True for _ in conn.notifies(timeout=self._poll_s, stop_after=1)):
                return

    def _catch_up(self, conn: psycopg.Connection[Any], cursor: Cursor) -> Cursor:
        while not self._stop.is_set():
            up_to = outbox.settled(conn, cursor.position, self._stop)
            if up_to is None:
                break
            while not self._stop.is_set():
                batch = outbox.page(conn, cursor.position, up_to, self._batch)
                if not batch:
                    break
                cursor = self._send(conn, cursor, batch)
        return cursor

    def _send(
        self, conn: psycopg.Connection[Any], cursor: Cursor, batch: tuple[Event, ...]
    ) -> Cursor:
        """Sends a batch until all of it was taken or refused, or it is told to stop."""
        if self._spans is None:
            return self._until_taken(conn, cursor, batch)
        try:
            return self._until_taken(conn, cursor, self._spans.begin(batch))
        finally:
            self._spans.end()

    def _until_taken(
        self, conn: psycopg.Connection[Any], cursor: Cursor, batch: tuple[Event, ...]
    ) -> Cursor:
        refused: dict[int, str] = {}
        waiting, unmoved, failures = batch, batch, 0
        while True:
            delivery = self._sink.deliver(waiting)
            for entry in delivery.refused:
                refused[entry.event.position] = entry.reason
                if self._spans is not None:
                    self._spans.refused(entry)
                _log.error(
                    "an event is set aside",
                    sink=self._sink.name,
                    event_id=entry.event.id,
                    type=entry.event.type,
                    reason=entry.reason,
                )
            waiting = delivery.left
            first = waiting[0].position if waiting else batch[-1].position + 1
            done = tuple(event for event in unmoved if event.position < first)
            if done:
                aside = [(e, refused.pop(e.position)) for e in done if e.position in refused]
                cursor = cursors.move(conn, cursor, done, aside)
                unmoved = unmoved[len(done) :]
            if not waiting:
                return cursor
            failures = failures + 1 if delivery.reason else 0
            if self._pause_or_stop(conn, cursor, failures, delivery.reason):
                return cursor

    def _pause_or_stop(
        self, conn: psycopg.Connection[Any], cursor: Cursor, failures: int, reason: str
    ) -> bool:
        if not failures:
            return self._stop.is_set()
        pause = pause_after(failures)
        _log.warning("the sink is away", sink=self._sink.name, reason=reason, again_in_s=pause)
        cursors.say(conn, cursor, reason)
        return self._stop.wait(pause)


def pause_after(failures: int) -> float:
    """Seconds until the next try: ever more up to ``LONGEST_PAUSE_S``.

    A quarter of it is chance, so that not all come at once.
    """
    longest = min(LONGEST_PAUSE_S, 0.5 * 2.0 ** min(failures - 1, 10))
    return round(longest * random.uniform(0.75, 1.0), 2)  # noqa: S311
