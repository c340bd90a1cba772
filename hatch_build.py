"""Puts `workspace.yaml` beside the folders that `pyproject.toml` maps into the wheel."""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class SingleFiles(BuildHookInterface):
    """Adds them to real wheels alone: an editable install reads the checkout's own."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Hatchling's hook."""
        if version == "standard":
            build_data["force_include"]["workspace.yaml"] = "qbank/_project/workspace.yaml"
