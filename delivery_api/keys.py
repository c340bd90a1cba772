"""The keys of an identity provider, kept so that its outage is not ours.

Known keys are used at once, also while newer ones are being fetched and when that fails; one fetch
runs at a time, and everybody who needs it waits for the same one. What never lives here: what a
token says.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

import jwt
import structlog
from starlette.concurrency import run_in_threadpool

_TIMEOUT_S: Final = 5.0
_FRESH_S: Final = 300.0
# made-up key ids must not make us hammer the provider
_PAUSE_S: Final = 15.0
# a key that the provider took back is not honoured for ever because the provider is silent
_STALE_S: Final = 24 * 3600.0
_USES: Final = ("sig", None)


class KeysUnavailableError(Exception):
    """Whether a token is good cannot be told now: the provider's keys are not to be had."""


class ProviderKeys:
    """Signing keys by key id, fetched from a JWKS address.

    Args:
        url: where the provider publishes its keys.
        clock: seconds, monotonic.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = jwt.PyJWKClient(url, cache_jwk_set=False, timeout=_TIMEOUT_S)
        self._clock = clock
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at = float("-inf")
        self._asked_at = float("-inf")
        self._failed = False
        self._fetch: asyncio.Task[None] | None = None
        self._log = structlog.get_logger("qbank.api").bind()

    async def key(self, key_id: str | None) -> jwt.PyJWK | None:
        """The key, or None where the provider has no such key.

        Raises:
            KeysUnavailableError: the provider does not answer, and the key is not known.
        """
        age = self._clock() - self._fetched_at
        known = self._keys.get(key_id or "")
        if known is not None and age < _STALE_S:
            if age >= _FRESH_S:
                self._refresh()  # behind the request's back
            return known
        fetch = self._refresh()
        if fetch is not None:
            await asyncio.wait({fetch}, timeout=_TIMEOUT_S)
        is_stale = self._clock() - self._fetched_at >= _STALE_S
        known = None if is_stale else self._keys.get(key_id or "")
        if known is None and (self._failed or is_stale or (fetch is not None and not fetch.done())):
            raise KeysUnavailableError("the identity provider's keys cannot be fetched: try again")
        return known

    def _refresh(self) -> asyncio.Task[None] | None:
        """The fetch that runs, or a new one; None where the last one was a moment ago."""
        if self._fetch is not None and not self._fetch.done():
            return self._fetch
        if self._clock() - self._asked_at < _PAUSE_S:
            return None
        self._asked_at = self._clock()
        self._fetch = asyncio.create_task(self._fetch_keys())
        return self._fetch

    async def _fetch_keys(self) -> None:
        try:
            keys = await run_in_threadpool(self._read)
        except (jwt.PyJWTError, ValueError, OSError) as error:
            self._failed = True
            self._log.warning("identity provider's keys not fetched", error=str(error))
            return
        self._failed = False
        self._keys = keys
        self._fetched_at = self._clock()

    def _read(self) -> dict[str, jwt.PyJWK]:
        """Fetches the keys; ValueError where the answer is no JWKS, such as an HTML page."""
        found = self._client.fetch_data()
        if not isinstance(found, dict):
            raise ValueError(f"the answer is a {type(found).__name__}, not a JWKS")
        keys = jwt.PyJWKSet.from_dict(found).keys
        return {key.key_id: key for key in keys if key.key_id and key.public_key_use in _USES}
