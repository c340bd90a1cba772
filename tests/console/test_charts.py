"""Every chart is valid Vega-Lite and names its axes."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import qbank_console
from qbank_console import theme
from qbank_console.charts import experiment, exposure, figures, items, rules, topics

SHARES = {"share": [0.2, 0.4], "lower": [0.1, 0.3], "upper": [0.3, 0.5]}
DAYS = pd.to_datetime(["2026-11-01", "2026-11-08"])
CHARTS: dict[str, Callable[[], Any]] = {
    "characteristic_curve": lambda: items.characteristic_curve(
        pd.DataFrame({"theta": [-1.0, 1.0], "share": [0.2, 0.8]}),
        pd.DataFrame({"theta": [-1.0, 1.0], "answers": [20, 30], **SHARES}),
    ),
    "option_shares": lambda: items.option_shares(
        pd.DataFrame({"option": ["A", "B"], "share": [0.6, 0.4], "role": ["key", "distractor"]})
    ),
    "option_traces": lambda: items.option_traces(
        pd.DataFrame(
            {"theta": [0, 1], "option": ["A", "B"], "share": [0.6, 0.4], "answers": [9, 9]}
        ),
        ["A", "B"],
    ),
    "exposure_over_time": lambda: items.exposure_over_time(
        pd.DataFrame({"week": DAYS, "served": [1, 2], "sessions": [5, 5], **SHARES}), 0.2
    ),
    "control_over_time": lambda: items.control_over_time(
        pd.DataFrame({"day": DAYS, "sh_p": [1.0, 0.4]})
    ),
    "parameter_history": lambda: items.parameter_history(
        pd.DataFrame({"at": DAYS, "estimate": [1.0, 1.1], "by": ["x", "x"]}).assign(
            lower=0.9, upper=1.2
        ),
        "a",
    ),
    "rates_by_rank": lambda: exposure.rates_by_rank(
        pd.DataFrame(
            {
                "rank": [1, 2],
                "item": ["a", "b"],
                "topic": ["t", "t"],
                "served": [4, 2],
                "standing": ["over τ", "below τ"],
                **SHARES,
            }
        ),
        0.2,
    ),
    "highest_by_day": lambda: exposure.highest_by_day(
        pd.DataFrame({"day": DAYS, "share": [0.5, 0.4], "sessions": [10, 12]}), 0.2
    ),
    "convergence": lambda: exposure.convergence(
        pd.DataFrame(
            {"iter": [1, 2], "max_exp": [0.9, 0.3], "overlap": [0.4, 0.2], "rmse": [0.3, 0.31]}
        ),
        0.2,
    ),
    "price": lambda: exposure.price(
        pd.DataFrame({"iter": [1, 2], "overlap": [0.4, 0.2], "rmse": [0.3, 0.31]})
    ),
    "before_and_after": lambda: exposure.before_and_after(
        pd.DataFrame({"item": ["a"], "before": [1.0], "after": [0.4], "delta": [-0.6]})
    ),
    "conditional_error": lambda: exposure.conditional_error(
        pd.DataFrame({"stratum": ["low"], "order": [0], "se": [0.3], "with": ["with control"]})
    ),
    "target_against_share": lambda: topics.target_against_share(
        pd.DataFrame({"topic": ["t"], "share": [0.3], "administered": [0.2], "target": [0.5]})
    ),
    "mastery_spread": lambda: topics.mastery_spread(
        pd.DataFrame(
            {"topic": ["t"], "median": [0.5], "p25": [0.4], "p75": [0.6], "students": [9]}
        ).assign(attempts=90)
    ),
    "mastery_of_student": lambda: topics.mastery_of_student(
        pd.DataFrame(
            {"topic": ["t"], "mastery": [0.5], "lower": [0.4], "upper": [0.6], "accuracy": [0.7]}
        ).assign(attempts=9)
    ),
    "responses_by_day": lambda: topics.responses_by_day(
        pd.DataFrame(
            {"day": DAYS, "responses": [5, 6], "active_users": [1, 2], "accuracy": [0.5, 0.6]}
        )
    ),
    "cohort_estimates": lambda: experiment.cohort_estimates(
        pd.DataFrame({"cohort": ["a"], "estimate": [0.2], "sessions": [9]}).assign(
            lower=0.1, upper=0.3
        ),
        ["a"],
        "Test overlap",
        ".1%",
    ),
    "price_and_use": lambda: rules.price_and_use(
        pd.DataFrame(
            {"name": ["a"], "standing": ["in use"], "rmse": [0.3], "overlap": [0.2]}
        ).assign(unused=0.1, max_exposure=0.2)
    ),
}


def titles(spec: Any) -> list[str]:
    """Titles of all axes in a specification."""
    if isinstance(spec, list):
        return [title for part in spec for title in titles(part)]
    if not isinstance(spec, dict):
        return []
    own = [spec[axis]["title"] for axis in ("x", "y") if spec.get(axis, {}).get("title")]
    return own + [title for part in spec.values() for title in titles(part)]


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_is_valid_and_names_an_axis(name: str) -> None:
    theme.use()
    spec = CHARTS[name]().to_dict()  # validates against the schema
    assert titles(spec)
    assert spec["config"]["axis"]["titleColor"] == theme.LIGHT.ink


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_tells_its_figures(name: str) -> None:
    drawn = CHARTS[name]()
    tables, texts = figures.figures(drawn), figures.texts(drawn)
    assert tables
    assert [list(table) for table in tables] == [list(table) for table in texts]
    assert all(value for table in texts for value in table.to_numpy().ravel())


def test_figures_are_read_as_tooltips_show_them() -> None:
    days = pd.DataFrame({"day": DAYS, "share": [0.5, None], "sessions": [1000, 12]})
    (shown,) = figures.texts(exposure.highest_by_day(days, 0.2))
    assert shown.to_dict("list") == {
        "day": ["1 Nov 2026", "8 Nov 2026"],
        "highest rate": ["50.0%", "–"],
        "quizzes ended": ["1,000", "12"],
    }
    (exact,) = figures.figures(exposure.highest_by_day(days, 0.2))
    assert exact["highest rate"].tolist()[0] == 0.5


def _luminance(colour: str) -> float:
    """Relative luminance, by WCAG 2.2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    brighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("ours", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
def test_text_and_marks_of_charts_stand_out(ours: theme.Palette) -> None:
    for text in (ours.ink, ours.muted, ours.limit):
        assert contrast(text, ours.background) >= 4.5, text
    marks = [ours.primary, ours.primary_soft, ours.caution, ours.compared, ours.faint]
    for mark in [*marks, *ours.categories]:
        assert contrast(mark, ours.background) >= 3, mark


def widget_colours() -> dict[str, Any]:
    config = Path(qbank_console.__file__).parent / ".streamlit" / "config.toml"
    return dict(tomllib.loads(config.read_text())["theme"])


def mixed(text: str, background: str, share: float) -> str:
    """The colour of text of that opacity."""
    pairs = [(int(text[at : at + 2], 16), int(background[at : at + 2], 16)) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(share * a + (1 - share) * b):02x}" for a, b in pairs)


@pytest.mark.parametrize("name", ["light", "dark"])
def test_captions_and_links_stand_out_in_the_page_and_beside_it(name: str) -> None:
    """Also where no page of the browser's tests shows them: a folded navigation, thinned text."""
    ours = widget_colours()[name]
    for part in (ours, ours["sidebar"]):
        for background in (part["backgroundColor"], part["secondaryBackgroundColor"]):
            caption = mixed(ours["textColor"], background, 0.6)
            assert contrast(caption, background) >= 4.5, background
            assert contrast(ours["linkColor"], background) >= 4.5, background


def test_charts_and_widgets_have_the_same_colours() -> None:
    widgets = widget_colours()
    for name, ours in (("light", theme.LIGHT), ("dark", theme.DARK)):
        assert widgets[name]["backgroundColor"] == ours.background
        assert widgets[name]["textColor"] == ours.ink
        assert widgets[name]["grayTextColor"] == ours.muted
        assert widgets[name]["chartCategoricalColors"] == ours.categories[:6]


def test_no_module_of_charts_is_left_out() -> None:
    ours = {
        name
        for module in (experiment, exposure, items, rules, topics)
        for name, thing in vars(module).items()
        if callable(thing) and getattr(thing, "__module__", "") == module.__name__
    }
    assert ours == set(CHARTS)
