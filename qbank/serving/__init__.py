"""Runs the platform's long-lived programs together on one machine.

What never lives here: the programs. They are started as processes, never imported.
"""

from qbank.serving.environment import dagster_environment, withdraw_daemon
from qbank.serving.services import Service, available_services, missing_services
from qbank.serving.supervisor import Supervisor

__all__ = [
    "Service",
    "Supervisor",
    "available_services",
    "dagster_environment",
    "missing_services",
    "withdraw_daemon",
]
