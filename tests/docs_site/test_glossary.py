"""The glossary has the words that pages take for granted, in order, with a place to read on."""

from __future__ import annotations

import re

from docs_site.links import ROOT

ROWS = [
    tuple(cell.strip() for cell in line.strip("|").split(" | "))
    for line in (ROOT / "docs" / "glossary.md").read_text().splitlines()
    if line.startswith("| ") and not line.startswith("| term ")
]
WORDS = {word for term, *_ in ROWS for word in re.split(r", | \(", term)}


def test_each_row_says_what_a_thing_is_and_where_to_read_on():
    for term, meaning, more in ROWS:
        assert meaning.endswith("."), term
        assert re.fullmatch(r"\[[^\]]+\]\([^)]+\.md(#[\w-]+)?\)", more.rstrip(" |")), term


def test_words_are_found_where_they_are_looked_for():
    first = [term.partition(",")[0].replace("τ", "tau").lower() for term, *_ in ROWS]
    order = [re.sub(r"[^a-z]", "", word) for word in first]
    assert order == sorted(order)


def test_the_words_of_exposure_and_estimation_are_there():
    assert len(ROWS) > 40
    wanted = {"a", "b", "c", "D", "K", "sh_p", "τ", "item", "form", "sitting", "anchor", "cohort"}
    wanted |= {"blueprint", "exposure rate", "proposal", "publication", "Sympson–Hetter", "θ"}
    assert wanted <= WORDS
