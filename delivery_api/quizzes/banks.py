"""The banks of this process: one an exam, loaded at first use and whenever its version moves.

Every request reads the exam's version row in its own statement, so a publication is seen by the
next request of any process, without a poll and without a listener that could miss it.

What never lives here: what a bank consists of (``bank``).
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time

from starlette.concurrency import run_in_threadpool

from calibration import cat
from delivery_api.database import Database
from delivery_api.metrics import BANK_ITEMS, BANK_LOADS
from delivery_api.quizzes import bank
from delivery_api.quizzes.bank import Bank
from delivery_api.quizzes.caps import DailyCaps


class Banks:
    """Cached banks, the items that reached their daily cap, and the key of all draws."""

    def __init__(self, database: Database, selection_key: bytes) -> None:
        self._database = database
        self._key = selection_key
        self._banks: dict[str, Bank] = {}
        self._loading: dict[str, asyncio.Lock] = {}
        self.caps = DailyCaps()

    @staticmethod
    def warm_up() -> None:
        """Compiles the selection rule, or takes it from numba's cache."""
        cat.warm_up()

    async def get(self, tenant_id: str, exam_code: str, version: int) -> Bank:
        """The exam's bank, at ``version`` or newer.

        Raises:
            NotFoundError: the exam does not exist for the tenant.
        """
        known = self._banks.get(exam_code)
        if known is not None and known.version >= version:
            return known
        # one request loads, the others that need this exam wait for it
        async with self._loading.setdefault(exam_code, asyncio.Lock()):
            known = self._banks.get(exam_code)
            if known is None or known.version < version:
                known = await run_in_threadpool(self._load, tenant_id, exam_code)
                self._banks[exam_code] = known
        return known

    def seed(self, quiz_id: str) -> int:
        """Seed of a quiz's draws.

        Fixed by the quiz, so a repeated request cannot draw again, and keyed, so that nobody can
        work out what will be held back.
        """
        digest = hmac.new(self._key, quiz_id.encode(), hashlib.sha256).digest()
        return int.from_bytes(digest[:8], "big") >> 1

    def _load(self, tenant_id: str, exam_code: str) -> Bank:
        began = time.perf_counter()
        with self._database.transaction(tenant_id) as conn:
            loaded = bank.load(conn, exam_code)
        BANK_LOADS.observe(time.perf_counter() - began)
        BANK_ITEMS.labels(exam_code).set(len(loaded.pool))
        return loaded
