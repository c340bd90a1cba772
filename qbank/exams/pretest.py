"""The pretest policy of an exam: how many items without parameters its sittings try out, and where.

It stands in the exam's policy, under ``pretest``. What never lives here: which item is tried out
(``delivery_api.quizzes``), and how its parameters are estimated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import Field, model_validator

from qbank.errors import RequestError
from qbank.exams.policy_parts import PolicyPart
from qbank.requests.base import Unit

KEY: Final = "pretest"
# whoever gave an answer in a sitting has given a scored one
FIRST_POSITION: Final = 2
# of the generator that places slots; others of a quiz's seed are numbered from 1
_STREAM: Final = 0


def tries_out(policy: Mapping[str, Any]) -> bool:
    """Whether an exam with that policy tries out items; not where what it says is wrong."""
    try:
        return PretestPolicy.of("", policy).slots > 0
    except RequestError:  # its administrators are told where they set it
        return False


class PretestPolicy(PolicyPart):
    """What an exam's adaptive sittings try out."""

    key: ClassVar[str] = KEY

    slots: Annotated[int, Field(ge=0, le=50)] = Field(
        default=0,
        title="Pretest slots",
        description="Items without parameters in an adaptive sitting, beside the scored ones and"
        " unscored.",
    )
    first_position: Annotated[int, Field(ge=FIRST_POSITION, le=1000)] = Field(
        default=FIRST_POSITION,
        title="First position",
        description="Position from which on they may come; the first item is a scored one.",
    )
    last_position: Annotated[int, Field(ge=FIRST_POSITION, le=1000)] | None = Field(
        default=None,
        title="Last position",
        description="Position up to which they may come; left out, or beyond it: the last but one"
        " of the sitting.",
    )
    max_se_b: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False), Unit("of θ", 0.01)] = Field(
        default=0.25,
        title="Largest SE of b",
        description="A new item comes into use once the standard error of its difficulty is no"
        " larger.",
    )
    max_se_a: Annotated[float, Field(gt=0, le=5, allow_inf_nan=False), Unit("at D = 1.7", 0.01)] = (
        Field(
            default=0.3,
            title="Largest SE of a",
            description="A new item comes into use once the standard error of its discrimination is"
            " no larger.",
        )
    )
    retire_after: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=1000,
        title="Answers to retire after",
        description="First attempts after which an item that still may not come into use is named"
        " to be retired.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.last_position is not None and self.last_position < self.first_position:
            raise ValueError(
                f"last_position {self.last_position} lies before first_position"
                f" {self.first_position}"
            )
        return self

    def positions(self, test_length: int, items: int, seed: int) -> tuple[int, ...]:
        """Positions of a sitting at which an item is tried out, ascending.

        Each choice of positions is as likely as any other. The last item of a sitting is a scored
        one, so that its end does not hang on whether there is one to try out.

        Args:
            test_length: scored items of the sitting.
            items: items that there are to try out.
            seed: of the sitting.
        """
        slots = min(self.slots, items)
        if self.last_position is not None:
            slots = min(slots, self.last_position - self.first_position + 1)
        last = test_length + slots - 1
        if self.last_position is not None:
            last = min(last, self.last_position)
        if slots == 0 or test_length < self.first_position:
            return ()
        import numpy as np  # here: each command reads what an exam can be set to

        places = np.arange(self.first_position, last + 1)
        draw = np.random.default_rng([seed, _STREAM])
        return tuple(sorted(draw.choice(places, slots, replace=False).tolist()))
