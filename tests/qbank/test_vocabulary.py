"""One list of words each: what SQL, dbt, LookML, the science and the console say agrees with it."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

import calibration as cal
from calibration.exposure.progress import StoppedReason
from calibration.linking.scale import METHODS
from calibration.models import MODELS
from qbank import vocabulary
from qbank.events.models import Aggregate
from qbank.intervals import Z_95
from qbank.postgres import connect
from qbank.vocabulary import words
from qbank_console.views.admin import flags, run_view
from qbank_console.views.student import quiz

ROOT = Path(__file__).resolve().parents[2]
ADDED = {"unlabelled", "all"}  # by a mart: of items without a label, and of all together

CHECKED = {
    ("calibration_runs", "kind"): vocabulary.Kind,
    ("calibration_runs", "status"): vocabulary.Status,
    ("data_request_files", "what"): vocabulary.DataRequestFile,
    ("data_requests", "kind"): vocabulary.DataRequestKind,
    ("data_requests", "state"): vocabulary.DataRequestState,
    ("event_outbox", "aggregatetype"): Aggregate,
    ("exams", "irt_model"): vocabulary.Model,
    ("import_batches", "kind"): vocabulary.BatchKind,
    ("item_calibration", "model"): vocabulary.Model,
    ("item_flag_decisions", "action"): vocabulary.FlagAction,
    ("item_fairness", "ets_class"): vocabulary.EtsClass,
    ("item_exposure_history", "source"): vocabulary.Source,
    ("lti_scores", "state"): vocabulary.LtiScoreState,
    ("question_reviews", "status"): vocabulary.ReviewStatus,
    ("question_versions", "difficulty_label"): vocabulary.Difficulty,
    ("question_versions", "state"): vocabulary.State,
    ("quiz_items", "selector"): vocabulary.Selector,
    ("quiz_results", "model"): vocabulary.Model,
    ("quiz_sessions", "mode"): vocabulary.Mode,
    ("quiz_sessions", "selector"): vocabulary.Selector,
    ("scoring_rules", "rule"): vocabulary.ScoringKind,
}
OF_TRIGGERS = {("source_changes", "kind")}  # written and read by SQL alone
ACCEPTED = {
    "difficulty": vocabulary.Difficulty,
    "ets_class": vocabulary.EtsClass,
    "unanswered_policy": vocabulary.Unanswered,
}


@pytest.fixture(scope="module")
def checks(clone_database: Any) -> dict[tuple[str, str], set[str]]:
    """The words of each CHECK of one text column, as Postgres keeps it."""
    sql = """SELECT t.relname, a.attname, pg_get_constraintdef(c.oid)
        FROM pg_constraint AS c JOIN pg_class AS t ON t.oid = c.conrelid
        JOIN pg_attribute AS a ON a.attrelid = t.oid AND c.conkey = ARRAY[a.attnum]
        WHERE c.contype = 'c' AND NOT t.relispartition
            AND pg_get_constraintdef(c.oid) LIKE '%ANY (ARRAY[%'"""
    with clone_database("empty") as settings, connect("owner", settings=settings) as conn:
        rows = conn.execute(sql).fetchall()
    return {
        (table, column): set(re.findall(r"'(\w+)'::text", text)) for table, column, text in rows
    }


def test_every_list_of_words_in_the_schema_is_a_known_one(checks):
    known = {column: set(words(of)) for column, of in CHECKED.items()}
    assert {column: of for column, of in checks.items() if column not in OF_TRIGGERS} == known


def test_open_and_finished_are_the_statuses():
    assert {*vocabulary.OPEN, *vocabulary.FINISHED} == set(words(vocabulary.Status))
    assert not {*vocabulary.OPEN} & {*vocabulary.FINISHED}
    assert {*vocabulary.ADAPTIVE} == set(words(vocabulary.Selector)) - {"fixed"}


def accepted_values() -> dict[str, set[str]]:
    """Of each column that dbt tests for accepted values, by file and column."""
    found = {}
    for path in sorted((ROOT / "dbt_qbank" / "models").rglob("*.yml")):
        for model in (yaml.safe_load(path.read_text()) or {}).get("models", []):
            for column in model.get("columns", []):
                for test in column.get("data_tests", column.get("tests", [])):
                    if isinstance(test, dict) and "accepted_values" in test:
                        values = test["accepted_values"]["arguments"]["values"]
                        found[f"{model['name']}.{column['name']}"] = set(values)
    return found


def test_dbt_accepts_the_same_words():
    accepted = accepted_values()
    assert len(accepted) >= 2
    for column, values in accepted.items():
        assert values - ADDED == set(words(ACCEPTED[column.partition(".")[2]])), column


def test_sql_of_the_marts_compares_with_known_words():
    """A column of a list is never compared with a word that the list does not have."""
    of = {"selector": "Selector", "mode": "Mode", "difficulty_label": "Difficulty"}
    compared = re.compile(rf"\b({'|'.join(of)})\s*(?:=|<>|!=)\s*'(\w+)'")
    seen = 0
    for path in sorted((ROOT / "dbt_qbank").rglob("*.sql")):
        if "target" in path.parts:
            continue
        for column, word in compared.findall(path.read_text()):
            seen += 1
            assert word in words(getattr(vocabulary, of[column])), path
    assert seen


STATUS_OF = {
    "calibration_run_summary": vocabulary.Status,
    "fact_sessions": vocabulary.SessionStatus,
}


def test_looker_filters_by_known_words():
    named = re.compile(r"(?:(\w+)\.)?status: \"([\w,]+)\"")
    seen = 0
    for path in sorted((ROOT / "looker").rglob("*.lkml")):
        for view, wanted in named.findall(path.read_text()):
            of = STATUS_OF[view or path.name.partition(".")[0]]
            seen += 1
            assert set(wanted.split(",")) <= set(words(of)), path
    assert seen >= 6


def test_the_apis_page_lists_each_review():
    page = (ROOT / "docs" / "api" / "README.md").read_text()
    assert ", ".join(f"`{word}`" for word in words(vocabulary.ReviewStatus)) in page


def test_the_science_has_the_same_words():
    delivered = {name for name, model in MODELS.items() if model.dichotomous}
    assert delivered == set(words(vocabulary.Model))
    assert set(METHODS) == set(words(vocabulary.Linking))
    reestimation = sys.modules[cal.reestimate.__module__]
    assert get_args(reestimation.Rule) == words(vocabulary.Rule)
    assert get_args(reestimation.Basis) == words(vocabulary.Basis)
    assert "canceled" in get_args(StoppedReason)


def test_the_console_has_a_label_for_each_word():
    assert set(run_view.KINDS) == set(words(vocabulary.Kind))
    assert set(run_view._COLOURS) == set(words(vocabulary.Status))
    assert set(quiz.MODES) == set(words(vocabulary.Mode))
    assert set(flags.SELECTORS) - {"split"} == {*vocabulary.ADAPTIVE}


def test_canceled_is_spelled_alike_everywhere():
    """Rows say ``canceled``: whoever asks for another spelling finds nothing."""
    here, spelling = Path(__file__), "cancel" + "led"
    spelled = [
        path
        for room in ("calibration", "qbank", "qbank_orchestration", "delivery_api", "tests")
        for path in sorted((ROOT / room).rglob("*.py"))
        if path != here and spelling in path.read_text()
    ]
    assert spelled == []


def test_the_width_of_an_interval_is_written_once():
    macro = (ROOT / "dbt_qbank" / "macros" / "statistics.sql").read_text()
    (written,) = re.findall(r"macro z_95\(\) %\}\{\{ return\(([\d.]+)\)", macro)
    assert float(written) == round(Z_95, 6)
    others = [
        path
        for room in ("qbank", "delivery_api", "qbank_console", "qbank_orchestration", "dbt_qbank")
        for path in (ROOT / room).rglob("*")
        if path.suffix in {".py", ".sql"} and "target" not in path.parts
        if re.search(r"\b1\.9(6|59\d*)\b *\*|\* *1\.9(6|59\d*)\b", path.read_text())
    ]
    assert others == []
