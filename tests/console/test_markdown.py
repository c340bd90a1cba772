"""What people wrote is shown as they wrote it."""

from __future__ import annotations

import pytest

from qbank_console.views.markdown import in_line, plain_directives


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("the ratio a:red[b]", r"the ratio a\:red[b]"),
        (":material/bolt: and :smile:", r"\:material/bolt: and \:smile:"),
        ("at 10:30, ratio 1:2, then: stop", "at 10:30, ratio 1:2, then: stop"),
        (r"$\frac{a}{b}$ **bold**", r"$\frac{a}{b}$ **bold**"),
    ],
)
def test_streamlits_own_directives_are_text(text: str, shown: str) -> None:
    assert plain_directives(text) == shown


def test_a_label_is_one_line() -> None:
    assert in_line("two\n\n  lines") == "two lines"
