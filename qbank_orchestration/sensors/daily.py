"""What is checked once a day, whether or not anything was built.

What never lives here: the checks.
"""

import dagster as dg

from qbank_orchestration.checks import freshness, harvesting, prediction, relaying

CHECKS = [
    *freshness.CHECKS,
    prediction.exposure_as_predicted,
    harvesting.nobody_harvests,
    relaying.events_are_relayed,
    relaying.events_are_in_clickhouse,
    relaying.scores_are_passed_back,
]

daily_checks = dg.AutomationConditionSensorDefinition(
    "daily_checks",
    target=dg.AssetSelection.checks(*CHECKS),
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Freshness, volume, exposure, harvesting, relay: once a day, built or not.",
)
