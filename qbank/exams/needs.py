"""What an exam needs before anything of it can be estimated.

What never lives here: counting answers.
"""

from __future__ import annotations

from qbank.stores.item_bank import Exam


def smallest_n(exam: Exam) -> int:
    """First attempts that one item must have before any of the exam can be estimated.

    Raises:
        calibration.InvalidParameterError: the policy's ``min_responses`` is none.
    """
    from calibration.irt.gates import smallest_n as needed  # its import takes a second
    from calibration.models import named

    return int(needed(exam.policy.get("min_responses", "default"), [named(exam.irt_model)])[0])
