"""Re-estimation of exposure parameters from observed exposure.

What never lives here: simulation, reading or publishing.
"""

from calibration.reestimation.reestimate import Reestimation, reestimate

__all__ = ["Reestimation", "reestimate"]
