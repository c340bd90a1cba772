"""Item response theory: estimation of item parameters from long-form responses.

What never lives here: scoring of persons, linking of scales, fit statistics (sibling packages).
"""

from calibration.irt.fit import fit
from calibration.irt.known import KnownItems
from calibration.irt.latent import LatentDistribution, latent_distribution
from calibration.irt.result import FitResult, NodeCheck
from calibration.models.priors import Beta, LogNormal, Normal, Priors, default_priors

__all__ = [
    "Beta",
    "FitResult",
    "KnownItems",
    "LatentDistribution",
    "LogNormal",
    "NodeCheck",
    "Normal",
    "Priors",
    "default_priors",
    "fit",
    "latent_distribution",
]
