"""The words that rows, requests and answers may say: each list once, in the order people read it.

Tests hold SQL's CHECK constraints, dbt's accepted values, LookML, the console and the science to
these. What never lives here: numbers, and what a word makes the code do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal, get_args

from qbank.errors import QbankError

# runs of calibration work
Kind = Literal["irt", "sympson_hetter", "reestimation", "rollback"]
Status = Literal["queued", "running", "proposed", "done", "empty", "failed", "canceled", "rejected"]
OPEN: Final[tuple[Status, ...]] = ("queued", "running", "proposed")
FINISHED: Final[tuple[Status, ...]] = ("done", "empty", "failed", "canceled", "rejected")

# exposure control: who changed it, and how it is re-estimated
Source = Literal["manual", "calibration", "reestimation", "rollback"]
Rule = Literal["nudge", "eligibility"]
Basis = Literal["sessions", "attempts"]
ByTheta = Literal["stocking_lewis", "item_eligibility_by_theta"]
SearchedControl = Literal["sympson_hetter", "item_eligibility", ByTheta, "restricted"]
ExposureControl = Literal[SearchedControl, "none"]
Quota = Literal["none", "blueprint"]

# item parameters
Model = Literal["1pl", "2pl", "3pl"]
Linking = Literal["stocking_lord", "haebara", "mean_sigma"]
Unanswered = Literal["missing", "wrong"]

# fairness of items: differences that are negligible, moderate and large
EtsClass = Literal["A", "B", "C"]

# flags of items: what people decide on one, and where it then stands
FlagAction = Literal["acknowledged", "assigned", "snoozed", "reopened"]
FlagStanding = Literal["open", "acknowledged", "assigned", "snoozed"]
FlagEventKind = Literal["raised", FlagAction, "gone"]
FlagChangeKind = Literal["raised", "gone"]

# delivery
Mode = Literal["tutor", "exam"]
Selector = Literal[
    "vanilla",
    "sympson_hetter",
    "randomesque",
    "a_stratified",
    "progressive",
    "progressive_se",
    "priority",
    "fixed",
]
Controlled = Literal[
    "sympson_hetter", "randomesque", "a_stratified", "progressive", "progressive_se", "priority"
]
Adaptive = Literal["vanilla", Controlled]
ADAPTIVE: Final[tuple[Selector, ...]] = get_args(Adaptive)
SessionStatus = Literal["open", "finished", "expired"]  # of those that count
QuizStatus = Literal["open", "finished", "expired", "void"]
Review = Literal["score", "items"]
# of a score that goes back to the learning platform that its person was launched from
LtiScoreState = Literal["waiting", "sent", "superseded", "given_up"]

# imports
BatchKind = Literal["import", "rescore", "items"]
ScoringKind = Literal["key", "all", "void", "points"]
Shape = Literal["long", "wide", "auto"]
Quoting = Literal["doubled", "backslash", "none"]
TimeUnit = Literal["ms", "s"]
Blank = Literal["missing", "omitted", "reject"]
OnConflict = Literal["refuse", "replace"]
ItemScope = Literal["exam", "tenant"]
ItemForm = Literal["table", "gift", "aiken", "moodle", "qti"]

# what is asked for over the API, and carried out as the owner
ImportKind = Literal["responses", "items", "undo"]
PersonRequestKind = Literal["person_export", "person_erase"]
ReportRequestKind = Literal["report"]
ComparisonRequestKind = Literal["comparison"]
DataRequestKind = Literal[ImportKind, PersonRequestKind, ReportRequestKind, ComparisonRequestKind]
DataRequestFile = Literal["upload", "key", "rejects", "document"]
DataRequestState = Literal["queued", "running", "done", "refused", "failed"]

# a technical report: page, document, every number, and the years as a table
ReportForm = Literal["html", "pdf", "json", "csv"]

# authoring
Difficulty = Literal["easy", "medium", "hard"]
State = Literal["draft", "review", "approved", "published", "retired"]
ReviewStatus = Literal["pending", "changes_requested", "approved", "rejected"]

# who calls the API
Role = Literal["student", "author", "reviewer", "publisher", "admin", "analyst"]
Scope = Literal["exams", "exports", "imports", "results"]  # of programs


def code_of(exam_key: str) -> str:
    """What an exam's tenant calls it: ``FINAL`` of the key ``FINAL``, and of ``FINAL@college``."""
    return exam_key.partition("@")[0]


def words(of: object) -> tuple[str, ...]:
    """The words of one of the lists above."""
    return tuple(get_args(of))


def refuse_other_words(
    error: type[QbankError], given: Iterable[tuple[str, str, Sequence[str]]]
) -> None:
    """Refuses an option whose value is none of its words.

    Args:
        error: the class of what is raised.
        given: the option's name, its value, and the words that it may have.

    Raises:
        QbankError: names the option, the value and the words.
    """
    for name, value, allowed in given:
        if value not in allowed:
            raise error(f"{name} is {value!r}: use {' or '.join(allowed)}")
