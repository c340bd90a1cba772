from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    # the marts on the demo data are built once for every room that reads them
    config.pluginmanager.import_plugin("tests.looker.marts")
