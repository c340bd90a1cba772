"""An exam's live items made ready for selection. Immutable but for its caches, shared by requests.

What never lives here: how it is made (``loading``), loading on demand (``banks``), and what one
quiz has seen so far.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from calibration.cat import ExposureControl, RankedBank
from delivery_api.quizzes import own_quota
from delivery_api.quizzes.own_quota import OwnQuota
from delivery_api.quizzes.pretest import Candidates
from qbank.exams.selectors import holds_back, rule_of, weighs
from qbank.stores import blueprint
from qbank.stores.item_bank import Exam, Pool
from qbank.vocabulary import Controlled, Selector, words

Mask = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]
_MAX_CACHED = 256
_MAX_VIEWS = 32  # each has arrays of its own


@dataclass(frozen=True)
class Filters:
    """Which items a quiz may draw from; empty means all.

    Attributes:
        topics: topic ids, each with all topics below it.
        difficulty: difficulty labels.
    """

    topics: frozenset[int] = frozenset()
    difficulty: frozenset[str] = frozenset()


@dataclass(frozen=True)
class TopicTree:
    """Topics of a tenant.

    Attributes:
        parents: topic id to that of the topic above.
        below: topic id to the ids of itself and all topics below it.
    """

    parents: Mapping[int, int | None]
    below: Mapping[int, frozenset[int]]


@dataclass(frozen=True, eq=False)
class Calibrated:
    """The K item versions that have parameters, live or not, by question id and version.

    One that is not live is never selected, but an answer given to it still tells of ability.

    Attributes:
        question_id: shape (K,).
        version: shape (K,).
        ranked: the same, ranked; None where there are none.
        index: (question id, version) to the place here.
    """

    question_id: Integers
    version: Integers
    ranked: RankedBank | None
    index: Mapping[tuple[int, int], int]


@dataclass(frozen=True, eq=False)
class ByTheta:
    """Exposure control by stratum of θ̂, S strata.

    Attributes:
        edges: θ between the strata, shape (S − 1,).
        share: of its sh_p that an item has in each, shape (S, K).
    """

    edges: npt.NDArray[np.float64]
    share: npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Bank:
    """The live items of one exam, J in all, and its K calibrated item versions.

    Attributes:
        pool: the live items, with topics, labels and exposure parameters of shape (J,).
        line: blueprint topic that each live item counts for, shape (J,).
        calibrated: the calibrated versions, with the blueprint topics that they count for.
        live: index among the live items of each calibrated version, shape (K,); -1 where not live.
        rank: index among the calibrated versions of each live item, shape (J,); -1 where it is not.
        live_of: question id to index among the live items.
        tree: the tenant's topics.
        found_for: the selector that the sh_p in force were found for; None where a hand set them.
        by_theta: what is left of sh_p in each stratum of θ̂; None where that is all of it.
        cap: largest rate of each calibrated version, shape (K,), where the calibration in force
            closes what is above it to new quizzes; None where it closes nothing.
        pretest: live items without parameters; None where the exam tries out none.
        withdrawn: question ids that a serving found to be live no more, or in another version: this
            bank serves them no longer. Grows until a newer bank takes its place.
        own_quota: of the quizzes that this view of a bank is for; empty: the blueprint's.
    """

    pool: Pool
    line: Integers
    calibrated: Calibrated
    live: Integers
    rank: Integers
    live_of: Mapping[int, int]
    tree: TopicTree
    found_for: Controlled | None = None
    by_theta: ByTheta | None = None
    cap: npt.NDArray[np.float64] | None = None
    pretest: Candidates | None = None
    withdrawn: set[int] = field(default_factory=set, repr=False)
    own_quota: OwnQuota = ()
    _masks: dict[Filters, Mask] = field(default_factory=dict, repr=False)
    _excluded: dict[Filters, Mask] = field(default_factory=dict, repr=False)
    _ranked: dict[str, RankedBank] = field(default_factory=dict, repr=False)
    _controls: dict[tuple[str, int | None], ExposureControl] = field(
        default_factory=dict, repr=False
    )
    _views: dict[OwnQuota, Bank] = field(default_factory=dict, repr=False)
    _whole: Bank | None = field(default=None, repr=False)

    def under(self, quota: OwnQuota) -> Bank:
        """The bank for quizzes that have a quota of their own: the same items and ranking."""
        if not quota:
            return self
        view = self._views.get(quota)
        if view is None:
            view = own_quota.view(self, quota)
            _keep(self._views, quota, view, most=_MAX_VIEWS)
        return view

    @cached_property
    def ranked(self) -> RankedBank | None:
        """The calibrated versions, ranked; None where no live item is calibrated."""
        return self.calibrated.ranked if (self.rank >= 0).any() else None

    @property
    def ranked_of(self) -> Mapping[tuple[int, int], int]:
        """(Question id, version) to index in the ranked bank."""
        return self.calibrated.index

    @property
    def exam(self) -> Exam:
        """The exam with its defaults."""
        return self.pool.exam

    @property
    def version(self) -> int:
        """Moves with every change that delivery must see."""
        return self.pool.bank_version

    @property
    def scoring_version(self) -> int:
        """Moves with item parameters, the exam's model and what answers score."""
        return self.pool.scoring_version

    @property
    def settings_version(self) -> int:
        """Moves with the exam's settings, its blueprint and the topic tree."""
        return self.pool.settings_version

    @property
    def nbytes(self) -> int:
        """Memory that it takes, about: the ranking and the likelihoods are nearly all of it."""
        ranked = self.calibrated.ranked
        if ranked is None:
            return 0
        others = sum(
            each.pool.order.information.nbytes
            + (each.pool.ranking is not ranked.pool.ranking) * each.pool.ranking.nbytes
            for each in self._ranked.values()
        )
        return int(ranked.pool.ranking.nbytes + ranked.pool.likelihood.nbytes + others)

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
            wanted = {t for topic in filters.topics for t in self.tree.below.get(topic, ())}
            mask &= np.isin(self.pool.topic_id, list(wanted))
        if filters.difficulty:
            mask &= np.array([label in filters.difficulty for label in self.pool.difficulty_label])
        mask.setflags(write=False)
        return mask

    def served_by(self, selector: Selector) -> Selector:
        """The selector itself, or the one that sh_p was found for where it means another thing.

        A probability is never read as a priority, nor the other way: until sh_p of the other kind
        is published, quizzes are served as it was before.
        """
        if self.found_for is None or selector not in words(Controlled):
            return selector
        return selector if weighs(selector) == weighs(self.found_for) else self.found_for

    def ranked_by(self, selector: str) -> RankedBank:
        """The calibrated versions in the order of a selector's rule, strata made of live items."""
        assert self.ranked is not None  # noqa: S101
        ranked = self._ranked.get(selector)
        if ranked is None and self._whole is not None:
            ranked = self._whole.ranked_by(selector).with_topic(self.ranked.bank.topic)
            _keep(self._ranked, selector, ranked)
        if ranked is None:
            ranked, rule = self.ranked, rule_of(selector)
            if rule != ranked.rule.name:
                priority = self.sh_p if weighs(selector) else None
                ranked = ranked.under(rule, threads=1, among=self.live >= 0, priority=priority)
            _keep(self._ranked, selector, ranked)
        return ranked

    @cached_property
    def sh_p(self) -> npt.NDArray[np.float64]:
        """Exposure parameter of the calibrated versions, shape (K,); 1 for what is not live."""
        sh_p = np.ones(self.live.size)
        is_live = self.live >= 0
        sh_p[is_live] = self.pool.sh_p[self.live[is_live]]
        return sh_p

    def applied(
        self, selector: Selector, control: ExposureControl, theta: float, item: int
    ) -> float:
        """The exposure parameter of a calibrated version that a selector applies at θ̂."""
        if selector == "vanilla":
            return 1.0
        if self.by_theta is None or not holds_back(selector):
            return float(self.sh_p[item])
        assert self.ranked is not None  # noqa: S101
        return float(control.at(self.ranked, theta)[item])

    def _control(self, selector: str, quota_length: int | None) -> ExposureControl:
        assert self.ranked is not None  # noqa: S101
        sh_p = self.sh_p if holds_back(selector) else None
        edges: npt.ArrayLike = ()
        if sh_p is not None and self.by_theta is not None:
            sh_p, edges = sh_p * self.by_theta.share, self.by_theta.edges
        if quota_length is None:
            return ExposureControl.of(self.ranked, sh_p, edges=edges)
        present = set(self.ranked.topics.tolist())
        bounds = {t: pair for t, pair in self.quota(quota_length).items() if t in present}
        return ExposureControl.of(self.ranked, sh_p, edges=edges, quota=bounds)

    def quota(self, test_length: int) -> dict[int, tuple[int, int]]:
        """Least and most items of each topic that the quota names, in a test of that length."""
        if self.own_quota:
            return own_quota.bounds(self.own_quota, test_length)
        return blueprint.quota(self.pool.lines, test_length)

    def shortage(self, admitted: Mask, test_length: int, *, with_quota: bool) -> str | None:
        """Why the admitted items cannot fill a test, or None where they can."""
        supply = int(admitted.sum())
        if supply < test_length:
            return f"{supply} items fit the filters and {test_length} are asked for"
        if not with_quota:
            return None
        given, whose = 0, "quota" if self.own_quota else "blueprint"
        for topic, (least, most) in self.quota(test_length).items():
            available = int((admitted & (self.line == topic)).sum())
            if available < least:
                name = "other topics" if topic == blueprint.UNLISTED else f"topic {topic}"
                return f"the {whose} wants {least} items of {name}, {available} fit"
            given += min(most, available)
        if given < test_length:
            return f"within the {whose}'s maxima {given} items fit, {test_length} are asked for"
        return None


def _keep(cache: dict[Any, Any], key: Any, value: Any, *, most: int = _MAX_CACHED) -> None:
    if len(cache) >= most:  # filters are the callers' to choose: the cache must not grow
        cache.clear()
    cache[key] = value
