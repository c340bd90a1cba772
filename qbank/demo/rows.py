"""Turns played sessions into rows of quiz_sessions, quiz_items and user_responses.

What never lives here: drawing what happened, and the database.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.random import Generator

from qbank.demo.content import DAYS, EXAMS, Units
from qbank.demo.delivery import Played
from qbank.demo.people import People, Sittings, response_ms

EXPIRES_S = 2 * 3600
_NAMESPACE = uuid.UUID("6f1d3c3e-5b0a-4b55-9d0e-3f6f6d0c9a10")
_STAMP = pa.timestamp("us", "UTC")


@dataclass(frozen=True)
class Rows:
    """Columns of the three tables, in the order in which they are copied."""

    sessions: pa.Table
    items: pa.Table
    responses: pa.Table


def quiz_id(seed: int, number: int) -> str:
    """The id of a session: the same seed gives the same ids."""
    return str(uuid.uuid5(_NAMESPACE, f"{seed}/{number}"))


def build(
    rng: Generator,
    units: Units,
    people: People,
    sittings: Sittings,
    played: list[Played],
    question_ids: list[int],
    *,
    seed: int,
    today: date,
    tenant: str,
) -> Rows:
    """Builds the rows; `question_ids` maps a question's index to its id in the database."""
    ids = np.array(question_ids)
    quiz = [quiz_id(seed, k) for k in range(len(played))]
    size = np.array([p.unit.size for p in played])
    of = np.repeat(np.arange(size.size), size)  # session of each served item
    unit = np.concatenate([p.unit for p in played])
    correct = np.concatenate([p.correct for p in played])
    ms = np.concatenate(
        [
            response_ms(rng, units, p.unit, float(people.speed[u]))
            for p, u in zip(played, sittings.user, strict=True)
        ]
    )
    start = _starts(sittings, today)
    gap = rng.integers(800, 3_000, unit.size)
    answered = start[of] + _within(np.cumsum(ms + gap), size) * 1_000
    served = answered - ms * 1_000
    position = np.arange(unit.size) - np.repeat(np.cumsum(size) - size, size) + 1
    chosen = _selector(played, sittings)
    labels = np.array(list("ABCDE"))[np.concatenate([p.option for p in played])]
    done = correct >= 0
    quiz_of = pa.array(quiz).take(pa.array(of))
    user_of = pa.array([people.name(int(u)) for u in sittings.user]).take(pa.array(of))
    theta_before = np.concatenate([p.theta_before for p in played])
    items = pa.table(
        {
            "quiz_id": quiz_of,
            "question_id": ids[units.question[unit]],
            "version": units.version[unit],
            "position": position,
            "served_at": pa.array(served, _STAMP),
            "selector": pa.array(chosen).take(pa.array(of)),
            "theta_before": _nullable(theta_before),
            "sh_p": _nullable(np.concatenate([p.sh_p for p in played])),
            "rejected": [_array(ids[list(held)]) for p in played for held in p.held_back],
            "forced": [flag for p in played for flag in p.forced],
            "created_at": pa.array(served, _STAMP),
        }
    )
    responses = pa.table(
        {
            "quiz_id": quiz_of,
            "user_id": user_of,
            "question_id": ids[units.question[unit]],
            "version": units.version[unit],
            "option_label": labels,
            "is_correct": correct == 1,
            "time_taken_ms": ms,
            "created_at": pa.array(answered, _STAMP),
            "recorded_at": pa.array(answered, _STAMP),
        }
    ).filter(pa.array(done))
    ended = answered[np.cumsum(size) - 1]
    sessions = _sessions(sittings, people, played, quiz, chosen, start, ended, tenant)
    return Rows(sessions, items, responses)


def _sessions(
    sittings: Sittings,
    people: People,
    played: list[Played],
    quiz: list[str],
    chosen: list[str],
    start: Any,
    ended: Any,
    tenant: str,
) -> pa.Table:
    finished = sittings.abandoned >= 1.0
    return pa.table(
        {
            "id": quiz,
            "user_id": [people.name(int(user)) for user in sittings.user],
            "tenant_id": [tenant] * len(quiz),
            "mode": np.where(sittings.tutor, "tutor", "exam"),
            "adaptive": sittings.adaptive,
            "exam_code": np.array(EXAMS)[sittings.exam],
            "selector": chosen,
            "num_questions": [p.length for p in played],
            "theta": [p.theta for p in played],
            "theta_se": _nullable(np.array([p.theta_se for p in played])),
            "started_at": pa.array(start, _STAMP),
            "expires_at": pa.array(start + EXPIRES_S * 1_000_000, _STAMP),
            "sealed_at": pa.array(ended, _STAMP, mask=~finished),
            "created_at": pa.array(start, _STAMP),
            "updated_at": pa.array(ended, _STAMP),
        }
    )


def _starts(sittings: Sittings, today: date) -> Any:
    first = datetime.combine(today - timedelta(days=DAYS), datetime.min.time(), UTC)
    return (int(first.timestamp()) + sittings.day * 86_400 + sittings.second) * 1_000_000


def _within(running: Any, size: Any) -> Any:
    """A running total over all sessions, begun anew in each."""
    before = np.concatenate([[0], running[np.cumsum(size)[:-1] - 1]])
    return running - np.repeat(before, size)


def _selector(played: list[Played], sittings: Sittings) -> list[str]:
    return [
        "fixed" if not adaptive else "sympson_hetter" if p.controlled else "vanilla"
        for p, adaptive in zip(played, sittings.adaptive, strict=True)
    ]


def _nullable(values: Any) -> pa.Array:
    return pa.array(values, mask=np.isnan(values))


def _array(values: Any) -> str:
    return "{" + ",".join(str(value) for value in values) + "}"
