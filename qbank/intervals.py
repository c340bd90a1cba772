"""Normal intervals at 95 %. What never lives here: whose error it is."""

from __future__ import annotations

from statistics import NormalDist
from typing import Final

Z_95: Final = NormalDist().inv_cdf(0.975)
"""Standard errors on either side of an estimate; the marts have it as the macro ``z_95``."""
