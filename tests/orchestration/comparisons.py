"""A comparison of selection rules as the orchestrator keeps it, for whoever only reads one."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from calibration import ComparedRule
from qbank_orchestration.engine.comparison import ExamComparison

ROWS = (
    ComparedRule("maximum_information", "none", 0.9, 1.0, 0.4, 0.7, 90.0, 0.32, 0.5, 0.0),
    ComparedRule(
        "maximum_information",
        "sympson_hetter",
        0.2,
        1.0,
        0.18,
        0.6,
        60.0,
        0.36,
        0.52,
        0.0,
        on_front=True,
    ),
    ComparedRule(
        "progressive_se(1,0.3)",
        "restricted",
        0.2,
        0.9,
        0.15,
        0.0,
        50.0,
        0.37,
        0.53,
        0.0,
        on_front=True,
    ),
)
SETTINGS = (
    {"selector": "vanilla"},
    {"selector": "sympson_hetter", "exposure_control": "sympson_hetter"},
    None,
)


def report(input_fingerprint: str = "") -> dict[str, Any]:
    """Three rules, the second in use."""
    return asdict(
        ExamComparison(
            items=40,
            theta_dist="normal(0,1)",
            tau=0.2,
            test_length=25,
            quota="none",
            rows=ROWS,
            settings=SETTINGS,
            in_use=1,
            more_items=(-5.2, 0.0, 1.4),
            evaluation_n=20_000,
            input_fingerprint=input_fingerprint,
        )
    )
