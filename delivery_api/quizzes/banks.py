"""The banks of this process: one an exam, loaded at first use and again beside the requests.

Statements of a quiz tell the version of its exam's bank. Where it has moved on, one load of what
has changed begins beside the requests, and the bank that is known serves until it is there: no
request waits for a publication or another sh_p. The serving statement refuses an item that is live
no more (``store``); what else may be old is so for ``MAX_BEHIND_S`` at most, for a request that
meets an older bank waits for the load, unless loads fail.

A database may go back, as a standby that lost commits or a restored backup does: a version that is
lower than the known one calls for a load as a higher one does.

What never lives here: what a bank consists of (``bank``), and how it is made (``loading``).
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from starlette.concurrency import run_in_threadpool

from calibration import cat
from delivery_api.database import Database
from delivery_api.metrics import BANK_BEHIND, BANK_FAILURES, BANK_ITEMS, BANK_LOADS
from delivery_api.quizzes import loading
from delivery_api.quizzes.bank import Bank
from delivery_api.quizzes.caps import DailyCaps
from qbank.stores import NotFoundError, pool_changes
from qbank.wording import one_line

# between the beginnings of two loads of an exam: publications meanwhile are read together
PAUSE_S: Final = 1.0
# a bank that was not seen to be the newest for longer serves no request that can have a newer one
MAX_BEHIND_S: Final = 10.0
# between attempts while loads fail
LONGEST_PAUSE_S: Final = 30.0

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Kept:
    """An exam's bank and its load.

    Attributes:
        bank: None until it was loaded for the first time.
        newest: the version that a request saw last.
        loaded_at: when the load of the bank began, by the monotonic clock.
        current_at: when the bank was last known to be the newest one.
        failures: attempts that failed since the last load that did not.
        not_before: when the next load may begin, unless a request waits for it.
        hurry: set by a request that waits.
        load: the last load, which may have ended.
    """

    tenant_id: str
    exam_code: str
    bank: Bank | None = None
    newest: int = 0
    loaded_at: float = 0.0
    current_at: float = 0.0
    failures: int = 0
    not_before: float = 0.0
    hurry: asyncio.Event = field(default_factory=asyncio.Event)
    load: asyncio.Task[None] | None = None

    @property
    def is_behind(self) -> bool:
        """Whether another bank than the one here was seen."""
        return self.bank is not None and self.bank.version != self.newest

    @property
    def behind_s(self) -> float:
        """For how many seconds the bank may have been outdated; 0 where it is not."""
        return time.monotonic() - self.current_at if self.is_behind else 0.0


class Banks:
    """Cached banks, the items that reached their daily cap, and the key of all draws.

    Args:
        database: where they are.
        selection_key: keys the draws.
        memory_bytes: what banks may take, about; those that were not used for longest go first.
        forget: called where the database went back: what else was kept of it may be there no more.
    """

    def __init__(
        self,
        database: Database,
        selection_key: bytes,
        memory_bytes: int,
        forget: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._key = selection_key
        self._memory_bytes = memory_bytes
        self._forget = forget
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self.caps = DailyCaps()

    @staticmethod
    def warm_up() -> None:
        """Compiles the selection rule, or takes it from numba's cache."""
        cat.warm_up()

    async def get(self, tenant_id: str, exam_code: str) -> Bank:
        """The exam's bank as it is here.

        Waits where there is none yet, or where it has been behind for too long.

        Raises:
            NotFoundError: the exam does not exist for the tenant.
        """
        kept = self._of(tenant_id, exam_code)
        if kept.bank is not None and kept.behind_s > MAX_BEHIND_S and not kept.failures:
            kept.hurry.set()
            await asyncio.wait([self._start(kept)])
        return kept.bank or await self._loaded(kept, lambda bank: True)

    async def current(self, tenant_id: str, exam_code: str, version: int) -> Bank:
        """The exam's bank at ``version``, or else as it is now: a load that begins is waited for.

        Raises:
            NotFoundError: the exam does not exist for the tenant.
        """
        kept, asked_at = self._of(tenant_id, exam_code), time.monotonic()
        return await self._loaded(
            kept, lambda bank: bank.version == version or kept.loaded_at >= asked_at
        )

    async def _loaded(self, kept: _Kept, does: Callable[[Bank], bool]) -> Bank:
        """The exam's bank, as soon as one is there that does."""
        while kept.bank is None or not does(kept.bank):
            kept.hurry.set()
            # the load is all waiting requests': one that is given up does not end it
            await asyncio.shield(self._start(kept))
        return kept.bank

    def notice(self, exam_code: str, version: int) -> None:
        """Takes note of the version that the exam's bank has now, as a statement just said."""
        kept = self._kept.get(exam_code)
        if kept is None or kept.bank is None:
            return
        # one that was read before the load and told after it costs another look, which is cheap
        kept.newest = version
        if kept.is_behind:
            self._start(kept)
        else:
            kept.current_at = time.monotonic()

    def is_recent(self, exam_code: str) -> bool:
        """Whether the exam's bank was seen to be the newest one lately."""
        kept = self._kept.get(exam_code)
        return kept is not None and time.monotonic() - kept.current_at <= MAX_BEHIND_S

    def standing(self) -> tuple[int, float]:
        """How many banks are here, and for how many seconds one may have been outdated at most."""
        kept = self._kept.values()
        return sum(k.bank is not None for k in kept), max((k.behind_s for k in kept), default=0.0)

    def seed(self, quiz_id: str) -> int:
        """Seed of a quiz's draws.

        Fixed by the quiz, so a repeated request cannot draw again, and keyed, so that nobody can
        work out what will be held back.
        """
        digest = hmac.new(self._key, quiz_id.encode(), hashlib.sha256).digest()
        return int.from_bytes(digest[:8], "big") >> 1

    async def close(self) -> None:
        """Gives up the loads that run."""
        loads = [kept.load for kept in self._kept.values() if kept.load is not None]
        self._kept.clear()
        for load in loads:
            load.cancel()
        await asyncio.gather(*loads, return_exceptions=True)

    def _of(self, tenant_id: str, exam_code: str) -> _Kept:
        kept = self._kept.get(exam_code)
        if kept is None:
            kept = self._kept[exam_code] = _Kept(tenant_id, exam_code)
        self._kept.move_to_end(exam_code)
        return kept

    def _start(self, kept: _Kept) -> asyncio.Task[None]:
        """The load that runs or waits, or a new one: never two of an exam at once."""
        if kept.load is None or kept.load.done():
            kept.load = asyncio.create_task(self._load(kept))
            kept.load.add_done_callback(lambda load: self._ended(kept, load))
        return kept.load

    def _ended(self, kept: _Kept, load: asyncio.Task[None]) -> None:
        with suppress(asyncio.CancelledError):
            load.exception()  # looked at here, for nobody may be waiting
        if self._kept.get(kept.exam_code) is not kept:
            return
        if kept.bank is None:
            del self._kept[kept.exam_code]  # whoever asks next begins anew
        elif kept.is_behind:
            self._start(kept)

    async def _load(self, kept: _Kept) -> None:
        pause = kept.not_before - time.monotonic()
        if pause > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(kept.hurry.wait(), pause)
        kept.hurry.clear()
        began, seen = time.monotonic(), kept.newest
        kept.not_before = began + PAUSE_S
        try:
            bank, went_back = await run_in_threadpool(self._read, kept)
        except NotFoundError:
            self._drop(kept)
            raise
        except Exception as error:
            self._failed(kept, error)
            raise
        kept.bank, kept.failures = bank, 0
        kept.loaded_at = kept.current_at = began
        if went_back:
            _log.warning("the database went back: exam %s was loaded anew", kept.exam_code)
            self._forget()
        if kept.newest == seen:
            kept.newest = bank.version
        BANK_LOADS.observe(time.monotonic() - began)
        BANK_ITEMS.labels(kept.exam_code).set(len(bank.pool))
        BANK_BEHIND.labels(kept.exam_code).set(0)
        self._make_room(kept)

    def _read(self, kept: _Kept) -> tuple[Bank, bool]:
        """The bank as it is now, and whether the database went back behind the one here."""
        with self._database.transaction(kept.tenant_id) as conn:
            if kept.bank is None:
                return loading.load(conn, kept.exam_code), False
            fresh = loading.refreshed(conn, kept.bank)
            return fresh, pool_changes.went_back(conn, kept.bank.pool)

    def _failed(self, kept: _Kept, error: Exception) -> None:
        kept.failures += 1
        pause = min(PAUSE_S * 2.0**kept.failures, LONGEST_PAUSE_S)
        kept.not_before = time.monotonic() + pause
        BANK_FAILURES.inc()
        if kept.bank is None:  # the requests that wait for it tell
            return
        BANK_BEHIND.labels(kept.exam_code).set(kept.behind_s)
        _log.warning(
            "bank of exam %s was not loaded (%s); the one of %.0f s ago serves, next attempt in"
            " %.0f s",
            kept.exam_code,
            one_line(error),
            kept.behind_s,
            pause,
        )

    def _make_room(self, newest: _Kept) -> None:
        taken = sum(kept.bank.nbytes for kept in self._kept.values() if kept.bank is not None)
        for kept in list(self._kept.values()):
            if taken <= self._memory_bytes:
                return
            if kept.bank is not None and kept is not newest:
                taken -= kept.bank.nbytes
                self._drop(kept)

    def _drop(self, kept: _Kept) -> None:
        self._kept.pop(kept.exam_code, None)
        if kept.bank is not None:
            BANK_BEHIND.labels(kept.exam_code).set(0)
            BANK_ITEMS.labels(kept.exam_code).set(0)
