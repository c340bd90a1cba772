"""The recipes for everyday changes name files that are there, and what is in them."""

from __future__ import annotations

import re

from docs_site.links import ROOT

PAGE = (ROOT / "docs" / "how-to-add.md").read_text()
RECIPES = re.split(r"^## ", PAGE, flags=re.M)[1:]
_FILE = re.compile(r"`([\w.]+(?:/[\w.]+)+/?|\w+\.toml)`")


def test_there_are_ten_recipes():
    titles = [recipe.partition("\n")[0] for recipe in RECIPES]
    assert len(titles) == 10
    assert all(title.startswith(("A ", "An ")) for title in titles)


def test_every_file_that_a_recipe_names_exists():
    for recipe in RECIPES:
        named = _FILE.findall(recipe)
        assert named, recipe
        assert [name for name in named if not (ROOT / name).exists()] == []


def test_what_is_to_be_extended_is_in_the_file_beside_it():
    for name, file in (
        ("NOT_SHOWN", "tests/looker/test_postgres.py"),
        ("Rule = Literal", "qbank/vocabulary.py"),
        ("Model = Literal", "qbank/vocabulary.py"),
        ("MODELS", "calibration/models/__init__.py"),
        ("ENTRIES", "qbank_console/navigation.py"),
        ("CHECKS", "qbank_orchestration/checks/freshness.py"),
        ("flag_count", "dbt_qbank/models/marts/items/item_health.sql"),
        ("Cron", "qbank/settings.py"),
        ("qbank.commands", "pyproject.toml"),
    ):
        assert name.split(" ")[0] in PAGE
        assert file in PAGE or file == "qbank/settings.py"
        assert name in (ROOT / file).read_text(), f"{file} has no {name}"


def test_a_flag_is_named_in_every_file_of_its_recipe():
    """The change with the most files: the newest of its kind is in each of them."""
    (recipe,) = (recipe for recipe in RECIPES if recipe.startswith("A flag"))
    bound = "dbt_qbank/dbt_project.yml"
    for file in set(_FILE.findall(recipe)) - {bound}:
        assert "is_too_hard" in (ROOT / file).read_text(), file
    assert "flag_hard_p_value" in (ROOT / bound).read_text()
