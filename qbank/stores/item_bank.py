"""The item bank that is live: what is published for an exam, with its parameters and controls.

What never lives here: which item comes next, and how parameters are estimated.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from psycopg import Connection
from psycopg.rows import class_row

from qbank import attempts, four_eyes
from qbank.exams import pretest, selectors
from qbank.stores import pool_columns
from qbank.stores.errors import ConflictError, NotFoundError
from qbank.vocabulary import Controlled, Model, SearchedControl, code_of

if TYPE_CHECKING:
    from qbank.stores.blueprint import BlueprintLine


@dataclass(frozen=True)
class Exam:
    """An exam's calibration defaults.

    Attributes:
        exam_code: its key, which is no other tenant's: the code, and the tenant where need be.
        tau: target maximum exposure rate.
        test_length: items in one administration.
        policy: topic_tau, topic_weights, selector, minimum responses and the like.
    """

    exam_code: str
    tenant_id: str
    title: str
    irt_model: Model
    tau: float
    test_length: int
    policy: dict[str, Any]
    created_at: datetime

    @property
    def code(self) -> str:
        """What its tenant calls it."""
        return code_of(self.exam_code)

    @property
    def selector(self) -> Controlled:
        """The selector that its exposure control is found for."""
        return selectors.certified(self.policy)

    @property
    def exposure_control(self) -> SearchedControl:
        """How its exposure parameters are found."""
        return selectors.searched(self.policy)


@dataclass(frozen=True, eq=False)
class Pool:
    """The live items of one exam as arrays of shape (J,), by question id.

    Attributes:
        question_id: int64.
        version: live version, int64.
        topic_id: topic of the live version, int64.
        difficulty_label: easy, medium, hard or None.
        a: discriminations; NaN where the item is not calibrated yet.
        b: difficulties; NaN where not calibrated.
        c: lower asymptotes; NaN where not calibrated.
        scaling_constant: D of the model that a belongs to; NaN where not calibrated.
        se_a: standard errors; NaN where unknown.
        se_b: standard errors; NaN where unknown.
        se_c: standard errors; NaN where unknown.
        n_respondents: first attempts behind the parameters, 0 where not calibrated.
        sh_p: exposure control; 1 where the item has none.
        controlled: whether a control is in force.
        pinned: whether the control was pinned by hand.
        bank_version: moves with every change that delivery must see.
        pool_version: moves with every change of the pool, its parameters or the exam's blueprint,
            not with sh_p.
        lines: the exam's blueprint.
        scoring_version: moves with item parameters, the exam's model and what answers score.
        settings_version: moves with the exam's settings, its blueprint and the topic tree.
    """

    exam: Exam
    question_id: npt.NDArray[np.int64]
    version: npt.NDArray[np.int64]
    topic_id: npt.NDArray[np.int64]
    difficulty_label: tuple[str | None, ...]
    a: npt.NDArray[np.float64]
    b: npt.NDArray[np.float64]
    c: npt.NDArray[np.float64]
    scaling_constant: npt.NDArray[np.float64]
    se_a: npt.NDArray[np.float64]
    se_b: npt.NDArray[np.float64]
    se_c: npt.NDArray[np.float64]
    n_respondents: npt.NDArray[np.int64]
    sh_p: npt.NDArray[np.float64]
    controlled: npt.NDArray[np.bool_]
    pinned: npt.NDArray[np.bool_]
    bank_version: int
    pool_version: int
    lines: tuple[BlueprintLine, ...] = ()
    scoring_version: int = 0
    settings_version: int = 0

    def __len__(self) -> int:
        return int(self.question_id.size)

    @property
    def calibrated(self) -> npt.NDArray[np.bool_]:
        """Which items have parameters, shape (J,)."""
        return np.isfinite(self.a)

    def fingerprint(self) -> str:
        """SHA-256 of what exposure control depends on.

        That is items, topics, parameters, exam defaults, and the blueprint where quizzes keep to
        it.
        """
        digest = hashlib.sha256()
        constant = self.scaling_constant  # the same curve has the same fingerprint
        other = np.abs(constant - 1.7) > 0
        slope = np.where(other, self.a * constant / 1.7, self.a)
        for column in (self.question_id, self.version, self.topic_id, slope, self.b, self.c):
            digest.update(np.ascontiguousarray(column).tobytes())
        digest.update(_defaults(self.exam))
        if self.exam.policy.get("quota") == "blueprint":
            digest.update(json.dumps([astuple(line) for line in self.lines]).encode())
        return digest.hexdigest()

    @property
    def state(self) -> str:
        """See :func:`pool_state`."""
        return pool_state(self.exam, self.pool_version)


def pool_state(exam: Exam, pool_version: int) -> str:
    """Names what exposure control depends on without a look at the items.

    Two pools of one state are the same; two states may still be the same pool, see
    :meth:`Pool.fingerprint`.
    """
    return f"{pool_version}/{hashlib.sha256(_defaults(exam)).hexdigest()[:16]}"


def _defaults(exam: Exam) -> bytes:
    # who may take the exam how often, and who publishes in it, says nothing of its items; what is
    # tried out beside them moves none
    aside = (attempts.KEY, four_eyes.KEY, pretest.KEY)
    policy = {key: value for key, value in exam.policy.items() if key not in aside}
    values = [exam.irt_model, exam.tau, exam.test_length, policy]
    return json.dumps(values, sort_keys=True).encode()


@dataclass(frozen=True)
class Topic:
    """One node of the topic tree."""

    id: int
    parent_id: int | None
    name: str
    blueprint_code: str | None


def nearest_topic(
    topic_id: int, parents: Mapping[int, int | None], named: Collection[int]
) -> int | None:
    """The topic itself or the nearest above it that is named; None where there is none.

    Args:
        topic_id: where to begin.
        parents: topic id to that of the topic above; a tree (``topics_are_a_tree`` in ``sql/``).
        named: topic ids to look for.
    """
    # one step a topic: a cycle from before the database refused them ends, too
    at: int | None = topic_id
    for _ in range(len(parents) + 1):
        if at is None or at in named:
            return at
        at = parents.get(at)
    return None


EXAM_COLUMNS = "exam_code, tenant_id, title, irt_model, tau, test_length, policy, created_at"


def exams(conn: Connection[Any], *, tenant_id: str | None = None) -> tuple[Exam, ...]:
    """All exams, by code."""
    sql = f"""SELECT {EXAM_COLUMNS} FROM exams
        WHERE %(tenant)s::text IS NULL OR tenant_id = %(tenant)s ORDER BY exam_code"""  # noqa: S608
    with conn.cursor(row_factory=class_row(Exam)) as cursor:
        return tuple(cursor.execute(sql, {"tenant": tenant_id}).fetchall())


def exam(conn: Connection[Any], exam_code: str, *, tenant_id: str | None = None) -> Exam:
    """One exam.

    Args:
        conn: an open connection.
        exam_code: its key; or its code, which is one exam's where the tenant is given.
        tenant_id: whose it is; None looks at all.

    Raises:
        NotFoundError: it does not exist or is of another tenant.
        ConflictError: several tenants have an exam of this code, and none has it as its key.
    """
    known = exams(conn, tenant_id=tenant_id)
    found = [e for e in known if e.exam_code == exam_code]
    found = found or [e for e in known if e.code == exam_code]
    if not found:
        names = [e.exam_code if tenant_id is None else e.code for e in known]
        raise NotFoundError(
            f"exam {exam_code!r} does not exist; known exams: {', '.join(names) or 'none'}"
        )
    if len(found) > 1:
        keys = ", ".join(e.exam_code for e in found)
        raise ConflictError(f"several tenants have an exam {exam_code!r}: name one of {keys}")
    return found[0]


def held(conn: Connection[Any], exam_code: str, *, tenant_id: str | None = None) -> Exam:
    """One exam, whose settings and blueprint nobody else changes until the transaction ends.

    One change after another: each starts from what the one before it left.

    Raises:
        NotFoundError, ConflictError: as :func:`exam`.
    """
    key = exam(conn, exam_code, tenant_id=tenant_id).exam_code
    conn.execute("SELECT FROM exams WHERE exam_code = %s FOR NO KEY UPDATE", (key,))
    return exam(conn, key, tenant_id=tenant_id)


def own_key(conn: Connection[Any], tenant_id: str, code: str) -> str:
    """The key of the tenant's exam of this code; the code itself where there is none."""
    sql = "SELECT exam_code FROM exams WHERE tenant_id = %s AND code = %s"
    row = conn.execute(sql, (tenant_id, code)).fetchone()
    return code if row is None else str(row[0])


TOPICS: Final = """SELECT id, parent_id, name, blueprint_code FROM topics
    WHERE tenant_id = %s ORDER BY parent_id NULLS FIRST, id"""


def topics(conn: Connection[Any], tenant_id: str) -> tuple[Topic, ...]:
    """The tenant's topic tree, parents before what stands below them."""
    with conn.cursor(row_factory=class_row(Topic)) as cursor:
        return tuple(cursor.execute(TOPICS, (tenant_id,)).fetchall())


def external_refs(conn: Connection[Any], question_ids: Sequence[int]) -> dict[int, str]:
    """What questions are called in the system they came from, by id; those that have a name."""
    sql = """SELECT id, external_ref FROM questions
        WHERE id = ANY(%s) AND external_ref IS NOT NULL"""
    return dict(conn.execute(sql, (list(question_ids),)).fetchall())


class Versions(NamedTuple):
    """Where an exam's bank stands; all 0 before anything was published. See :class:`Pool`.

    Each is the moment of a change, in µs since 1970: no two changes have one, also where a database
    goes back and on from there.
    """

    bank: int = 0
    pool: int = 0
    scoring: int = 0
    settings: int = 0


def bank_version(conn: Connection[Any], exam_code: str) -> int:
    """The exam's bank version, 0 before anything was published."""
    return versions(conn, exam_code).bank


def versions(conn: Connection[Any], exam_code: str) -> Versions:
    """Where the exam's bank stands now."""
    sql = """SELECT version, pool_version, scoring_version, settings_version
        FROM bank_versions WHERE exam_code = %s"""
    return Versions(*(conn.execute(sql, (exam_code,)).fetchone() or ()))


def load(conn: Connection[Any], exam_code: str) -> Pool:
    """The live pool: published, not deleted, in the version that is live for the exam.

    Parameters are those of the exam's model; other models' rows are left aside.

    Raises:
        NotFoundError: the exam does not exist.
    """
    from qbank.stores import blueprint  # which looks for topics here

    # read before the rows: a change in between shows as an old version, and is loaded again
    now = versions(conn, exam_code)
    found = exam(conn, exam_code)
    return Pool(
        exam=found,
        **pool_columns.read(conn, found),
        bank_version=now.bank,
        pool_version=now.pool,
        lines=blueprint.load(conn, exam_code),
        scoring_version=now.scoring,
        settings_version=now.settings,
    )
