"""Exposure control: how exposure parameters are found, and proof of what they do.

What never lives here: the selection rule that applies them (calibration.cat), published tables.
"""

from calibration.exposure.by_theta import ConditionalRun
from calibration.exposure.caps import caps_of
from calibration.exposure.certificate import Certificate
from calibration.exposure.comparison import ComparedRule, RuleArm, compare_rules
from calibration.exposure.conditional import stocking_lewis
from calibration.exposure.conditional_eligibility import item_eligibility_by_theta
from calibration.exposure.eligibility import EligibilityResult, item_eligibility
from calibration.exposure.observed import ObservedExposure, observed_exposure
from calibration.exposure.priority import PriorityRun, priority_index
from calibration.exposure.progress import Iteration
from calibration.exposure.restricted import RestrictedRun, closed_items, restricted
from calibration.exposure.sympson_hetter import SympsonHetterRun, sympson_hetter

__all__ = [
    "Certificate",
    "ComparedRule",
    "ConditionalRun",
    "EligibilityResult",
    "Iteration",
    "ObservedExposure",
    "PriorityRun",
    "RestrictedRun",
    "RuleArm",
    "SympsonHetterRun",
    "caps_of",
    "closed_items",
    "compare_rules",
    "item_eligibility",
    "item_eligibility_by_theta",
    "observed_exposure",
    "priority_index",
    "restricted",
    "stocking_lewis",
    "sympson_hetter",
]
