"""Groups of like ability: what is counted, what is left out."""

from __future__ import annotations

import pandas as pd
import pytest

from qbank_console.views.analyst.item_evidence import choices_by_ability, correct_by_ability

ANSWERS = pd.DataFrame(
    [
        # theta_from, option, correct, answers, sum of theta
        (-0.5, "A", True, 6, -1.8),
        (-0.5, "B", False, 14, -4.2),
        (0.0, "A", True, 12, 3.0),
        (2.0, "A", True, 9, 20.0),  # too few to say anything
    ],
    columns=["theta_from", "option_label", "is_correct", "answers", "theta_sum"],
)


def test_shares_correct_with_wilson_intervals() -> None:
    groups = correct_by_ability(ANSWERS)
    assert groups["answers"].tolist() == [20, 12]
    assert groups["theta"].tolist() == pytest.approx([-0.3, 0.25])
    assert groups["share"].tolist() == pytest.approx([0.3, 1.0])
    # Wilson (1927): 6 of 20 and 12 of 12 at 95 %
    assert groups["lower"].tolist() == pytest.approx([0.1455, 0.7575], abs=1e-4)
    assert groups["upper"].tolist() == pytest.approx([0.5190, 1.0], abs=1e-4)


def test_an_option_that_a_group_leaves_out_has_a_share_of_zero() -> None:
    traces = choices_by_ability(ANSWERS).set_index(["theta", "option"])["share"]
    assert traces.groupby("theta").sum().tolist() == pytest.approx([1.0, 1.0])
    assert traces.loc[(0.25, "B")] == 0
    assert traces.loc[(-0.3, "B")] == pytest.approx(0.7)


def test_answers_without_a_recorded_option_are_no_option() -> None:
    imported = ANSWERS.assign(option_label=None)
    assert choices_by_ability(imported).empty
    assert len(correct_by_ability(imported)) == 2
