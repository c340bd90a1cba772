"""Served and held-back counts of a window, faded over its days, as rates.

What never lives here: what the rates are used for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.arrays import FloatArray, check_numbers, unmasked
from calibration.errors import InvalidParameterError


@dataclass(frozen=True, eq=False)
class Observed:
    """Rates of a window.

    Attributes:
        rate: served ÷ trials, shape (J,).
        held_rate: held back ÷ trials, shape (J,), or None where hold-backs were not logged.
        trials: effective number of trials: (Σwn)²/Σw²n for day weights w (Kish 1965).
    """

    rate: FloatArray
    held_rate: FloatArray | None
    trials: float


def observed(
    served: npt.ArrayLike,
    sessions: npt.ArrayLike,
    held_back: npt.ArrayLike | None,
    basis: str,
    fading: float,
    items: int,
) -> Observed:
    """Turns counts into rates; see `reestimate` for the arguments.

    Raises:
        InvalidParameterError: a shape differs, a count is negative, not finite, or an item was
            served more often than there were sessions.
    """
    if basis not in ("sessions", "attempts"):
        raise InvalidParameterError(f'basis is {basis!r}: give "sessions" or "attempts"')
    check_numbers(fading=fading)
    if not (np.isfinite(fading) and 0 < fading <= 1):
        raise InvalidParameterError(f"fading is {fading}: give a value in (0, 1]")
    given = _counts("served", served, items)
    held = None if held_back is None else _counts("held_back", held_back, items)
    if held is not None and held.shape != given.shape:
        raise InvalidParameterError(f"held_back has shape {held.shape}, served {given.shape}")
    days = _days(sessions, len(given))
    _check_against_sessions(given, days)
    trials = days if basis == "sessions" else given.sum(axis=1)
    weight = fading ** np.arange(len(given) - 1, -1, -1.0)
    total = float((weight * trials).sum())
    if total == 0:
        nothing = np.zeros(items)
        return Observed(nothing, None if held is None else nothing, 0.0)
    effective = total**2 / float((weight**2 * trials).sum())
    rate = np.minimum(weight @ given / total, 1.0)
    return Observed(rate, None if held is None else weight @ held / total, effective)


def _counts(name: str, values: npt.ArrayLike, items: int) -> FloatArray:
    table = np.array(unmasked(name, values), dtype=np.float64, ndmin=2)
    if table.ndim != 2 or table.shape[1] != items or len(table) == 0:
        raise InvalidParameterError(
            f"{name} has shape {np.shape(values)}: give ({items},), or by day (days, {items})"
        )
    bad = ~(np.isfinite(table) & (table >= 0))
    if bad.any():
        day, item = (int(i) for i in np.argwhere(bad)[0])
        raise InvalidParameterError(f"{name} of item {item} is {table[day, item]}: counts are ≥ 0")
    return table


def _days(sessions: npt.ArrayLike, days: int) -> FloatArray:
    values = np.atleast_1d(unmasked("sessions", sessions, np.float64))
    if values.shape != (days,):
        raise InvalidParameterError(
            f"sessions has shape {np.shape(sessions)}: give one number for each of {days} day(s)"
        )
    if not (np.isfinite(values) & (values >= 0)).all():
        raise InvalidParameterError(f"sessions are {values.tolist()}: counts are ≥ 0")
    return values


def _check_against_sessions(served: FloatArray, sessions: FloatArray) -> None:
    over = served > sessions[:, None]
    if over.any():
        day, item = (int(i) for i in np.argwhere(over)[0])
        raise InvalidParameterError(
            f"item {item} was served {served[day, item]:g} times in {sessions[day]:g} sessions: "
            "an item is served at most once in a session; count sessions that were served at all"
        )
