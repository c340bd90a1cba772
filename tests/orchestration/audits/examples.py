"""Small pools and proposals that pass every audit, and what a test changes of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np

from qbank.stores.item_bank import Exam, Pool
from qbank.stores.item_parameters import ItemParameters
from qbank_orchestration.engine.proposal import ExposureProposal, ParameterProposal

ITEMS = 6
TEST_LENGTH = 3
SUMMARY = {
    "test_len": TEST_LENGTH,
    "converged": True,
    "iterations": 4,
    "stopped_reason": "converged",
    "rate": [0.0, 1.0],
    "sessions": 50,
    "enough_sessions": 50,
}


def pool(*, uncalibrated: int = 0, policy: dict[str, Any] | None = None) -> Pool:
    """Questions 1 to 6 in version 1; the last few without parameters."""
    exam = Exam("algebra", "t", "Algebra", "2pl", 0.4, TEST_LENGTH, policy or {}, datetime.now(UTC))
    known = np.where(np.arange(ITEMS) < ITEMS - uncalibrated, 1.0, np.nan)
    ones = np.ones(ITEMS)
    return Pool(
        exam=exam,
        question_id=np.arange(1, ITEMS + 1),
        version=np.ones(ITEMS, dtype=np.int64),
        topic_id=np.ones(ITEMS, dtype=np.int64),
        difficulty_label=(None,) * ITEMS,
        a=known,
        b=known * np.linspace(-1, 1, ITEMS),
        c=known * 0,
        scaling_constant=known * 1.7,
        se_a=known,
        se_b=known,
        se_c=known,
        n_respondents=np.full(ITEMS, 100),
        sh_p=ones,
        controlled=ones < 0,
        pinned=ones < 0,
        bank_version=1,
        pool_version=1,
    )


def exposure(
    *,
    sh_p: tuple[float | None, ...] = (0.5, 0.5, 0.5, 1.0, 1.0, None),
    items: tuple[int, ...] | None = None,
    certificate: dict[str, Any] | None = None,
    fingerprint: str | None = None,
    **summary: Any,
) -> ExposureProposal:
    """A proposal for ``items``, all of the pool where none are named."""
    items = items if items is not None else tuple(range(1, len(sh_p) + 1))
    return ExposureProposal(
        question_id=items,
        version=(1,) * len(items),
        sh_p_before=(None,) * len(items),
        sh_p=(sh_p * len(items))[: len(items)],
        certificate={"max_over_upper": 0.0} if certificate is None else certificate,
        summary=SUMMARY | summary,
        input_fingerprint=fingerprint or pool().fingerprint(),
    )


def item(
    question_id: int, *, a: float = 1.0, b: float = 0.0, c: float = 0.0, version: int = 1
) -> ItemParameters:
    """Parameters of one item."""
    return ItemParameters(question_id, version, a, b, c, 0.1, 0.1, None, 100, converged=True)


def published() -> tuple[ItemParameters, ...]:
    """What is in force for the pool."""
    return tuple(item(q, b=q / 2 - 2) for q in range(1, ITEMS + 1))


def parameters(rows: tuple[ItemParameters, ...] | None = None, **summary: Any) -> ParameterProposal:
    """A proposal of ``rows``, of what is in force where none are given."""
    return ParameterProposal(
        model="2pl",
        parameters=published() if rows is None else rows,
        statistics=(),
        summary={"converged": True, "stopped_reason": "tolerance", "cycles": 9} | summary,
        input_fingerprint="seen",
    )
