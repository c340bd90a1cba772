"""The sink: events out of Kafka into ClickHouse, each once for whoever reads ``events_once``.

Offsets are committed after the insert alone: killed at any moment it inserts some again, and of
equal events one is kept. What never lives here: how events come to Kafka (``qbank.relay``).
"""

from qbank.sinking.clickhouse import ClickHouse, UnreachableError
from qbank.sinking.comparing import Compared, compare
from qbank.sinking.consuming import Consuming
from qbank.sinking.settings import ClickHouseSettings

__all__ = [
    "ClickHouse",
    "ClickHouseSettings",
    "Compared",
    "Consuming",
    "UnreachableError",
    "compare",
]
