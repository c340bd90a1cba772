"""The demo: two exams with planted item parameters, and two months of delivery by the real rule.

What never lives here: a selection rule or an estimator of its own (``calibration``).
"""

from qbank.demo.generating import TENANT, DemoReport, generate
from qbank.demo.truth import abilities, truth

__all__ = ["TENANT", "DemoReport", "abilities", "generate", "truth"]
