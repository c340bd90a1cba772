"""The four-eyes rule of an exam: nobody alone writes, approves and publishes what is served in it.

It stands in the exam's policy, as ``four_eyes``; left out it is off. What never lives here:
keeping to it (``qbank.stores.authoring``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from qbank.errors import RequestError

KEY: Final = "four_eyes"


def wanted(exam_code: str, policy: Mapping[str, Any]) -> bool:
    """Whether an exam's policy has the rule.

    Raises:
        RequestError: the policy's value is neither true nor false.
    """
    value = policy.get(KEY, False)
    if not isinstance(value, bool):
        raise RequestError(f"policy.{KEY} of exam {exam_code} is {value!r}: give true or false")
    return value
