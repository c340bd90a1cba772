"""The science of qbank: IRT, adaptive testing, exposure control. Arrays in, frozen dataclasses out.

What never lives here: SQL, Dagster, files, clocks, global random state.
"""

from calibration.bank import ItemBank
from calibration.cat import (
    Ability,
    ExposureControl,
    Population,
    RankedBank,
    Selection,
    Simulation,
    SimulationSums,
    ability,
    select,
    simulate,
    warm_up,
)
from calibration.errors import (
    CalibrationError,
    InfeasibleExposureError,
    InvalidParameterError,
    InvalidResponsesError,
)
from calibration.exposure import Certificate, Iteration, SympsonHetterRun, sympson_hetter
from calibration.reestimation import Reestimation, reestimate

__all__ = [
    "Ability",
    "CalibrationError",
    "Certificate",
    "ExposureControl",
    "InfeasibleExposureError",
    "InvalidParameterError",
    "InvalidResponsesError",
    "ItemBank",
    "Iteration",
    "Population",
    "RankedBank",
    "Reestimation",
    "Selection",
    "Simulation",
    "SimulationSums",
    "SympsonHetterRun",
    "ability",
    "reestimate",
    "select",
    "simulate",
    "sympson_hetter",
    "warm_up",
]
