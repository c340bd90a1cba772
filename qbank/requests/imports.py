"""What is said of a file that is imported: options of the commands and of an upload, once each.

What never lives here: which file (a path, or a body), and what is made of the options
(``qbank.importing.asked``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from qbank.vocabulary import (
    Blank,
    ItemForm,
    ItemScope,
    Model,
    OnConflict,
    Quoting,
    Shape,
    TimeUnit,
)


@dataclass(frozen=True)
class Shown:
    """Marks what stands for the value in a command's help."""

    metavar: str


# text that Postgres can keep
_Text = Annotated[str, Field(max_length=1000, pattern=r"^[^\x00]*$")]
_Column = Annotated[_Text, Shown("NAME")]
_OptionalColumn = Annotated[_Text | None, Shown("NAME")]
_Codes = Annotated[list[_Text], Field(max_length=100), Shown("CODES")]
_CODES_TOLD = "Scores that say so, e.g. 9,-1; see docs/core/import.md."


class ImportOptions(BaseModel):
    """Options of an import; each may be left out."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ResponsesImport(ImportOptions):
    """How a file of responses is read, and what is done with it."""

    preset: _Text = Field(
        default="",
        description="Known layout: qbank, assistments, irw, eedi, canvas, moodle-responses or"
        " moodle-grades.",
    )
    shape: Shape = Field(
        default="long",
        description="long: one row per answer; wide: per person, a column per item; auto.",
    )
    items: Annotated[_Text | None, Shown("PATTERN")] = Field(
        default=None, description="Item columns of a wide file, e.g. 'q*'."
    )
    user_col: _OptionalColumn = Field(default=None, description="Column with who answered.")
    users: Annotated[Literal["row"] | None, Shown("row")] = Field(
        default=None,
        description="row: each row of a wide file is a person, named by file and line.",
    )
    item_col: _OptionalColumn = Field(default=None, description="Column with the item.")
    correct_col: _OptionalColumn = Field(default=None, description="Column with the score.")
    option_col: _OptionalColumn = Field(default=None, description="Column with the chosen option.")
    key_row: Annotated[_Text | None, Shown("USER")] = Field(
        default=None, description="The user whose row is the key, e.g. KEY."
    )
    option_codes: bool = Field(
        default=False, description="Options may have several characters, where the key's have one."
    )
    time_col: _OptionalColumn = Field(default=None, description="Column with the time taken.")
    time_unit: TimeUnit = Field(default="ms", description="ms or s.")
    timestamp_col: _OptionalColumn = Field(
        default=None, description="Column with when it was answered."
    )
    timestamp: datetime | None = Field(
        default=None, description="When all was answered, where no column says."
    )
    timestamp_format: Annotated[_Text | None, Shown("FORMAT")] = Field(
        default=None, description="Of the column: %d/%m/%Y %H:%M, epoch or epoch_ms."
    )
    timezone: Annotated[_Text, Shown("ZONE")] = Field(
        default="UTC", description="Of timestamps without an offset: Europe/Berlin."
    )
    topic_col: _OptionalColumn = Field(default=None, description="Column with the item's topic.")
    session_col: _OptionalColumn = Field(default=None, description="Column with the sitting.")
    attempt_col: _OptionalColumn = Field(
        default=None, description="Column with how often the item is answered now."
    )
    attempt: Annotated[Literal["auto"] | None, Shown("auto")] = Field(
        default=None, description="auto: row order tells repeated answers apart."
    )
    item_scope: ItemScope = Field(
        default="exam",
        description="Names of items are the exam's own, or the tenant's, to share them.",
    )
    group_col: Annotated[list[_Text], Field(max_length=100), Shown("NAME")] = Field(
        default=[], description="An attribute of the person; more than once."
    )
    pseudonymise: bool = Field(
        default=False,
        description="People by pseudonyms, under the key in QBANK_PSEUDONYM_KEY_FILE; the command's"
        " alone.",
    )
    create_exam: bool = Field(default=False, description="Make it if need be.")
    title: _Text | None = Field(default=None, description="Title of a new exam.")
    irt_model: Model = Field(default="2pl", description="Model of a new exam: 1pl, 2pl, 3pl.")
    tau: float = Field(default=0.2, description="Target exposure rate of a new exam.")
    test_length: int = Field(default=25, description="Items a sitting of a new exam.")
    missing: _Codes = Field(default=[], description=_CODES_TOLD)
    omitted: _Codes = Field(default=[], description=_CODES_TOLD)
    not_reached: _Codes = Field(default=[], description=_CODES_TOLD)
    multimark: _Codes = Field(default=[], description=_CODES_TOLD)
    score: Annotated[list[_Text], Field(max_length=100), Shown("VALUE=N")] = Field(
        default=[], description="A further score, e.g. 2=1; with points any; more than once."
    )
    max_score: Annotated[list[_Text], Field(max_length=1000), Shown("[ITEMS=]N")] = Field(
        default=[],
        description="Scores are points, 0 to N, of all items or of some, e.g. 'b2*=2'; more than"
        " once.",
    )
    max_score_col: _OptionalColumn = Field(
        default=None, description="Column with the item's points; empty where it is right or wrong."
    )
    blank_correct: Blank = Field(
        default="missing",
        description="An empty score: missing (not administered), omitted or reject.",
    )
    sitting: Annotated[_Text | None, Shown("NAME")] = Field(
        default=None, description="The one sitting that all rows belong to."
    )
    gap: Annotated[_Text | None, Shown("TIME")] = Field(
        default=None, description="A pause that ends a sitting: 30m, 1h30m."
    )
    max_rejects: Annotated[int, Field(ge=0)] = Field(
        default=0, description="With more refused rows nothing is written."
    )
    on_conflict: OnConflict = Field(
        default="refuse",
        description="Answers that are there with another score: refuse or replace.",
    )
    dry_run: bool = Field(default=False, description="Only say what would be done; writes nothing.")
    delimiter: _Text | None = Field(default=None, description="Of a CSV; found out.")
    encoding: _Text | None = Field(default=None, description="Of a CSV; found out, else UTF-8.")
    quoting: Quoting = Field(
        default="doubled",
        description="A quote inside quotes: doubled, backslash, or none is one.",
    )
    columns: Annotated[_Text | None, Shown("NAMES")] = Field(
        default=None, description="Columns of a CSV without a header."
    )


class ItemsImport(ImportOptions):
    """How a file of items is read, and what is done with it."""

    format: ItemForm | None = Field(
        default=None, description="table, gift, aiken, moodle or qti; found out."
    )
    ref_col: _Column = Field(
        default="external_ref", description="Column of a table with the items' names."
    )
    stem_col: _Column = Field(default="stem", description="Column of a table with the stems.")
    publish: bool = Field(default=False, description="Live in the exam at once; drafts without it.")
    item_scope: ItemScope = Field(
        default="exam",
        description="Names of items are the exam's own, or the tenant's, to share them.",
    )
    on_conflict: OnConflict = Field(
        default="refuse",
        description="Items that somebody changed in the bank: refuse or replace.",
    )
    max_rejects: Annotated[int, Field(ge=0)] = Field(
        default=0, description="With more refused items nothing is written."
    )
    dry_run: bool = Field(default=False, description="Only say what would be done; writes nothing.")
    encoding: _Text | None = Field(default=None, description="Of text; found out, else UTF-8.")
    create_exam: bool = Field(default=False, description="Make it if need be.")
