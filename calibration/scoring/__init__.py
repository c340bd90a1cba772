"""Ability of persons from known item parameters.

What never lives here: estimation of items, item selection.
"""

from calibration.scoring.eap import Score, eap

__all__ = ["Score", "eap"]
