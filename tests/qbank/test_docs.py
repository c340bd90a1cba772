"""Every command that a page names is one that can be typed, options and all."""

from __future__ import annotations

import re
import shlex

import pytest

from qbank.cli.commands import tree
from qbank.project_files import checkout

ROOT = checkout()
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "deploy/**/*.md")
    for path in ROOT.glob(pattern)
    if path.name != "CHANGELOG.md"
)
_CODE = re.compile(
    r"```[a-z]*\n(?P<fenced>.*?)```|`(?P<span>[^`\n]+)`|^(?P<indented>(?: {4}[^\n]*\n)+)",
    re.S | re.M,
)
_START = r"(?:^|[;&|(]|/)\s*(?:\w+=\S+\s+)*(?P<typed>(?:{})\s+[a-z].*)$"


def _commands(page, program):
    """The commands of a program in the code of a page: one a line of a block, or a span."""
    start = re.compile(_START.format(program))
    for code in _CODE.finditer(page.read_text()):
        for line in code[code.lastgroup].replace("\\\n", " ").splitlines():
            if found := start.search(line.partition(" # ")[0]):
                yield from (
                    part.strip() for part in re.split(r"&&|\|", found["typed"]) if program in part
                )


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_commands_of_a_page_can_be_typed(page):
    for text in _commands(page, "qbank"):
        words = shlex.split(text.replace("…", ""))[1:]
        command = tree()
        while words and hasattr(command, "list_commands"):
            assert words[0] in command.list_commands(None), f"{text}: no {words[0]!r}"
            command, words = command.get_command(None, words[0]), words[1:]
        if command.context_settings.get("allow_extra_args"):
            continue  # the rest is another program's
        known = {option for param in command.params for option in param.opts}
        unknown = {word.partition("=")[0] for word in words if word.startswith("--")} - known
        assert not unknown, f"{text}: no {unknown}"
        takes = sum(param.param_type_name == "argument" for param in command.params)
        given = words.index(first) if (first := next(_options(words), None)) else len(words)
        assert given <= takes, f"{text}: takes {takes} arguments"


def _options(words):
    return (word for word in words if word.startswith("-"))


def test_targets_of_the_pages_are_in_the_makefile():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    named = {text.split()[1] for page in PAGES for text in _commands(page, "make")}
    assert len(named) > 5
    assert named <= targets
