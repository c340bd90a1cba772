"""What can be set of an exam, declared once: its columns of ``exams`` and the parts of its policy.

From the fields come the API's bodies, the command line's options, the console's form and the docs'
table. What the calibration requests and the attempt policy declare is taken from there. None means
left out. What never lives here: writing (``administering``), and what a setting makes others do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import NoneType
from typing import Annotated, Any, Final, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from qbank import attempts
from qbank.attempts import AttemptPolicy
from qbank.exams import pretest
from qbank.exams.pretest import PretestPolicy
from qbank.requests import Allowed, IrtFit, Reestimation, RequestError, SympsonHetter
from qbank.requests.base import ExamColumn, ExamPolicy, Unit, marker, with_fields
from qbank.requests.exposure import Rate, Weight
from qbank.vocabulary import Adaptive, Difficulty, ExposureControl, Model, Unanswered

CODE: Final = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
COLUMNS: Final = ("title", "irt_model", "tau", "test_length")


@dataclass(frozen=True)
class Default:
    """Marks what holds where the setting is left out; None where it follows from others.

    Attributes:
        allows_none: whether None is a value of its own, such as any number of attempts.
    """

    value: Any
    allows_none: bool = False


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def _filled(text: str) -> str:
    if not text.strip() or "\x00" in text:
        raise ValueError(f"title is {text!r}: give text")
    return text


def _left_out(name: str, field: FieldInfo, default: Any) -> Any:
    """A field that is declared elsewhere, as one that may be left out."""
    allows_none = NoneType in get_args(field.annotation) and default is not None
    own: Any = field.rebuild_annotation()
    # a form moves a number by its unit's step
    marks = (Default(default, allows_none), *filter(None, [marker(field, Unit)]))
    return Annotated[own | None, *marks], Field(
        default=None,
        title=field.title or name.replace("_", " ").capitalize(),
        description=field.description,
        examples=field.examples,
    )


def _of_requests(*requests: Any) -> dict[str, Any]:
    """The parameters that the policy may have a value for."""
    return {
        name: _left_out(name, field, None if follows else field.default)
        for request in requests
        for name, field in request.parameters()
        for policy in [marker(field, ExamPolicy)]
        if policy
        for follows in [policy.shared or marker(field, ExamColumn)]
    }


_Answers = Annotated[int, Field(ge=0, le=1_000_000)]


@with_fields(_of_requests(IrtFit, SympsonHetter))
class _OfRequests(_Settings):
    """What the calibration requests declare."""


class CalibrationSettings(_OfRequests):
    """How the exam's item parameters and exposure control are calibrated."""

    min_responses: Annotated[_Answers | None, Default(None), Unit("first attempts", 10)] = Field(
        default=None,
        title="Answers an item needs",
        description="First attempts that an item needs before it is estimated; left out: the"
        " model's own.",
    )
    min_new_responses: Annotated[_Answers | None, Default(None), Unit("first attempts", 10)] = (
        Field(
            default=None,
            title="New answers for a new fit",
            description="New first attempts after which parameters are fitted anew; left out:"
            " 200, or a tenth.",
        )
    )
    unanswered: Annotated[Unanswered | None, Default("missing")] = Field(
        default=None,
        title="Unanswered items",
        description="What an item that was served and not answered counts as in a sitting.",
    )


@with_fields(_of_requests(Reestimation))
class ReestimationSettings(_Settings):
    """How sh_p is re-estimated from what was served."""


@with_fields(
    {
        name: _left_out(name, field, field.default)
        for name, field in AttemptPolicy.model_fields.items()
    }
)
class AttemptSettings(_Settings):
    """What an exam allows a person, and what it tells."""


@with_fields(
    {
        name: _left_out(name, field, field.default)
        for name, field in PretestPolicy.model_fields.items()
    }
)
class PretestSettings(_Settings):
    """Which items an exam tries out in its sittings."""


class ExamSettings(_Settings):
    """Settings of an exam; what is left out is its default, or stays as it is."""

    title: Annotated[
        Annotated[str, Field(max_length=255), AfterValidator(_filled)] | None, Default(None)
    ] = Field(
        default=None, title="Title", description="What people call the exam; left out: its code."
    )
    irt_model: Annotated[Model | None, Default("2pl")] = Field(
        default=None, title="Response model", description="How answers depend on ability."
    )
    tau: Annotated[Rate | None, Default(0.2), Unit("share of examinees", 0.01)] = Field(
        default=None,
        title="τ, largest exposure rate",
        description="No item is given to a larger share of examinees.",
    )
    test_length: Annotated[
        Annotated[int, Field(ge=1, le=1000)] | None, Default(25), Unit("items", 1)
    ] = Field(default=None, title="Test length", description="Items in one test.")
    exposure_control: Annotated[ExposureControl | None, Default("sympson_hetter")] = Field(
        default=None,
        title="Exposure control",
        description="How sh_p is found. restricted: items that reached τ are closed to new"
        " sittings, by counts. none: for a linear (fixed) form, where every examinee gets the same"
        " items.",
    )
    selector: Annotated[Adaptive | None, Default("sympson_hetter")] = Field(
        default=None,
        title="Selector",
        description="How items of adaptive quizzes are chosen where no cohort and no flag says.",
    )
    difficulty_weights: Annotated[dict[Difficulty, Weight] | None, Default(None)] = Field(
        default=None,
        title="Mix of difficulties",
        description="Parts of the blueprint by difficulty label.",
    )
    four_eyes: Annotated[bool | None, Default(False)] = Field(
        default=None,
        title="Four eyes",
        description="Nobody alone writes, approves and publishes what is served in the exam.",
    )
    calibration: CalibrationSettings | None = Field(default=None)
    reestimation: ReestimationSettings | None = Field(default=None)
    attempts: AttemptSettings | None = Field(default=None)
    pretest: PretestSettings | None = Field(default=None)


@dataclass(frozen=True)
class Part:
    """Settings that belong together.

    Attributes:
        name: of the field of :class:`ExamSettings`; "" for its own fields.
        key: where in the policy they stand; "" is its top.
        prefix: of the command line's options.
    """

    name: str
    title: str
    model: type[BaseModel]
    key: str = ""
    prefix: str = ""


PARTS: Final = (
    Part("", "Exam", ExamSettings),
    Part("attempts", "Attempts", AttemptSettings, key=attempts.KEY),
    Part("pretest", "Pretest", PretestSettings, key=pretest.KEY, prefix="pretest_"),
    Part("calibration", "Calibration", CalibrationSettings),
    Part(
        "reestimation",
        "Re-estimation",
        ReestimationSettings,
        key=Reestimation.policy_key,
        prefix="reestimation_",
    ),
)


@dataclass(frozen=True)
class Setting:
    """One setting: where it stands, and what it may be."""

    part: Part
    name: str
    field: FieldInfo

    @property
    def path(self) -> str:
        """Its name with that of its part, e.g. ``attempts.modes``."""
        return f"{self.part.name}.{self.name}".lstrip(".")

    @property
    def option(self) -> str:
        """Its name on the command line, without dashes in front."""
        return f"{self.part.prefix}{self.name}"

    @property
    def allowed(self) -> Allowed:
        """What its value may be."""
        return Allowed.of(self.field.rebuild_annotation())

    @property
    def default(self) -> Any:
        """What holds where it is left out; None where that follows from other settings."""
        return marker(self.field, Default).value

    @property
    def allows_none(self) -> bool:
        """Whether None is a value of its own."""
        return bool(marker(self.field, Default).allows_none)


def place(given: dict[str, Any], setting: Setting, value: Any) -> None:
    """Puts a setting's value where :class:`ExamSettings` has it: in its part, or at the top."""
    part = given.setdefault(setting.part.name, {}) if setting.part.name else given
    part[setting.name] = value


def settings(part: Part | None = None) -> Iterator[Setting]:
    """All settings, or those of a part."""
    return (
        Setting(one, name, field)
        for one in PARTS
        if part in (None, one)
        for name, field in one.model.model_fields.items()
        if marker(field, Default)
    )


def read(given: Mapping[str, Any]) -> dict[str, Any]:
    """Judges settings as :class:`ExamSettings` has them; what is not given is left out.

    Raises:
        RequestError: names the setting, its value and what is allowed.
    """
    try:
        return ExamSettings.model_validate(given).model_dump(exclude_unset=True)
    except ValidationError as error:
        raise RequestError(said(error.errors()[0])) from None


def said(error: Mapping[str, Any]) -> str:
    """An error of pydantic: the setting, its value and what is allowed."""
    where = [str(step) for step in error["loc"]]
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    known = {setting.path: setting for setting in settings()}
    depth = next((n for n in range(len(where), 0, -1) if ".".join(where[:n]) in known), 0)
    if not depth:
        names = ", ".join(sorted(known))
        if where[0] in {part.name for part in PARTS} and len(where) == 1:
            return f"{where[0]} is {error['input']!r}: give an object with its settings"
        return f"setting {'.'.join(where)!r} is unknown: use {names}"
    allowed = known[".".join(where[:depth])].allowed
    value = error["input"]
    if depth < len(where) and allowed.value is not None and where[-1] != "[key]":
        return f"{'.'.join(where[:depth])} of {where[depth]!r} is {value!r}: give {allowed.value}"
    return f"{'.'.join(where[:depth])} is {value!r}: give {allowed}"


def controls_exposure(policy: Mapping[str, Any]) -> bool:
    """Whether an exam with that policy has exposure control; a linear form has none."""
    return policy.get("exposure_control") != "none"
