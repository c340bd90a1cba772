"""Runs of real jobs on a real instance, in this process."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from qbank.settings import Settings
from qbank_orchestration.instance import instance
from qbank_orchestration.running import Runner
from tests.orchestration.planted import Planted, plant


@pytest.fixture
def algebra(settings: Settings) -> Planted:
    """One small exam in an otherwise empty database."""
    return plant("algebra")


@pytest.fixture
def runner(settings: Settings) -> Iterator[Runner]:
    """Executes jobs in this process."""
    with instance() as opened:
        yield Runner(opened)


@pytest.fixture
def today() -> date:
    """The UTC day."""
    return datetime.now(UTC).date()
