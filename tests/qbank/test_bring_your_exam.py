"""The newcomer's page: its files are written, its commands run, and they say what it says."""

from __future__ import annotations

import re
import shlex

from qbank.project_files import checkout

PAGE = checkout() / "docs" / "core" / "bring-your-exam.md"
_FILE = re.compile(r"^`(?P<name>[\w.-]+)`:\n\n```csv\n(?P<text>.*?)^```", re.S | re.M)
_SHOWN = re.compile(r"^```console\n(?P<text>.*?)^```", re.S | re.M)


def _steps(page):
    """Files and commands in the order of the page: (name, text) or (words, lines that are said)."""
    found = sorted([*_FILE.finditer(page), *_SHOWN.finditer(page)], key=lambda match: match.start())
    for match in found:
        if "name" in match.groupdict():
            yield match["name"], match["text"]
            continue
        for step in match["text"].split("$ qbank ")[1:]:
            words, *said = step.splitlines()
            yield shlex.split(words), said


def test_a_newcomer_s_page_does_what_it_says(command, tmp_path):
    commands = 0
    for what, then in _steps(PAGE.read_text()):
        if isinstance(what, str):
            (tmp_path / what).write_text(then)
            continue
        done = command(*what)
        commands += 1
        heard = done.out + done.err
        for line in then:
            assert line in heard, f"qbank {' '.join(what)}:\n{heard}"
        assert (done.code == 0) is not any(line.startswith("qbank: ") for line in then)
    assert commands > 8
