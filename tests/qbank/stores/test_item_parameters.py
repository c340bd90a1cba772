"""Item parameters are published and read with the D that they belong to."""

from __future__ import annotations

import numpy as np
import pytest

import calibration as cal
from qbank.stores import item_bank, item_parameters
from qbank.stores.item_parameters import ItemParameters
from tests.qbank.stores.conftest import EXAM


def parameters(question: int, a: float, constant: float) -> ItemParameters:
    return ItemParameters(question, 1, a, 0.5, 0.0, 0.1, 0.1, None, 300, constant, converged=True)


def test_the_same_curves_under_two_constants_are_one_bank(conn, items):
    item_parameters.publish(
        conn, EXAM, "2pl", [parameters(q, 1.0, 1.7) for q in items], run_id=None
    )
    first = item_bank.load(conn, EXAM)
    half = [parameters(q, 1.0, 1.7) for q in items[:2]] + [
        parameters(q, 1.7, 1.0) for q in items[2:]
    ]
    assert item_parameters.publish(conn, EXAM, "2pl", half, run_id=None) == 2
    second = item_bank.load(conn, EXAM)
    assert second.scaling_constant.tolist() == [1.7, 1.7, 1.0, 1.0]
    assert [row.scaling_constant for row in item_parameters.in_force(conn, EXAM, "2pl")] == [
        1.7, 1.7, 1.0, 1.0,
    ]  # fmt: skip
    assert second.fingerprint() == first.fingerprint()
    bank = cal.ItemBank(second.a, second.b, second.c, D=second.scaling_constant)
    assert bank.D == 1.7
    np.testing.assert_allclose(bank.a, 1.0, rtol=1e-15)
    np.testing.assert_allclose(bank.on_metric(1.0).rows, bank.rows, rtol=1e-15)


def test_a_constant_must_be_positive(conn, items):
    with pytest.raises(item_parameters.InvalidValueError, match="scaling_constant"):
        item_parameters.publish(conn, EXAM, "2pl", [parameters(items[0], 1.0, 0.0)], run_id=None)


def test_what_was_published_before_the_column_is_of_the_normal_metric(conn, items):
    conn.execute(
        "INSERT INTO item_calibration (exam_code, question_id, version, model, a, b, n_respondents,"
        " converged) VALUES (%s, %s, 1, '2pl', 1, 0, 300, true)",
        (EXAM, items[0]),
    )
    assert item_parameters.in_force(conn, EXAM, "2pl")[0].scaling_constant == 1.7


def test_a_lower_asymptote_is_of_the_3pl_alone(conn, items):
    guessed = ItemParameters(items[0], 1, 1.0, 0.5, 0.2, 0.1, 0.1, 0.05, 300, converged=True)
    with conn.transaction(force_rollback=True):
        item_parameters.publish(conn, EXAM, "3pl", [guessed], run_id=None)
    with pytest.raises(item_parameters.InvalidValueError, match="asymptote_of_model"):
        item_parameters.publish(conn, EXAM, "2pl", [guessed], run_id=None)
