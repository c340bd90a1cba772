"""The demo's people: one item is harder for some of equal ability, and no other is."""

from __future__ import annotations

import numpy as np
import pytest

import calibration as cal
from qbank import demo
from qbank.demo import content
from qbank.demo.attributes import ATTRIBUTE, LOG_ODDS, OTHER, unfair_question
from qbank.demo.generating import SEED
from qbank.postgres import connect


@pytest.fixture(scope="module")
def planted(clone_database):
    with clone_database("demo") as settings:
        yield settings


def test_the_planted_item_is_found_and_hardly_another(planted):
    query = """
        SELECT DISTINCT ON (r.user_id, r.question_id) r.user_id, r.question_id, r.is_correct,
            p.attributes ->> %s, p.attributes ->> 'sex'
        FROM user_responses AS r JOIN quiz_sessions AS s ON s.id = r.quiz_id
        JOIN people AS p ON p.tenant_id = s.tenant_id AND p.user_id = r.user_id
        WHERE s.exam_code = 'MED-A' ORDER BY r.user_id, r.question_id, r.created_at
    """
    with connect(settings=planted) as conn:
        rows = conn.execute(query, (ATTRIBUTE,)).fetchall()
    user, question, correct, language, sex = (
        np.array(column) for column in zip(*rows, strict=True)
    )
    people, first, person = np.unique(user, return_index=True, return_inverse=True)
    items, item = np.unique(question, return_inverse=True)
    correct = correct.astype(int)
    fit = cal.fit(person, item, correct, se=False, node_check=False)
    group = (language[first] == OTHER).astype(int)
    found = cal.latent_dif(fit.bank(), person, item, correct, group, reference=0)

    units = content.plant(np.random.default_rng(np.random.SeedSequence(SEED).spawn(6)[0]))
    refs = {units.ref(k): int(units.question[k]) for k in range(units.a.size)}
    ids = demo.truth(planted).set_index("external_ref")["question_id"].to_dict()
    (ref,) = [name for name, own in refs.items() if own == unfair_question(units)]
    unfair = int(np.searchsorted(items, ids[ref]))
    assert found.ets_class[unfair, 0] == "C"
    assert found.q_value[unfair, 0] < 0.001
    assert abs(found.effect[unfair, 0] - LOG_ODDS) < 3 * found.se[unfair, 0]
    others = np.arange(items.size) != unfair
    tested = found.testable[:, 0] & others
    assert tested.sum() > 150
    assert (found.q_value[tested] < 0.05).sum() <= 1
    assert (found.ets_class[tested, 0] == "C").sum() <= 1

    # nothing is planted by sex
    by_sex = cal.latent_dif(
        fit.bank(), person, item, correct, (sex[first] == "male").astype(int), reference=0
    )
    assert (by_sex.q_value < 0.05).sum() <= 1
    assert people.size > 2_000
