from __future__ import annotations

from pathlib import Path

import pytest

from tests.looker.lookml.project import Project, read_project


def pytest_configure(config: pytest.Config) -> None:
    # as a plugin, the marts are one fixture for this room and for tests/metabase
    config.pluginmanager.import_plugin("tests.looker.marts")


@pytest.fixture(scope="session")
def project() -> Project:
    return read_project(Path(__file__).resolve().parents[2] / "looker")
