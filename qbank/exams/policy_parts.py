"""A part of an exam's policy that is an object of its own, as those read it who work by it.

What never lives here: what a part consists of, and what can be set (``settings``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from qbank.errors import RequestError


class PolicyPart(BaseModel):
    """What an exam's policy says under :attr:`key`; what is left out is the default."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    key: ClassVar[str]

    @classmethod
    def of(cls, exam_code: str, policy: Mapping[str, Any]) -> Self:
        """Reads an exam's policy.

        Raises:
            RequestError: names the field, its value and what is allowed.
        """
        given = policy.get(cls.key, {})
        where = f"policy.{cls.key} of exam {exam_code}"
        if not isinstance(given, Mapping):
            raise RequestError(f"{where} is {given!r}: give an object")
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            first = error.errors()[0]
            if first["type"] == "value_error":
                raise RequestError(f"{first['ctx']['error']} in {where}") from None
            name = str(first["loc"][0])
            if first["type"] == "extra_forbidden":
                raise RequestError(
                    f"{where} has {name!r}: use {', '.join(cls.model_fields)}"
                ) from None
            raise RequestError(
                f"{name} is {first['input']!r} in {where}: {first['msg'].lower()}"
            ) from None
