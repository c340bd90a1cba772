"""A request: its fields declared once, and the exam's own values where a caller leaves one out.

From the fields come the API's body (:func:`asks`), Dagster's config, the command line's options,
the console's form and the docs' table. What never lives here: a parameter of any one request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.fields import FieldInfo

from qbank.errors import RequestError
from qbank.requests.allowed import Allowed
from qbank.vocabulary import Kind

if TYPE_CHECKING:  # psycopg and numpy are kept out of the command line's import
    from qbank.stores.item_bank import Exam

M = TypeVar("M", bound=BaseModel)
A = TypeVar("A", bound="Asked")


@dataclass(frozen=True)
class ExamColumn:
    """Marks a field that the exam has a column for."""

    name: str


@dataclass(frozen=True)
class ExamPolicy:
    """Marks a field that the exam's policy may have a value for.

    Attributes:
        shared: the value at the top of the policy holds where the request's own part has none.
    """

    shared: bool = False


@dataclass(frozen=True)
class Unit:
    """Marks what a number counts, and by how much a form moves it."""

    name: str
    step: float


@dataclass(frozen=True)
class About:
    """Marks what a request is about; nobody gives it as a parameter."""


DryRun = Annotated[
    bool, Field(title="Dry run", description="Propose and audit, but publish nothing.")
]


class Request(BaseModel):
    """What a run is asked to do, filled: every field has the value that the run works with.

    Attributes:
        kind: of the run.
        policy_key: where in the exam's policy its values stand; "" is the top.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kind: ClassVar[Kind]
    policy_key: ClassVar[str] = ""

    @classmethod
    def resolve(cls, exam: Exam, given: Mapping[str, Any], **about: Any) -> Self:
        """Fills a request: what was given, else the exam's own value, else the default.

        Args:
            exam: whose values fill what was left out.
            given: parameters by name; None counts as left out.
            **about: what the request is about, beside the exam.

        Raises:
            RequestError: names the parameter, its value and what is allowed.
        """
        wanted = {name: value for name, value in given.items() if value is not None}
        if "exam_code" in cls.model_fields:
            about["exam_code"] = exam.exam_code
        for name in about.keys() & wanted.keys():
            if str(wanted[name]) != str(about[name]):
                raise RequestError(f"{name} is {wanted[name]!r}: this request is for {about[name]}")
        own = cls._of_exam(exam)
        try:
            return cls.model_validate(own | wanted | about)
        except ValidationError as error:
            where = f" (in the policy of exam {exam.exam_code})"
            whose = dict.fromkeys(own.keys() - wanted.keys(), where)
            # a cause would be what a failed run's page and its alert tell instead
            raise RequestError(cls._said(error, whose)) from None

    @classmethod
    def parameters(cls) -> Iterator[tuple[str, FieldInfo]]:
        """The fields that a caller may give, by name."""
        return (
            (name, field) for name, field in cls.model_fields.items() if not marker(field, About)
        )

    def params(self) -> dict[str, Any]:
        """The request as a JSON object."""
        return self.model_dump(mode="json")

    def given(self) -> dict[str, Any]:
        """Its parameters as a caller would give them, none left out that has a value."""
        return {
            name: value
            for name, value in self.params().items()
            if value is not None and not marker(type(self).model_fields[name], About)
        }

    def stored(self) -> dict[str, Any]:
        """The request as a run's row keeps it."""
        return {name: value for name, value in self.params().items() if value is not None}

    @classmethod
    def _of_exam(cls, exam: Exam) -> dict[str, Any]:
        policy = exam.policy.get(cls.policy_key) if cls.policy_key else exam.policy
        if not isinstance(policy, Mapping | None):
            raise RequestError(
                f"policy.{cls.policy_key} of exam {exam.exam_code} is {policy!r}: give an object"
            )
        in_policy = [name for name, field in cls.parameters() if marker(field, ExamPolicy)]
        unknown = sorted((policy or {}).keys() - set(in_policy)) if cls.policy_key else []
        if unknown:
            raise RequestError(
                f"policy.{cls.policy_key} of exam {exam.exam_code} has {unknown[0]!r}:"
                f" use {', '.join(in_policy)}"
            )
        fields = dict(cls.parameters())
        columns = {n: marker(field, ExamColumn) for n, field in fields.items()}
        own = {n: getattr(exam, column.name) for n, column in columns.items() if column}
        shared = [n for n in in_policy if marker(fields[n], ExamPolicy).shared]
        return own | _present(exam.policy, shared) | _present(policy or {}, in_policy)

    @classmethod
    def _said(cls, error: ValidationError, whose: Mapping[str, str]) -> str:
        """The first error: the parameter, its value and what is allowed."""
        first = error.errors()[0]
        name, *inside = [str(part) for part in first["loc"]] or [""]
        if first["type"] == "extra_forbidden":
            known = ", ".join(known for known, _ in cls.parameters())
            return f"request parameter {name!r} is unknown: use {known}"
        where = whose.get(name, "")
        if first["type"] == "value_error":
            return f"{first['ctx']['error']}{where}"
        remedy: Allowed | None = Allowed.of(cls.model_fields[name].rebuild_annotation())
        if inside and remedy and remedy.value:
            name, remedy = f"{name} of topic {inside[0]!r}", remedy.value
        return f"{name} is {first['input']!r}: give {remedy}{where}"


def _present(values: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: values[name] for name in names if values.get(name) is not None}


def marker(field: FieldInfo, of: type[Any]) -> Any:
    """The field's marker of a type, or None."""
    return next((found for found in field.metadata if isinstance(found, of)), None)


class Asked(BaseModel):
    """A request as a caller writes it; :func:`asks` says which."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def with_fields(fields: Mapping[str, Any]) -> Callable[[type[M]], type[M]]:
    """Adds fields that are declared elsewhere to a model, which stays a type to type checkers.

    Args:
        fields: by name, as for pydantic's ``create_model``; they stand after the model's own.
    """

    def extended(model: type[M]) -> type[M]:
        return create_model(
            model.__name__,
            __base__=model,
            __module__=model.__module__,
            __doc__=model.__doc__,
            **fields,
        )

    return extended


def asks(request: type[Request]) -> Callable[[type[A]], type[A]]:
    """Adds the parameters of a request to what is asked; each may be left out."""
    fields: dict[str, Any] = {}
    for parameter, field in request.parameters():
        shown: Any = {"description": field.description, "examples": field.examples}
        own = field.rebuild_annotation()
        # a switch is off where it is left out; anything else is then the exam's
        fields[parameter] = (
            (own, Field(default=False, **shown))
            if field.annotation is bool
            else (own | None, Field(default=None, **shown))
        )
    return with_fields(fields)
