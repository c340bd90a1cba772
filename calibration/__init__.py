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
from calibration.exposure import (
    Certificate,
    ConditionalRun,
    EligibilityResult,
    Iteration,
    SympsonHetterRun,
    item_eligibility,
    stocking_lewis,
    sympson_hetter,
)
from calibration.irt import (
    Beta,
    FitResult,
    KnownItems,
    LogNormal,
    NodeCheck,
    Normal,
    Priors,
    default_priors,
    fit,
)
from calibration.reestimation import Reestimation, reestimate
from calibration.scoring import Score, eap

__all__ = [
    "Ability",
    "Beta",
    "CalibrationError",
    "Certificate",
    "ConditionalRun",
    "EligibilityResult",
    "ExposureControl",
    "FitResult",
    "InfeasibleExposureError",
    "InvalidParameterError",
    "InvalidResponsesError",
    "ItemBank",
    "Iteration",
    "KnownItems",
    "LogNormal",
    "NodeCheck",
    "Normal",
    "Population",
    "Priors",
    "RankedBank",
    "Reestimation",
    "Score",
    "Selection",
    "Simulation",
    "SimulationSums",
    "SympsonHetterRun",
    "ability",
    "default_priors",
    "eap",
    "fit",
    "item_eligibility",
    "reestimate",
    "select",
    "simulate",
    "stocking_lewis",
    "sympson_hetter",
    "warm_up",
]
