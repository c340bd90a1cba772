"""One scale across calibrations: linking, anchor purification, drift.

What never lives here: estimation of items.
"""

from calibration.linking.drift import Drift, drift
from calibration.linking.scale import Link, link

__all__ = ["Drift", "Link", "drift", "link"]
