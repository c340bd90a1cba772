"""Makes an exam's bank: all of it, or a known one brought up to date by what has changed.

Ranking the calibrated versions is nearly all the work, and only new parameters call for it. What is
published, sh_p and settings change a few rows beside it.

What never lives here: when a bank is loaded (``banks``), and what it is used for.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from psycopg import Connection

from calibration import ItemBank
from calibration.cat import RankedBank
from delivery_api.quizzes.bank import Bank, ByTheta, Calibrated, Integers, TopicTree
from delivery_api.quizzes.pretest import Candidates, Gains
from qbank.exams.pretest import tries_out
from qbank.stores import blueprint, item_bank, item_parameters, pool_changes, runs, served
from qbank.stores.item_bank import Pool
from qbank.stores.runs import Run


def load(conn: Connection[Any], exam_code: str, *, threads: int | None = None) -> Bank:
    """Reads and ranks an exam's bank.

    Args:
        conn: of the exam's tenant.
        exam_code: the exam.
        threads: cores to rank on; None: all.

    Raises:
        NotFoundError: the exam does not exist, or is not of the connection's tenant.
    """
    pool = item_bank.load(conn, exam_code)
    tree, calibrated = _tree(conn, pool), _calibrated(conn, pool, threads)
    return _bank(conn, pool, tree, calibrated)


def refreshed(conn: Connection[Any], known: Bank) -> Bank:
    """The exam's bank as it is now; the same ranking where no parameters have changed.

    Raises:
        NotFoundError: the exam does not exist any more.
    """
    pool = pool_changes.refreshed(conn, known.pool)
    if pool is None:
        # one core: the requests that the known bank serves meanwhile need the others
        return load(conn, known.exam.exam_code, threads=1)
    tree = known.tree
    is_moved = pool.settings_version != known.pool.settings_version
    if is_moved or not tree.parents.keys() >= set(np.unique(pool.topic_id).tolist()):
        tree = _tree(conn, pool)
    return _bank(conn, pool, tree, known.calibrated)


def _in_force(conn: Connection[Any], pool: Pool) -> Run | None:
    # no clock: what is committed is in force
    latest = datetime.max.replace(tzinfo=UTC)
    return runs.calibration_in_force(conn, pool.exam.exam_code, before=latest)


def _by_theta(run: Run | None, calibrated: Calibrated) -> ByTheta | None:
    """The shares that a calibration by θ left; all of sh_p for what it did not know."""
    found = ((run.result if run else None) or {}).get("summary", {}).get("by_theta")
    if found is None:
        return None
    given = np.array(found["share"], np.float64)
    share = np.ones((len(given), calibrated.question_id.size))
    keys = zip(found["question_id"], found["version"], strict=True)
    for column, key in enumerate(keys):
        if key in calibrated.index:
            share[:, calibrated.index[key]] = given[:, column]
    return ByTheta(np.array(found["edges"], np.float64), share)


def _cap(run: Run | None, calibrated: Calibrated, tau: float) -> npt.NDArray[np.float64] | None:
    """The caps by which a calibration restricts; τ for what it did not know."""
    found = ((run.result if run else None) or {}).get("summary", {}).get("restriction")
    if found is None:
        return None
    cap = np.full(calibrated.question_id.size, tau)
    for question, version, own in zip(
        found["question_id"], found["version"], found["cap"], strict=True
    ):
        if (question, version) in calibrated.index:
            cap[calibrated.index[question, version]] = own
    return cap


def _calibrated(conn: Connection[Any], pool: Pool, threads: int | None) -> Calibrated:
    model = pool.exam.irt_model
    curves = item_parameters.curves(conn, pool.exam.exam_code, model)
    question_id, version = curves["question_id"], curves["version"]
    ranked = None
    if question_id.size:
        items = ItemBank(
            curves["a"], curves["b"], curves["c"], D=curves["scaling_constant"], model=model
        )
        ranked = RankedBank.of(items, threads=threads)
    keys = zip(question_id.tolist(), version.tolist(), strict=True)
    return Calibrated(question_id, version, ranked, {key: k for k, key in enumerate(keys)})


def _bank(conn: Connection[Any], pool: Pool, tree: TopicTree, calibrated: Calibrated) -> Bank:
    line = _line(pool, tree)
    rank = _places(calibrated, pool)
    live = np.full(calibrated.question_id.size, -1, np.int64)
    has_rank = np.flatnonzero(rank >= 0)
    run = _in_force(conn, pool)
    live[rank[has_rank]] = has_rank
    bank = Bank(
        pool=pool,
        line=line,
        calibrated=_of_topics(calibrated, line, live),
        live=live,
        rank=rank,
        live_of={question: index for index, question in enumerate(pool.question_id.tolist())},
        tree=tree,
        found_for=None if run is None else runs.selector_of(run),
        by_theta=_by_theta(run, calibrated),
        cap=_cap(run, calibrated, pool.exam.tau),
        pretest=_candidates(conn, pool, rank, calibrated.ranked),
    )
    if bank.ranked is not None:  # now, on this thread, and not in the first request
        bank.ranked_by(bank.served_by(pool.exam.selector))
    return bank


def _candidates(
    conn: Connection[Any], pool: Pool, rank: Integers, ranked: RankedBank | None
) -> Candidates | None:
    """The live items without parameters; None where the exam tries out none."""
    if ranked is None or not tries_out(pool.exam.policy):
        return None
    found = {(row["question_id"], row["version"]): row for row in _tried_out(conn, pool)}
    hopeless = {key for key, row in found.items() if row["decision"] == "retire"}
    keys = list(zip(pool.question_id.tolist(), pool.version.tolist(), strict=True))
    items = [k for k in np.flatnonzero(rank < 0).tolist() if keys[k] not in hopeless]
    counts = served.counts(conn, pool.exam.exam_code, pool.question_id[items].tolist())
    known = [k for k in items if keys[k] in found]
    gains = Gains.of(
        known,
        [found[keys[k]] for k in known],
        ranked.prior_mean,
        ranked.prior_sd,
    )
    return Candidates(items, [counts.get(keys[k], 0) for k in items], gains)


def _tried_out(conn: Connection[Any], pool: Pool) -> list[dict[str, Any]]:
    """New items that the last night has estimates of."""
    return [
        row
        for row in runs.tried_out(conn, pool.exam.exam_code)
        if row["se_a"] is not None and row["se_b"] is not None
    ]


def _line(pool: Pool, tree: TopicTree) -> Integers:
    topics, place = np.unique(pool.topic_id, return_inverse=True)
    lines = [blueprint.line_of(topic, tree.parents, pool.lines) for topic in topics.tolist()]
    return np.array(lines, np.int64)[place]


def _places(calibrated: Calibrated, pool: Pool) -> Integers:
    """Place among the calibrated versions of each live item, shape (J,); -1 where it has none."""
    if calibrated.question_id.size == 0 or len(pool) == 0:
        return np.full(len(pool), -1, np.int64)
    width = 1 + max(calibrated.version.max(), pool.version.max())
    known = calibrated.question_id * width + calibrated.version
    wanted = pool.question_id * width + pool.version
    place = np.minimum(np.searchsorted(known, wanted), known.size - 1)
    return np.where(known[place] == wanted, place, -1)


def _of_topics(calibrated: Calibrated, line: Integers, live: Integers) -> Calibrated:
    """The calibrated versions under the topics of the live items; others are unlisted."""
    ranked = calibrated.ranked
    if ranked is None:
        return calibrated
    topic = np.where(live >= 0, line[live], blueprint.UNLISTED) if line.size else live
    if ranked.bank.topic is not None and np.array_equal(ranked.bank.topic, topic):
        return calibrated
    return replace(calibrated, ranked=ranked.with_topic(topic))


def _tree(conn: Connection[Any], pool: Pool) -> TopicTree:
    parents = {topic.id: topic.parent_id for topic in item_bank.topics(conn, pool.exam.tenant_id)}
    below: dict[int, set[int]] = {topic: set() for topic in parents}
    for topic in parents:
        at: int | None = topic
        while at is not None and topic not in below[at]:
            below[at].add(topic)
            at = parents.get(at)
    return TopicTree(parents, {topic: frozenset(ids) for topic, ids in below.items()})
