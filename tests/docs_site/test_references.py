"""The references that are made of code leave nothing out."""

from __future__ import annotations

import re

import pytest

import calibration
from docs_site import commands, http_api, library, settings
from docs_site.links import ROOT
from qbank.settings import SettingsGroup


def test_commands_of_every_room_are_there():
    found = dict(commands.walk())
    for command in (
        "qbank nightly",
        "qbank metabase push",
        "qbank db psql",
        "qbank import responses",
    ):
        assert command in found


def test_every_command_and_option_is_on_the_page():
    page = commands.markdown()
    for path, command in commands.walk():
        if path == "qbank":
            continue
        section = re.search(rf"^#+ {re.escape(path)}\n(.*?)(?=^#|\Z)", page, re.M | re.S)
        assert section, path
        assert command.help, f"{path} has no help"
        for param in command.params:
            for option in param.opts if param.param_type_name == "option" else ():
                assert f"`{option}`" in section[1], f"{path} {option}"


def test_every_class_of_settings_is_on_the_page():
    declared = {
        name
        for path in ROOT.glob("*/**/*.py")
        if path.relative_to(ROOT).parts[0] in settings.PACKAGES
        for name in re.findall(r"^class (\w+)\(SettingsGroup\)", path.read_text(), re.M)
    }
    assert {group.__name__ for group in settings.groups()} == declared
    assert SettingsGroup not in settings.groups()


def test_the_docstring_of_a_class_says_what_each_of_its_settings_means():
    for group in settings.groups():
        said = settings.meanings(group)
        assert said.keys() == group.model_fields.keys(), group
        assert all(said.values()), group


def test_every_variable_of_the_example_is_a_setting():
    known = {
        settings.variable(group, name) for group in settings.groups() for name in group.model_fields
    }
    named = set(re.findall(r"^# (QBANK_\w+)=", (ROOT / ".env.example").read_text(), re.M))
    assert named
    assert named <= known


def test_nothing_of_this_machine_is_on_the_page(monkeypatch: pytest.MonkeyPatch):
    before = settings.markdown()
    monkeypatch.setenv("QBANK_API_PORT", "4711")
    monkeypatch.setenv("QBANK_JWT_SECRET", "a-secret-of-this-machine")
    assert settings.markdown() == before
    assert str(ROOT) not in before


def test_every_public_name_of_the_library_is_on_the_page():
    shown = re.findall(r"^::: calibration\.(\w+)$", library.markdown(), re.M)
    assert sorted(shown) == sorted(calibration.__all__)


def test_every_operation_and_schema_is_on_the_page():
    page = http_api.markdown()
    operations = [f"### {method} {path}" for method, path, _ in http_api.operations()]
    assert len(operations) > 40
    schemas = [f"### {name}" for name in http_api.document()["components"]["schemas"]]
    headings = [line for line in page.splitlines() if line.startswith("### ")]
    assert sorted(headings) == sorted(operations + schemas)
