"""Alerts: what reaches a person, and by which ways.

An alert is made from facts, its text is cleaned of secrets, it waits in an outbox, and each way
(Slack, mail, webhook) takes it or says why not. What never lives here: finding out what failed
(``qbank_orchestration.alerting``), and Dagster.
"""

from qbank.alerts.delivery import Outcome, deliver
from qbank.alerts.message import Alert, Message
from qbank.alerts.outbox import Outbox
from qbank.alerts.settings import AlertSettings
from qbank.alerts.sinks import DeliveryError, Sink, configured_sinks

__all__ = [
    "Alert",
    "AlertSettings",
    "DeliveryError",
    "Message",
    "Outbox",
    "Outcome",
    "Sink",
    "configured_sinks",
    "deliver",
]
