"""The Dagster instance that Dagit shows, for work in this process.

What never lives here: what runs on it, and how its home is made (``qbank.serving``).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from qbank.serving import dagster_environment

if TYPE_CHECKING:
    from dagster import DagsterInstance


@contextmanager
def instance() -> Iterator[DagsterInstance]:
    """Opens the instance; the environment of this process names it from then on.

    Raises:
        QbankError: ``deploy/dagster/dagster.yaml`` is missing from the project folder.
    """
    os.environ.update(dagster_environment())
    import dagster as dg

    with dg.DagsterInstance.get() as opened:
        yield opened
