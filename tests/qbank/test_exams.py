"""Exams are administered: each setting declared once, written in one way, with who did it."""

from __future__ import annotations

import json
import re
import shlex
import threading
from pathlib import Path
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from calibration.models import MODELS
from qbank.attempts import AttemptPolicy
from qbank.cli.commands import tree
from qbank.exams import administering, page
from qbank.exams.settings import read, settings
from qbank.postgres import connect
from qbank.requests import IrtFit, Reestimation, RequestError, SympsonHetter
from qbank.requests.base import ExamPolicy, Unit, marker
from qbank.vocabulary import Model, words
from tests.qbank.answers import rows

DOCS = Path(__file__).resolve().parents[2] / "docs" / "operations" / "exams.md"
POLICIES = (
    ("calibration", (IrtFit, SympsonHetter)),
    ("reestimation", (Reestimation,)),
)


def stored(code: str) -> tuple[Any, ...]:
    query = "SELECT title, irt_model, tau, test_length, policy FROM exams WHERE exam_code = %s"
    return rows(query, code)[0]


def audited() -> list[tuple[str, str, str, dict[str, Any]]]:
    return rows("SELECT actor, action, target, details FROM audit_log ORDER BY id")


def test_all_that_a_policy_may_say_can_be_set():
    """What a request or the attempt policy reads is a setting, by the same name."""
    paths = {setting.path for setting in settings()}
    for part, requests in POLICIES:
        for request in requests:
            wanted = {n for n, field in request.parameters() if marker(field, ExamPolicy)}
            assert {f"{part}.{name}" for name in wanted} <= paths
    assert {f"attempts.{name}" for name in AttemptPolicy.model_fields} <= paths


@pytest.mark.parametrize("command", ["create", "set"])
def test_the_command_line_takes_each_setting(command):
    group: Any = tree()
    options = {option.name for option in group.commands["exam"].commands[command].params}
    more = {"create": set(), "set": {"dry_run"}}[command] | {"code", "tenant", "as_json"}
    assert options == {setting.option for setting in settings()} | more


def test_each_setting_says_what_it_is_for():
    for setting in settings():
        assert setting.field.title, setting.path
        assert setting.field.description, setting.path
        assert str(setting.allowed), setting.path


def test_the_page_has_the_declared_settings():
    assert page.markdown() in DOCS.read_text(), "python -m qbank.exams.page prints them"


def test_the_commands_of_the_page_do_what_it_says(command, tmp_path):
    with connect() as conn:
        conn.execute("INSERT INTO topics (tenant_id, name) VALUES ('default', 'Heart')")
    (tmp_path / "blueprint.csv").write_text("topic,target_weight\nHeart,0.5\n")
    text = DOCS.read_text().replace("```console\nqbank import", "```\nqbank import")  # and a night
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    lines = [line.partition("#")[0] for block in blocks for line in block.splitlines()]
    assert len(lines) > 8
    for line in lines:
        done = command(*shlex.split(line)[1:])
        assert done.code == 0, (line, done.err)
    assert stored("MED-C")[:4] == ("Medicine C", "2pl", 0.2, 40)


def test_the_page_says_how_many_answers_each_model_needs():
    text = DOCS.read_text()
    for model in words(Model):
        assert f"{model} needs {MODELS[model].min_n}" in text, model


def test_an_exam_is_made_with_defaults_and_changed_by_part(command):
    made = command("exam", "create", "MED-A", "--title", "Medicine", "--tenant", "school")
    assert (made.code, made.err) == (0, "")
    assert stored("MED-A") == ("Medicine", "2pl", 0.2, 25, {})
    done = command("exam", "set", "MED-A", "--tau", "0.25", "--max-attempts", "2", "--feedback",
                   "--modes", "exam, tutor", "--theta-dist", "normal(0,1.2)",
                   "--reestimation-days", "14")  # fmt: skip
    assert done.code == 0
    assert "attempts.max_attempts" in done.out
    assert "default (1)" in done.out
    assert stored("MED-A") == (
        "Medicine",
        "2pl",
        0.25,
        25,
        {
            "attempts": {"max_attempts": 2, "feedback": True, "modes": ["exam", "tutor"]},
            "theta_dist": "normal(0,1.2)",
            "reestimation": {"days": 14},
        },
    )
    # the word default takes back, none is any number
    command("exam", "set", "MED-A", "--tau", "default", "--theta-dist", "default",
            "--max-attempts", "none", "--reestimation-days", "default")  # fmt: skip
    _, _, tau, _, policy = stored("MED-A")
    assert tau == 0.2
    assert policy == {
        "attempts": {"max_attempts": None, "feedback": True, "modes": ["exam", "tutor"]}
    }
    command("exam", "set", "MED-A", "--max-attempts", "default")
    assert stored("MED-A")[4]["attempts"]["max_attempts"] == 1


def test_who_changed_what_is_kept(command):
    command("exam", "create", "MED-A", "--tenant", "school")
    command("exam", "set", "MED-A", "--irt-model", "3pl", "--open-quizzes", "3")
    command("exam", "set", "MED-A", "--irt-model", "3pl")  # nothing
    (_, made, target, _), (actor, changed, _, details) = audited()
    assert (made, changed, target) == ("exam.create", "exam.change", "exam=MED-A")
    assert actor
    assert details == {
        "before": {"irt_model": "2pl", "attempts.open_quizzes": None},
        "after": {"irt_model": "3pl", "attempts.open_quizzes": 3},
    }
    assert rows("SELECT DISTINCT tenant_id FROM audit_log") == [("school",)]


def test_a_dry_run_tells_and_changes_nothing(command):
    command("exam", "create", "MED-A")
    before = (stored("MED-A"), audited())
    done = command("exam", "set", "MED-A", "--tau", "0.3", "--dry-run")
    assert done.code == 0
    assert "0.2" in done.out
    assert "0.3" in done.out
    assert "a dry run: nothing was changed" in done.out
    told = json.loads(command("exam", "set", "MED-A", "--tau", "0.3", "--dry-run", "--json").out)
    assert told["changes"] == [{"setting": "tau", "before": 0.2, "after": 0.3}]
    assert (stored("MED-A"), audited()) == before


WRONG = [
    (["--tau", "1.5"], "tau is 1.5: give a number above 0, at most 1"),
    (["--tau", "nan"], "tau is nan: give a number above 0, at most 1"),
    (["--tau", "much"], "tau is 'much': give a number above 0, at most 1"),
    (["--test-length", "2.5"], "test_length is '2.5': give a whole number from 1 to 1,000"),
    (["--irt-model", "4pl"], "irt_model is '4pl': give 1pl or 2pl or 3pl"),
    (["--exposure-control", "off"], "exposure_control is 'off': give sympson_hetter or item_"),
    (["--max-attempts", "0"], "attempts.max_attempts is 0: give a whole number from 1 to 1,000"),
    (["--modes", "exam,oral"], "attempts.modes is 'oral': give a list of tutor or exam"),
    (["--modes", ""], "attempts.modes is '': give a list of tutor or exam"),
    (["--theta-dist", "uniform(2,-2)"], "low must be below high"),
    (["--topic-tau", "0.1"], "calibration.topic_tau is 0.1: give an object from topic"),
    (["--topic-tau", '{"Sets": 0.1}'], "topic 'Sets' is unknown"),
    (["--difficulty-weights", '{"odd": 1}'], "give an object from easy or medium or hard"),
    (["--floor", "0.5", "--ceil", "0.4"], "floor 0.5 lies above ceil 0.4: swap them"),
    (["--reestimation-days", "0"], "reestimation.days is 0: give a whole number from 1 to 365"),
    (["--title", "  "], "title is ' ': give text"),
]


@pytest.mark.parametrize(("typed", "message"), WRONG)
def test_a_wrong_value_is_named_and_changes_nothing(command, typed, message):
    command("exam", "create", "MED-A", "--feedback")
    before = stored("MED-A")
    # a good one beside the wrong one is not written either
    done = command("exam", "set", "MED-A", "--open-quizzes", "7", *typed)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert done.err.count("\n") == 1
    assert stored("MED-A") == before
    assert [action for _, action, *_ in audited()] == ["exam.create"]


def test_making_the_same_exam_again_is_the_same_exam(command):
    made = ("exam", "create", "MED-A", "--tau", "0.3", "--tenant", "school")
    assert json.loads(command(*made, "--json").out)["created"] is True
    assert json.loads(command(*made, "--json").out)["created"] is False
    other = command("exam", "create", "MED-A", "--tau", "0.4", "--tenant", "school")
    assert other.code == 2
    assert "exam 'MED-A' exists, with tau 0.3 and not 0.4" in other.err
    assert len(audited()) == 1


def test_two_tenants_give_their_exams_one_code(command):
    """Each is found by its key, and by the code with its tenant."""
    assert "exam FINAL is made" in command("exam", "create", "FINAL", "--tenant", "college").out
    made = command("exam", "create", "FINAL", "--tenant", "academy", "--tau", 0.3).out
    assert "exam FINAL@academy is made" in made
    assert "another tenant has an exam FINAL" in made
    again = command("exam", "create", "FINAL", "--tenant", "academy", "--tau", 0.3).out
    assert "exam FINAL@academy is there already" in again
    assert command("exam", "create", "FINAL", "--tenant", "academy", "--tau", 0.4).code == 2
    listed = json.loads(command("exam", "list", "--json").out)
    assert [(e["exam_code"], e["code"], e["tenant_id"]) for e in listed] == [
        ("FINAL", "FINAL", "college"),
        ("FINAL@academy", "FINAL", "academy"),
    ]
    for named, tau in (
        (("FINAL",), 0.2),
        (("FINAL@academy",), 0.3),
        (("FINAL", "--tenant", "college"), 0.2),
        (("FINAL", "--tenant", "academy"), 0.3),
    ):
        shown = json.loads(command("exam", "show", *named, "--json").out)
        assert shown["settings"]["tau"] == tau
    changed = command("exam", "set", "FINAL", "--tenant", "academy", "--tau", 0.5).out
    assert "exam FINAL@academy is changed" in changed
    assert json.loads(command("exam", "show", "FINAL", "--json").out)["settings"]["tau"] == 0.2
    lost = command("exam", "show", "FINAL", "--tenant", "nobody")
    assert (lost.code, "exam 'FINAL' does not exist; known exams: none" in lost.err) == (2, True)
    lost = command("exam", "show", "FINALS")
    assert "known exams: FINAL, FINAL@academy" in lost.err
    assert command("exam", "create", "FINAL@academy").code == 2


@pytest.mark.parametrize("code", ["", "ä", "-a", "a b", "x" * 65, "a\n", "a@b"])
def test_a_code_that_cannot_be_kept_is_refused(unaudited, code):
    with (
        connect("owner") as conn,
        pytest.raises(RequestError, match=r"exam code .* cannot be used"),
    ):
        administering.create(conn, "school", code, {}, audit=unaudited)


@pytest.fixture
def unaudited(settings):
    def audit(action: str, target: str, **details: Any) -> None:
        return None

    return audit


def test_an_exam_that_is_not_there_is_named(command):
    command("exam", "create", "MED-A")
    for typed in (("show", "NO"), ("set", "NO", "--tau", "0.3")):
        done = command("exam", *typed)
        assert done.code == 2
        assert "exam 'NO' does not exist; known exams: MED-A" in done.err


def test_a_setting_is_shown_with_where_it_comes_from(command):
    command("exam", "create", "MED-A", "--tau", "0.3", "--modes", "exam")
    told = json.loads(command("exam", "show", "MED-A", "--json").out)
    assert told["settings"]["attempts"]["modes"] == ["exam"]
    assert told["settings"]["attempts"]["max_attempts"] == 1
    assert told["settings"]["calibration"]["n"] == SympsonHetter.model_fields["n"].default
    assert told["wrong"] == []
    assert "attempts.modes" in told["own"]
    lines = command("exam", "show", "MED-A").out.splitlines()
    line = next(line for line in lines if "max_attempts" in line)
    assert line.split() == ["attempts.max_attempts", "1", "default", "--max-attempts"]
    listed = json.loads(command("exam", "list", "--json").out)
    assert [(row["exam_code"], row["tau"]) for row in listed] == [("MED-A", 0.3)]


def test_a_policy_that_somebody_wrote_past_this_is_shown_and_can_be_mended(command):
    command("exam", "create", "MED-A")
    wrong = {"attempts": {"max_attempts": 0, "odd": 1}, "n": -1, "theirs": {"kept": True}}
    with connect() as conn:
        conn.execute("UPDATE exams SET policy = %s", (Jsonb(wrong),))
    told = json.loads(command("exam", "show", "MED-A", "--json").out)
    assert len(told["wrong"]) == 2
    assert told["settings"]["attempts"]["max_attempts"] == 1
    refused = command("exam", "set", "MED-A", "--tau", "0.3")
    assert refused.code == 2
    assert "exam MED-A" in refused.err
    mended = command("exam", "set", "MED-A", "--max-attempts", "3", "--n", "default")
    assert mended.code == 0, mended.err
    # what nobody reads in a part is forgotten, what is others' stays
    assert stored("MED-A")[4] == {"attempts": {"max_attempts": 3}, "theirs": {"kept": True}}


def test_two_changes_at_once_both_hold(settings):
    with connect("owner") as conn:
        administering.create(conn, "school", "MED-A", {}, audit=lambda *_, **__: None)
    begun = threading.Event()

    def other() -> None:
        with connect("owner") as conn:
            begun.set()
            given = {"attempts": {"open_quizzes": 2}}
            administering.change(conn, "MED-A", given, audit=lambda *_, **__: None)

    thread = threading.Thread(target=other)
    with connect("owner") as conn:
        given = {"attempts": {"feedback": True}}
        administering.change(conn, "MED-A", given, audit=lambda *_, **__: None)
        thread.start()
        assert begun.wait(10)
        thread.join(0.3)  # it waits for this transaction
    thread.join(10)
    assert stored("MED-A")[4] == {"attempts": {"feedback": True, "open_quizzes": 2}}


def test_none_takes_a_part_back_whole(settings):
    given = {"attempts": {"feedback": True, "max_attempts": None}, "calibration": {"n": 500}}
    with connect("owner") as conn:
        exam, _ = administering.create(conn, "s", "E", given, audit=lambda *_, **__: None)
        assert exam.policy == {"attempts": {"feedback": True, "max_attempts": None}, "n": 500}
        back = {"attempts": None, "calibration": None}
        exam, changed = administering.change(conn, "E", back, audit=lambda *_, **__: None)
    assert exam.policy == {}
    assert {one.setting.path for one in changed} == {
        "attempts.feedback", "attempts.max_attempts", "calibration.n"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"unheard_of": 1}, "setting 'unheard_of' is unknown: use attempts.accommodations"),
        ({"attempts": {"unheard_of": 1}}, "setting 'attempts.unheard_of' is unknown"),
        ({"attempts": 3}, "attempts is 3: give an object with its settings"),
        ({"calibration": {"topic_tau": {"Sets": 2}}}, "topic_tau of 'Sets' is 2: give a number"),
    ],
)
def test_what_is_no_setting_is_refused(given, message):
    with pytest.raises(RequestError, match=message):
        read(given)


def test_a_blueprint_comes_from_a_file(command, tmp_path):
    command("exam", "create", "MED-A", "--tenant", "school")
    with connect() as conn:
        conn.execute("INSERT INTO topics (tenant_id, name) VALUES ('school', 'A'), ('school', 'B')")
    file = tmp_path / "blueprint.csv"
    file.write_text("topic,target_weight,min_items\nA,0.6,3\nB,0.4,\n")
    lines = "SELECT target_weight, min_items FROM exam_blueprints ORDER BY topic_id"
    dry = command("exam", "blueprint", "MED-A", file, "--dry-run")
    assert (dry.code, rows(lines)) == (0, [])
    assert "nothing was changed" in dry.out
    told = json.loads(command("exam", "blueprint", "MED-A", file, "--json").out)
    assert told[0] == {"topic": "A", "target_weight": 0.6, "min_items": 3}
    assert rows(lines) == [(0.6, 3), (0.4, 0)]
    file.write_text("topic,target_weight\nA,1\nB,much\n")
    wrong = command("exam", "blueprint", "MED-A", file)
    assert (wrong.code, rows(lines)) == (2, [(0.6, 3), (0.4, 0)])
    assert "blueprint.csv, line 3: topic 'B', target_weight 'much'" in wrong.err
    file.write_text("subject,share\nA,1\n")
    assert "use topic, target_weight" in command("exam", "blueprint", "MED-A", file).err
    for empty in ("", "topic,target_weight\n"):
        file.write_text(empty)
        nothing = command("exam", "blueprint", "MED-A", file)
        assert (nothing.code, rows(lines)) == (2, [(0.6, 3), (0.4, 0)])
        assert "blueprint.csv names no topic: give a line per topic" in nothing.err


def test_a_form_moves_each_fraction_by_less_than_its_range():
    """A number without a unit is moved by one, which leaves a share no value between 0 and 1."""
    fractions = [one for one in settings() if one.allowed.type is float]
    assert len(fractions) > 6
    for one in fractions:
        unit = marker(one.field, Unit)
        assert unit is not None, one.path
        assert unit.step <= 0.1
