"""Exposure control in force, its append-only history, and the only place that changes it.

Every change takes the exam's publication lock, so two publications for one exam cannot mix, and is
written together with its history. An item without a row is not controlled: sh_p counts as 1.

What never lives here: how sh_p is found, and whether a proposal may be published.
"""

from qbank.stores.exposure.publishing import lock, publish, set_manual
from qbank.stores.exposure.reading import (
    after_run,
    at_end,
    at_start_of,
    history,
    in_force,
    last_calibrated,
)
from qbank.stores.exposure.record import (
    Control,
    ControlInForce,
    HistoryEntry,
    Origin,
    Published,
)
from qbank.vocabulary import Source

__all__ = [
    "Control",
    "ControlInForce",
    "HistoryEntry",
    "Origin",
    "Published",
    "Source",
    "after_run",
    "at_end",
    "at_start_of",
    "history",
    "in_force",
    "last_calibrated",
    "lock",
    "publish",
    "set_manual",
]
