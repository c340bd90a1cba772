"""Exposure control: how exposure parameters are found, and proof of what they do.

What never lives here: the selection rule that applies them (calibration.cat), published tables.
"""

from calibration.exposure.caps import caps_of
from calibration.exposure.certificate import Certificate
from calibration.exposure.conditional import ConditionalRun, stocking_lewis
from calibration.exposure.eligibility import EligibilityResult, item_eligibility
from calibration.exposure.observed import ObservedExposure, observed_exposure
from calibration.exposure.progress import Iteration
from calibration.exposure.sympson_hetter import SympsonHetterRun, sympson_hetter

__all__ = [
    "Certificate",
    "ConditionalRun",
    "EligibilityResult",
    "Iteration",
    "ObservedExposure",
    "SympsonHetterRun",
    "caps_of",
    "item_eligibility",
    "observed_exposure",
    "stocking_lewis",
    "sympson_hetter",
]
