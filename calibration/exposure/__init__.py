"""Exposure control: how exposure parameters are found, and proof of what they do.

What never lives here: the selection rule that applies them (calibration.cat), published tables.
"""

from calibration.exposure.certificate import Certificate
from calibration.exposure.progress import Iteration
from calibration.exposure.sympson_hetter import SympsonHetterRun, sympson_hetter

__all__ = ["Certificate", "Iteration", "SympsonHetterRun", "sympson_hetter"]
