"""An exam's live items made ready for selection. Immutable but for its caches, shared by requests.

What never lives here: loading on demand (``banks``), and what one quiz has seen so far.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from psycopg import Connection

from calibration import ItemBank
from calibration.cat import ExposureControl, RankedBank
from qbank.stores import blueprint, item_bank, item_parameters
from qbank.stores.item_bank import Exam, Pool, Topic

Mask = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]
_MAX_CACHED = 256


@dataclass(frozen=True)
class Filters:
    """Which items a quiz may draw from; empty means all.

    Attributes:
        topics: topic ids, each with all topics below it.
        difficulty: difficulty labels.
    """

    topics: frozenset[int] = frozenset()
    difficulty: frozenset[str] = frozenset()


@dataclass(frozen=True, eq=False)
class Bank:
    """The live items of one exam, J in all.

    The ranked bank holds the K calibrated versions, live or not: one that is not live is never
    selected, but an answer given to it still tells of ability.

    Attributes:
        pool: the live items, with topics, labels and exposure parameters of shape (J,).
        line: blueprint topic that each live item counts for, shape (J,).
        ranked: the calibrated versions; None where nothing is calibrated.
        live: index among the live items of each ranked version, shape (K,); -1 where not live.
        rank: index in the ranked bank of each live item, shape (J,); -1 where not calibrated.
        ranked_of: (question id, version) to index in the ranked bank.
        live_of: question id to index among the live items.
        below: topic id to the ids of itself and all topics below it.
    """

    pool: Pool
    line: Integers
    ranked: RankedBank | None
    live: Integers
    rank: Integers
    ranked_of: Mapping[tuple[int, int], int]
    live_of: Mapping[int, int]
    below: Mapping[int, frozenset[int]]
    _masks: dict[Filters, Mask] = field(default_factory=dict, repr=False)
    _excluded: dict[Filters, Mask] = field(default_factory=dict, repr=False)
    _controls: dict[tuple[str, int | None], ExposureControl] = field(
        default_factory=dict, repr=False
    )

    @property
    def exam(self) -> Exam:
        """The exam with its defaults."""
        return self.pool.exam

    @property
    def version(self) -> int:
        """Moves with every change that delivery must see."""
        return self.pool.bank_version

    def admitted(self, filters: Filters) -> Mask:
        """Which live items the filters let through, shape (J,)."""
        mask = self._masks.get(filters)
        if mask is None:
            mask = self._mask(filters)
            _keep(self._masks, filters, mask)
        return mask

    def excluded(self, filters: Filters) -> Mask:
        """Which ranked versions are not live or not let through, shape (K,)."""
        mask = self._excluded.get(filters)
        if mask is None:
            mask = np.ones(self.live.size, bool)
            is_live = self.live >= 0
            mask[is_live] = ~self.admitted(filters)[self.live[is_live]]
            mask.setflags(write=False)
            _keep(self._excluded, filters, mask)
        return mask

    def control(self, selector: str, quota_length: int | None) -> ExposureControl:
        """Exposure parameters of a selector, with the blueprint's quota for a test's length."""
        key = (selector, quota_length)
        control = self._controls.get(key)
        if control is None:
            control = self._control(selector, quota_length)
            _keep(self._controls, key, control)
        return control

    def _mask(self, filters: Filters) -> Mask:
        mask = np.ones(len(self.pool), bool)
        if filters.topics:
            wanted = {t for topic in filters.topics for t in self.below.get(topic, ())}
            mask &= np.isin(self.pool.topic_id, list(wanted))
        if filters.difficulty:
            mask &= np.array([label in filters.difficulty for label in self.pool.difficulty_label])
        mask.setflags(write=False)
        return mask

    def _control(self, selector: str, quota_length: int | None) -> ExposureControl:
        assert self.ranked is not None  # noqa: S101
        sh_p = np.ones(len(self.ranked))
        if selector == "sympson_hetter":
            is_live = self.live >= 0
            sh_p[is_live] = self.pool.sh_p[self.live[is_live]]
        if quota_length is None:
            return ExposureControl.of(self.ranked, sh_p)
        present = set(self.ranked.topics.tolist())
        bounds = {t: pair for t, pair in self.quota(quota_length).items() if t in present}
        return ExposureControl.of(self.ranked, sh_p, quota=bounds)

    def quota(self, test_length: int) -> dict[int, tuple[int, int]]:
        """Least and most items of each blueprint topic in a test of that length."""
        return blueprint.quota(self.pool.lines, test_length)

    def shortage(self, admitted: Mask, test_length: int, *, with_quota: bool) -> str | None:
        """Why the admitted items cannot fill a test, or None where they can."""
        supply = int(admitted.sum())
        if supply < test_length:
            return f"{supply} items fit the filters and {test_length} are asked for"
        if not with_quota:
            return None
        given = 0
        for topic, (least, most) in self.quota(test_length).items():
            available = int((admitted & (self.line == topic)).sum())
            if available < least:
                return f"the blueprint wants {least} items of topic {topic}, {available} fit"
            given += min(most, available)
        if given < test_length:
            return f"within the blueprint's maxima {given} items fit, {test_length} are asked for"
        return None

    def unknown_topics(self, topics: Iterable[int]) -> list[int]:
        """Those of ``topics`` that the exam's tenant does not have."""
        return sorted(set(topics) - self.below.keys())


def load(conn: Connection[Any], exam_code: str) -> Bank:
    """Reads and ranks an exam's bank.

    Raises:
        NotFoundError: the exam does not exist, or is not of the connection's tenant.
    """
    pool = item_bank.load(conn, exam_code)
    topics = item_bank.topics(conn, pool.exam.tenant_id)
    parents = {topic.id: topic.parent_id for topic in topics}
    listed = {topic: blueprint.line_of(topic, parents, pool.lines) for topic in parents}
    line = np.array([listed[topic] for topic in pool.topic_id.tolist()], np.int64)
    past = _past_versions(conn, pool)
    calibrated = np.flatnonzero(pool.calibrated)
    rank = np.full(len(pool), -1, np.int64)
    rank[calibrated] = np.arange(calibrated.size)
    ranked = _ranked(pool, calibrated, line, past)
    keys = [
        *zip(pool.question_id[calibrated].tolist(), pool.version[calibrated].tolist(), strict=True),
        *((item.question_id, item.version) for item in past),
    ]
    return Bank(
        pool=pool,
        line=line,
        ranked=ranked,
        live=np.concatenate([calibrated, np.full(len(past), -1, np.int64)]),
        rank=rank,
        ranked_of={key: index for index, key in enumerate(keys)},
        live_of={question: index for index, question in enumerate(pool.question_id.tolist())},
        below=_below(topics),
    )


def _past_versions(conn: Connection[Any], pool: Pool) -> list[item_parameters.ItemParameters]:
    live = set(zip(pool.question_id.tolist(), pool.version.tolist(), strict=True))
    published = item_parameters.in_force(conn, pool.exam.exam_code, pool.exam.irt_model)
    return [item for item in published if (item.question_id, item.version) not in live]


def _ranked(
    pool: Pool, calibrated: Integers, line: Integers, past: list[item_parameters.ItemParameters]
) -> RankedBank | None:
    if calibrated.size == 0:
        return None
    a, b, c, constant = (
        np.concatenate([column[calibrated], [getattr(item, name) for item in past]])
        for name, column in (
            ("a", pool.a),
            ("b", pool.b),
            ("c", pool.c),
            ("scaling_constant", pool.scaling_constant),
        )
    )
    topic = np.concatenate([line[calibrated], np.full(len(past), blueprint.UNLISTED, np.int64)])
    return RankedBank.of(ItemBank(a, b, c, topic, constant, model=pool.exam.irt_model))


def _below(topics: Iterable[Topic]) -> dict[int, frozenset[int]]:
    parents = {topic.id: topic.parent_id for topic in topics}
    below: dict[int, set[int]] = {topic: set() for topic in parents}
    for topic in parents:
        at: int | None = topic
        while at is not None and topic not in below[at]:
            below[at].add(topic)
            at = parents.get(at)
    return {topic: frozenset(ids) for topic, ids in below.items()}


def _keep(cache: dict[Any, Any], key: Any, value: Any) -> None:
    if len(cache) >= _MAX_CACHED:  # filters are the callers' to choose: the cache must not grow
        cache.clear()
    cache[key] = value
