"""Templates that are kept compiled say what they say when they are compiled."""

from __future__ import annotations

import marshal
from argparse import Namespace
from pathlib import Path

import pytest
from dbt.flags import get_flags, set_from_args
from dbt_common.clients.jinja import MacroFuzzEnvironment, get_template

from qbank_orchestration import dbt_templates

SOURCES = (
    "select {{ n + 1 }}",
    "{% for i in [n, n] %}{% if not loop.first %} and {% endif %}{{ i }}{% endfor %}",
)


@pytest.fixture(autouse=True)
def flags(tmp_path):
    """Of a dbt command whose target folder is the test's."""
    before = get_flags()
    set_from_args(Namespace(TARGET_PATH=str(tmp_path), MACRO_DEBUGGING=False), {})
    yield
    set_from_args(before, {})


@pytest.fixture
def compiled(monkeypatch) -> list[str]:
    """The sources that were compiled, as they come."""
    seen: list[str] = []
    parse = MacroFuzzEnvironment._parse

    def parsed(self, source, *rest):
        seen.append(source)
        return parse(self, source, *rest)

    monkeypatch.setattr(MacroFuzzEnvironment, "_parse", parsed)
    return seen


def command(*sources: str, native: bool = False) -> list[object]:
    """What the templates of one dbt command give."""
    with dbt_templates.kept():
        return [get_template(source, {}, native=native).render({"n": 1}) for source in sources]


def test_the_next_command_compiles_nothing_and_says_the_same(compiled):
    first = command(*SOURCES)
    assert compiled == list(SOURCES)
    assert command(*SOURCES) == first == ["select 2", "1 and 1"]
    assert compiled == list(SOURCES)


def test_what_was_edited_is_compiled_and_the_others_stay(compiled):
    command(*SOURCES)
    assert command("select {{ n + 2 }}") == ["select 3"]
    compiled.clear()
    command(*SOURCES, "select {{ n + 2 }}")
    assert compiled == []


def test_a_native_template_is_another_one(compiled):
    assert command("{{ n }}") == ["1"]
    assert command("{{ n }}", native=True) == [1]
    assert command("{{ n }}") == ["1"]
    assert len(compiled) == 2


@pytest.mark.parametrize("torn", [b"", b"nothing of the kind", marshal.dumps(("another", {}))])
def test_a_file_that_is_torn_or_of_another_version_is_made_anew(torn, compiled, tmp_path: Path):
    command(*SOURCES)
    (tmp_path / dbt_templates.NAME).write_bytes(torn)
    command(*SOURCES)
    assert len(compiled) == 2 * len(SOURCES)
    command(*SOURCES)
    assert len(compiled) == 2 * len(SOURCES)
    assert [file.name for file in tmp_path.iterdir()] == [dbt_templates.NAME]


def test_the_file_stays_bounded(compiled, monkeypatch):
    monkeypatch.setattr(dbt_templates, "MOST", 2)
    command(*SOURCES)
    command("a third one")
    compiled.clear()
    command("a third one", *SOURCES)
    assert compiled == list(SOURCES)


def test_without_a_place_for_it_nothing_is_kept(compiled, tmp_path: Path):
    (tmp_path / dbt_templates.NAME).mkdir()
    assert command(*SOURCES) == command(*SOURCES) == ["select 2", "1 and 1"]
    assert len(compiled) == 2 * len(SOURCES)


def test_a_command_that_fails_keeps_what_it_compiled(compiled):
    with pytest.raises(ZeroDivisionError):
        command(SOURCES[0], "{{ n / 0 }}")
    compiled.clear()
    command(SOURCES[0])
    assert compiled == []
