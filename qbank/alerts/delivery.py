"""Brings what waits to every way: each alert once to each way, and again later where it failed.

What never lives here: where the outbox is kept, and what a way does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from qbank.alerts.message import Message
from qbank.alerts.outbox import Outbox
from qbank.alerts.redaction import redact
from qbank.alerts.sinks import DeliveryError, Sink

ATTEMPTS = 2  # at one call; the next call tries again


@dataclass(frozen=True)
class Outcome:
    """What became of alerts at one way.

    Attributes:
        sink: the way's name.
        sent: how many alerts it took now.
        waiting: how many it did not take; they are tried again at the next call.
        error: why not, or an empty string.
    """

    sink: str
    sent: int
    waiting: int
    error: str = ""


def deliver(
    outbox: Outbox,
    sinks: Sequence[Sink],
    save: Callable[[Outbox], None] = lambda _outbox: None,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Outcome]:
    """Gives each way what it does not have, as one message; never raises for a way's failure.

    Args:
        outbox: what waits; ways that took it are noted in it.
        sinks: the ways.
        save: keeps the outbox, after each way that took something.
        sleep: waits between two attempts.
    """
    outcomes = []
    for sink in sinks:
        due = outbox.due(sink.name)
        if not due:
            continue
        error = _send(sink, Message(tuple(due)), sleep)
        if error:
            outcomes.append(Outcome(sink.name, 0, len(due), error))
            continue
        outbox.told([alert.key for alert in due], sink.name)
        save(outbox)
        outcomes.append(Outcome(sink.name, len(due), 0))
    return outcomes


def _send(sink: Sink, message: Message, sleep: Callable[[float], None]) -> str:
    try:
        for attempt in Retrying(
            retry=retry_if_exception_type(DeliveryError),
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_exponential(multiplier=0.5, max=2),
            sleep=sleep,
            reraise=True,
        ):
            with attempt:
                sink.send(message)
    except DeliveryError as error:
        return str(error)
    except Exception as error:  # no way may keep the others from being asked
        return redact(f"{type(error).__name__}: {error}")
    return ""
