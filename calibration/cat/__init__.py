"""Adaptive testing: selection rules, the ability update, and the simulator built on both.

What never lives here: how exposure parameters are found (calibration.exposure), SQL, HTTP.
"""

from calibration.cat.control import ExposureControl
from calibration.cat.item_precision import (
    correlation_of_errors,
    precision_gain,
    relative_gain,
)
from calibration.cat.population import Population
from calibration.cat.ranking import RankedBank
from calibration.cat.results import ConditionalRates, Simulation, SimulationSums
from calibration.cat.rules import (
    RULES,
    AStratified,
    MaximumInformation,
    Progressive,
    Randomesque,
    SelectionRule,
    selection_rule,
)
from calibration.cat.selection import Ability, Selection, ability, select, warm_up
from calibration.cat.simulation import simulate

__all__ = [
    "RULES",
    "AStratified",
    "Ability",
    "ConditionalRates",
    "ExposureControl",
    "MaximumInformation",
    "Population",
    "Progressive",
    "Randomesque",
    "RankedBank",
    "Selection",
    "SelectionRule",
    "Simulation",
    "SimulationSums",
    "ability",
    "correlation_of_errors",
    "precision_gain",
    "relative_gain",
    "select",
    "selection_rule",
    "simulate",
    "warm_up",
]
