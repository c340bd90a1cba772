"""A webhook as Standard Webhooks has it: one event a POST, signed over id, time and body.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

What never lives here: when it is tried again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import httpx

from qbank.alerts.redaction import reason
from qbank.errors import SettingsError
from qbank.events.models import CONTENT_TYPE
from qbank.relay.event import Event
from qbank.relay.settings import RelaySettings
from qbank.relay.sinks import Delivery, Refused

AT_ONCE = 4
PATIENCE_S = 10.0
# about the body, so that the next try says the same; others say that the receiver is not ready
_OF_THE_EVENT = (400, 413, 422)
_AWAY = (502, 503, 504)
# nobody reads an answer's body: a short one is taken off the line, so that the connection is kept
_LONGEST_BODY = 65_536


class Webhook:
    """One address that takes events, several aggregates at once and each in its order."""

    name = "webhook"

    def __init__(
        self, url: str, secret: str, *, timeout_s: float = 10.0, attempts: int = 8
    ) -> None:
        """Prepares; nothing is sent.

        Args:
            url: where to.
            secret: ``whsec_`` and base64.
            timeout_s: that the receiver may be silent.
            attempts: answers of 500 after which an event is refused.

        Raises:
            SettingsError: the package that signs is not installed.
        """
        try:
            from standardwebhooks import Webhook as Signer
        except ModuleNotFoundError as error:
            raise SettingsError(
                "QBANK_RELAY_WEBHOOK_URL needs pip install 'qbank[events]'"
            ) from error
        logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs addresses at INFO
        self._url = url
        self._signer = Signer(secret)
        self._attempts = attempts
        self._timeout_s = timeout_s
        # positions come again after a database was restored, for other events
        self._failed: dict[tuple[int, str], int] = {}
        # redirects are not followed: the signed body would go to whom nobody named
        self._client = httpx.Client(timeout=timeout_s, follow_redirects=False)
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhook")

    @classmethod
    def of(cls, settings: RelaySettings) -> Webhook:
        """The one that the settings name."""
        assert settings.relay_webhook_url is not None  # noqa: S101
        assert settings.relay_webhook_secret is not None  # noqa: S101
        return cls(
            settings.relay_webhook_url.get_secret_value(),
            settings.relay_webhook_secret.get_secret_value(),
            timeout_s=settings.relay_webhook_timeout_s,
            attempts=settings.relay_webhook_attempts,
        )

    def deliver(self, batch: Sequence[Event]) -> Delivery:
        """Posts each event; after the first that is not taken, nothing more of its aggregate."""
        by_aggregate: dict[tuple[str, str], list[Event]] = {}
        for event in batch:
            by_aggregate.setdefault(event.aggregate, []).append(event)
        until = time.monotonic() + PATIENCE_S
        parts = list(
            self._threads.map(lambda part: self._post_all(part, until), by_aggregate.values())
        )
        left = sorted((e for part in parts for e in part.left), key=lambda e: e.position)
        return Delivery(
            tuple(left),
            tuple(entry for part in parts for entry in part.refused),
            next((part.reason for part in parts if part.reason), ""),
        )

    def close(self) -> None:
        """Closes its connections."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._client.close()

    def _post_all(self, events: list[Event], until: float) -> Delivery:
        refused: list[Refused] = []
        for number, event in enumerate(events):
            if time.monotonic() > until:
                return Delivery(tuple(events[number:]), tuple(refused))
            problem, final = self._post(event)
            if final:
                refused.append(Refused(event, problem))
            elif problem:
                return Delivery(tuple(events[number:]), tuple(refused), problem)
        return Delivery((), tuple(refused))

    def _post(self, event: Event) -> tuple[str, bool]:
        """What stood in the way, if anything, and whether that will always be so."""
        body, now = event.document(), datetime.now(UTC)
        headers = {
            "Content-Type": CONTENT_TYPE,
            "webhook-id": event.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signer.sign(event.id, now, body),
            **event.trace_headers,
        }
        try:
            status = self._answer(body.encode(), headers)
        # a name that cannot be looked up is a ValueError (of IDNA)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            return reason(error), False
        return self._judged(event, status)

    def _answer(self, body: bytes, headers: dict[str, str]) -> int:
        """The answer's status; a body without an end, as of a stream of events, is hung up on."""
        with self._client.stream("POST", self._url, content=body, headers=headers) as answer:
            size, until = 0, time.monotonic() + self._timeout_s
            for piece in answer.iter_raw():
                size += len(piece)
                if size > _LONGEST_BODY or time.monotonic() > until:
                    break
            return answer.status_code

    def _judged(self, event: Event, status: int) -> tuple[str, bool]:
        if 200 <= status < 300:
            self._failed.pop(event.key, None)
            return "", False
        problem = f"the webhook answered {status}"
        if 300 <= status < 400:
            problem += (
                ", and redirects are not followed: set QBANK_RELAY_WEBHOOK_URL to where it is"
            )
        if status >= 500 and status not in _AWAY:
            failed = self._failed[event.key] = self._failed.get(event.key, 0) + 1
            if failed >= self._attempts:
                del self._failed[event.key]
                return f"{problem} {failed} times", True
        return problem, status in _OF_THE_EVENT
