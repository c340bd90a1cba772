"""One migrated database for the tests of publication, each in a transaction of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.orchestration.audits.bank import bank

__all__ = ["bank", "database"]


@pytest.fixture(scope="module")
def database(clone_database) -> Iterator[None]:
    with clone_database("empty"):
        yield
