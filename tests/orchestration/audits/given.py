"""The database that the environment names, for runs of the tests that make none."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def database() -> None:
    """Is there already."""
