"""Flags of items against faults that were planted: found, missed, and sound items accused."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import pytest

from qbank.postgres import connect
from tests.dbt.conftest import Dbt
from tests.dbt.planted_bank import CONTROLLED_FROM, FAULTS, TAU, plant
from tests.dbt.writing import Bank, days_ago

SEEDS = (1, 2, 3)


@pytest.fixture(scope="module")
def judged(clone_database, manifest, dbt_work) -> Iterator[pd.DataFrame]:
    """An exam a seed, all judged by one build: a row an item, with its planted fault."""
    with clone_database("empty") as settings:
        with connect(settings=settings, autocommit=True) as owner:
            planted = {f"exam-{seed}": plant(Bank(owner), f"exam-{seed}", seed) for seed in SEEDS}
            Dbt(settings, manifest, dbt_work).models("+item_health", as_of=str(days_ago(0)))
            found = owner.execute(
                """SELECT exam_code, question_id, flags, flag_count, severity, what_to_do, drift,
                    drift_se, drift_responses, drifted_q, p_value_shift_z, exposure_rate_lower,
                    observed_exposure_rate, observed_sessions FROM analytics.item_health"""
            )
            health = pd.DataFrame(found.fetchall(), columns=[c.name for c in found.description])
        truth = pd.concat(
            pd.DataFrame({"exam_code": exam, "question_id": p.questions, "fault": p.faults})
            for exam, p in planted.items()
        )
        yield truth.merge(health, on=["exam_code", "question_id"], validate="one_to_one")


@pytest.mark.slow
def test_planted_faults_are_found_and_sound_items_left_alone(judged: pd.DataFrame) -> None:
    sound = judged[judged["fault"] == ""]
    accused = sound["flag_count"] > 0
    lines = [f"{'fault':16}{'planted':>8}{'found':>7}{'missed':>8}"]
    found = 0
    for fault in FAULTS:
        of_kind = judged[judged["fault"] == fault]
        raised = of_kind["flags"].map(lambda flags, f=fault: f.capitalize() in flags)
        found += int(raised.sum())
        lines.append(f"{fault:16}{len(of_kind):8}{raised.sum():7}{(~raised).sum():8}")
    lines.append(f"sound items: {len(sound)}, falsely flagged: {accused.sum()}")
    print("\n".join(lines))
    assert found >= 0.95 * (judged["fault"] != "").sum(), "\n".join(lines)
    assert accused.mean() <= 0.05, "\n".join(lines)


@pytest.mark.slow
def test_a_new_cohort_and_days_without_control_accuse_nobody(judged: pd.DataFrame) -> None:
    """What flags were once raised by, on the same data: raw shares that move, uncontrolled days."""
    sound = judged[judged["fault"] == ""]
    assert (sound["p_value_shift_z"].abs() > 3).mean() > 0.2
    assert (sound["exposure_rate_lower"] > TAU).sum() > len(SEEDS)
    for flag in ("Drifted", "Over-exposed"):
        assert sound["flags"].map(lambda flags, f=flag: f in flags).mean() <= 0.02, flag
    assert (judged["observed_sessions"] == 900).all(), f"all days since {CONTROLLED_FROM} ago"


@pytest.mark.slow
def test_residuals_of_sound_items_are_standard_normal(judged: pd.DataFrame) -> None:
    """So that q means what it says: neither too bold nor too shy, whatever the cohort."""
    sound = judged[(judged["fault"] == "") & (judged["drift_responses"] >= 100)]
    z = sound["drift"] / sound["drift_se"]
    assert abs(z.mean()) < 0.5
    assert 0.8 < z.std() < 1.4


@pytest.mark.slow
def test_flags_say_how_urgent_they_are_and_what_to_do(judged: pd.DataFrame) -> None:
    for fault, severity in zip(
        FAULTS, ("act today", "act today", "look this week", "look this week"), strict=True
    ):
        raised = judged[judged["flags"].map(lambda flags, f=fault: flags[:1] == [f.capitalize()])]
        assert len(raised) > 0, fault
        assert set(raised["severity"]) == {severity}
        assert raised["what_to_do"].nunique() == 1
    silent = judged[judged["flags"].map(len) == 0]
    assert silent["severity"].isna().all()
    assert silent["what_to_do"].isna().all()
