"""Ability of persons from known item parameters.

What never lives here: estimation of items, item selection.
"""

from calibration.scoring.eap import Score, eap
from calibration.scoring.maximum_likelihood import Estimate, mle, wle

__all__ = ["Estimate", "Score", "eap", "mle", "wle"]
