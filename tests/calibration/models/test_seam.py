"""A new model is its own module and its registration: nothing else in the package knows models."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import numpy as np
import pytest

import calibration as cal
from calibration import models
from calibration.models.twopl import TwoParameterLogistic
from tests.calibration.irt import planted

PACKAGE = Path(cal.__file__).parent
PAGE = PACKAGE.parent / "docs" / "calibration" / "models.md"
# the model of items for which nobody names one
DEFAULTS = {"bank.py": {"2pl", "3pl"}, "irt/fit.py": {"2pl"}}


def names_of_models(source: str) -> set[str]:
    constants = (
        node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)
    )
    return {value for value in constants if isinstance(value, str) and value in models.MODELS}


def test_no_other_module_names_a_model():
    named = {
        path.relative_to(PACKAGE).as_posix(): names_of_models(path.read_text())
        for path in PACKAGE.rglob("*.py")
        if path.parent.name != "models"
    }
    assert {path: found for path, found in named.items() if found} == DEFAULTS


def test_models_do_not_know_each_other():
    """Within the room a name stands in its own module alone."""
    for path in (PACKAGE / "models").glob("*.py"):
        assert len(names_of_models(path.read_text())) <= 1, path


def test_a_registered_model_is_fitted_scored_and_simulated(monkeypatch):
    class Steep(TwoParameterLogistic):
        name = "steep"
        title = "steep"
        min_n = 17

        def start(self, slope, difficulty, answers, width):
            return super().start(2 * slope, difficulty, answers, width)

    monkeypatch.setitem(models.MODELS, "steep", Steep())
    data = planted.draw(3, 800, 10)
    usual = cal.fit(*data.responses, model="2pl")
    found = cal.fit(*data.responses, model="steep")
    assert found.model == ("steep",) * 10
    assert found.flags == usual.flags
    np.testing.assert_allclose(found.a, usual.a, atol=1e-3)
    assert cal.fit([0] * 10, np.arange(10), [1] * 10, model="steep").flags[0][0] == "below_min_n"
    score = cal.eap(found.bank(), *data.responses)
    np.testing.assert_allclose(score.theta, cal.eap(usual.bank(), *data.responses).theta, atol=1e-3)
    assert cal.simulate(found.bank(), "normal(0,1)", 5, seed=1, n=50).examinees == 50


def test_the_page_has_every_model():
    rows = re.findall(
        r"^\| (.+?) \| `(\w+)` \| (.+?) \| (\d+) \| (.+?) \|$", PAGE.read_text(), re.M
    )
    listed = {name: (title, int(min_n), shown) for title, name, _, min_n, shown in rows}
    assert listed == {
        name: (model.title, model.min_n, "right, wrong" if model.dichotomous else "0 … K − 1")
        for name, model in models.MODELS.items()
    }
    with_c = {name for _, name, parameters, _, _ in rows if ", c" in parameters}
    assert with_c == {name for name, model in models.MODELS.items() if model.has_asymptote}
    common = {name for _, name, parameters, _, _ in rows if "one a for all" in parameters}
    assert common == {name for name, model in models.MODELS.items() if model.common_slope}


@pytest.mark.parametrize("name", list(models.MODELS))
def test_natural_and_working_parameters_are_inverse(name):
    model = models.named(name.upper())
    categories = np.full(3, 2 if model.dichotomous else 4)
    natural, _ = model.expected(cal.default_priors(1.7), 1.7, categories, 4)
    back = model.to_natural(model.from_natural(natural, 1.7), categories, 1.7)
    np.testing.assert_allclose(back, natural, rtol=1e-12)
