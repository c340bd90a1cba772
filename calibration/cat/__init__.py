"""Adaptive testing: the one selection rule, the ability update, and the simulator built on both.

What never lives here: how exposure parameters are found (calibration.exposure), SQL, HTTP.
"""

from calibration.cat.control import ExposureControl
from calibration.cat.population import Population
from calibration.cat.ranking import RankedBank
from calibration.cat.results import ConditionalRates, Simulation, SimulationSums
from calibration.cat.selection import Ability, Selection, ability, select, warm_up
from calibration.cat.simulation import simulate

__all__ = [
    "Ability",
    "ConditionalRates",
    "ExposureControl",
    "Population",
    "RankedBank",
    "Selection",
    "Simulation",
    "SimulationSums",
    "ability",
    "select",
    "simulate",
    "warm_up",
]
