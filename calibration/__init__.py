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
from calibration.linking import Drift, Link, drift, link
from calibration.reestimation import Reestimation, reestimate
from calibration.scoring import Estimate, Score, eap, mle, wle

__all__ = [
    "Ability",
    "Beta",
    "CalibrationError",
    "Certificate",
    "ConditionalRun",
    "Drift",
    "EligibilityResult",
    "Estimate",
    "ExposureControl",
    "FitResult",
    "InfeasibleExposureError",
    "InvalidParameterError",
    "InvalidResponsesError",
    "ItemBank",
    "Iteration",
    "KnownItems",
    "Link",
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
    "drift",
    "eap",
    "fit",
    "item_eligibility",
    "link",
    "mle",
    "reestimate",
    "select",
    "simulate",
    "stocking_lewis",
    "sympson_hetter",
    "warm_up",
    "wle",
]
