"""Since when an item bears a flag, as builds find it: raised, as it was, gone, raised anew."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dbt.conftest import Dbt
from tests.dbt.writing import Bank, days_ago


@pytest.fixture
def build(dbt: Dbt) -> Any:
    """Builds item health; a short window leaves out the quiz that served the item."""

    def built(select: str = "int_item_exposure item_health", *, window: int) -> None:
        given = f"{{flag_min_responses: 1, exposure_window_days: {window}}}"
        dbt("run", "--select", *select.split(), "--vars", given)

    return built


def test_a_flag_that_comes_back_or_is_of_the_next_version_is_another(bank: Bank, build: Any):
    exam, topic = bank.exam("first"), bank.topic("Topic")
    asked, unused = bank.question(topic, exam), bank.question(topic, exam)
    for question, days in ((asked, 1), (unused, 5)):
        bank.sitting(exam, f"u{question}", {question: True}, at=days_ago(days))
    noted = f"""SELECT version, gone_at IS NULL FROM item_flags
        WHERE question_id = {unused} AND flag = 'is_unused' ORDER BY id"""  # noqa: S608
    kept = "SELECT id, ctid::text, xmin::text FROM item_flags ORDER BY id"

    build("+item_health", window=3)
    assert bank.rows(noted) == [(1, True)]
    assert bank.one("SELECT min(tenant_id) FROM item_flags") == bank.tenant
    before = bank.rows(kept)
    build("item_health", window=3)
    assert bank.rows(kept) == before, "what is as it was is not written"
    build(window=20)
    assert bank.rows(noted) == [(1, False)]
    build(window=3)
    assert bank.rows(noted) == [(1, False), (1, True)]
    bank.version(unused, topic, 2)
    bank.publish(unused, exam, 2)
    build("item_health", window=3)
    assert bank.rows(noted) == [(1, False), (1, False), (2, True)]
