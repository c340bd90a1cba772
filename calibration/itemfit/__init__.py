"""How well items work: model fit, classical statistics, distractors, DIF.

What never lives here: estimation of items and persons.
"""

from calibration.itemfit.classical import Classical, Distractors, classical, distractors
from calibration.itemfit.compromise import Compromise, compromise
from calibration.itemfit.curve_fit import CurveFit, curve_fit
from calibration.itemfit.latent_dif import LatentDif, latent_dif
from calibration.itemfit.local_dependence import LocalDependence, local_dependence
from calibration.itemfit.logistic_dif import LogisticDif, logistic_dif
from calibration.itemfit.mantel_haenszel import MantelHaenszel, mantel_haenszel
from calibration.itemfit.person_fit import PersonFit, person_fit
from calibration.itemfit.residuals import AbilityBins, ResidualFit, ability_bins, residual_fit
from calibration.itemfit.rest_slope import RestSlope, rest_slope
from calibration.itemfit.s_x2 import SX2, s_x2

__all__ = [
    "SX2",
    "AbilityBins",
    "Classical",
    "Compromise",
    "CurveFit",
    "Distractors",
    "LatentDif",
    "LocalDependence",
    "LogisticDif",
    "MantelHaenszel",
    "PersonFit",
    "ResidualFit",
    "RestSlope",
    "ability_bins",
    "classical",
    "compromise",
    "curve_fit",
    "distractors",
    "latent_dif",
    "local_dependence",
    "logistic_dif",
    "mantel_haenszel",
    "person_fit",
    "residual_fit",
    "rest_slope",
    "s_x2",
]
