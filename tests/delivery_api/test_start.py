"""What a worker imports before it serves: each costs processor time at every start."""

from __future__ import annotations

import subprocess
import sys

# of these, none serves a request
NOT_FOR_SERVING = (
    "dagster",
    "dbt",
    "great_expectations",
    "opentelemetry.exporter",
    "opentelemetry.sdk",
    "pandas",
    "polars",
    "pyarrow",
    "scipy.linalg",
    "scipy.optimize",
    "scipy.sparse",
    "scipy.spatial",
    "scipy.stats",
    "streamlit",
)
MOST_MODULES = 1550


def test_a_worker_imports_what_it_serves_with():
    code = "import sys, delivery_api.app; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported = done.stdout.split()
    assert "delivery_api.app" in imported
    assert [name for name in NOT_FOR_SERVING if name in imported] == []
    assert len(imported) <= MOST_MODULES
