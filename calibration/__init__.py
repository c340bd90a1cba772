"""The science of qbank: IRT, adaptive testing, exposure control. Arrays in, frozen dataclasses out.

What never lives here: SQL, Dagster, files, clocks, global random state.
"""

from calibration.bank import ItemBank
from calibration.errors import (
    CalibrationError,
    InfeasibleExposureError,
    InvalidParameterError,
    InvalidResponsesError,
)

__all__ = [
    "CalibrationError",
    "InfeasibleExposureError",
    "InvalidParameterError",
    "InvalidResponsesError",
    "ItemBank",
]
