"""Field types that requests share: what Postgres can keep, and pages.

What never lives here: models of a single route.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Generic, NotRequired, Self, TypeVar

from fastapi import Query
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12

from qbank.exams.settings import CODE
from qbank.stores.authoring import limits

Row = TypeVar("Row")


def _storable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("must not contain the character U+0000")
    return text


def _filled(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return _storable(text)


Name = Annotated[str, Field(min_length=1, max_length=limits.MAX_NAME), AfterValidator(_filled)]
Markdown = Annotated[
    str, Field(min_length=1, max_length=limits.MAX_MARKDOWN), AfterValidator(_filled)
]
Note = Annotated[str, Field(max_length=limits.MAX_NOTE), AfterValidator(_storable)]
Reason = Annotated[str, Field(min_length=1, max_length=limits.MAX_NOTE), AfterValidator(_filled)]
ExamCode = Annotated[str, Field(pattern=CODE, examples=["MED-A"])]
QuizId = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9-]+$")]
Identifier = Annotated[int, Field(ge=1, le=2**63 - 1)]
Version = Annotated[int, Field(ge=1, le=2**31 - 1)]
Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


def _midnight(value: Any) -> Any:
    return f"{value}T00:00:00Z" if re.fullmatch(r"\d{4}-\d\d-\d\d", str(value)) else value


Moment = Annotated[AwareDatetime, BeforeValidator(_midnight)]
"""A time with its offset; a day alone is its beginning, in UTC."""

PageNumber = Annotated[int, Query(ge=1, le=1_000_000, description="counts from 1")]
PageSize = Annotated[int, Query(ge=1, le=200, description="rows on a page")]


class Body(BaseModel):
    """A request body: unknown fields are errors, and true is no number, nor is "5"."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Page(BaseModel, Generic[Row]):
    """One page of a listing."""

    items: list[Row]
    total: int = Field(description="rows on all pages together")
    page: int
    page_size: int

    @classmethod
    def of(cls, found: tuple[Sequence[object], int], page: int, page_size: int) -> Self:
        """The page whose rows a store found, and of how many; their attributes are the items'."""
        rows, total = found
        said = {"items": rows, "total": total, "page": page, "page_size": page_size}
        return cls.model_validate(said, from_attributes=True)

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """``TopicPage``: what the contract calls a page of ``Topic``."""
        return f"{params[0].__name__}{cls.__name__}"


class Asset(TypedDict):
    """A picture or other file that belongs to an item's stem."""

    url: str
    alt: NotRequired[str]
