"""Each request is declared once: what people may give is the same everywhere, and reads alike."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import typer

from delivery_api.routers import exposure as exposure_api
from delivery_api.routers.calibrations import StartCalibration
from delivery_api.routers.import_files import ItemsUpload, ResponsesUpload
from qbank import attempts
from qbank.cli import importing
from qbank.requests import (
    REQUESTS,
    Allowed,
    Reestimation,
    RequestError,
    SympsonHetter,
    import_page,
    page,
)
from qbank.requests.imports import ItemsImport, ResponsesImport
from qbank.stores.item_bank import Exam
from qbank_orchestration.assets import exposure, parameters, reestimation, rollback
from qbank_orchestration.commands import app

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = DOCS / "calibration" / "requests.md"
OPTIONS = DOCS / "core" / "import-options.md"
TODAY = date(2026, 1, 2)


def exam(**policy: Any) -> Exam:
    return Exam("core", "t", "Core", "2pl", 0.3, 20, policy, datetime.now(UTC))


def names(kind: str) -> set[str]:
    return {name for name, _ in REQUESTS[kind].parameters()}


def test_the_pages_are_made_from_the_declarations():
    assert PAGE.read_text() == page.markdown(), "run: make generate"
    assert OPTIONS.read_text() == import_page.markdown(), "run: make generate"


@pytest.mark.parametrize(
    ("command", "options", "upload", "own"),
    [
        ("responses", ResponsesImport, ResponsesUpload, {"file", "key"}),
        ("items", ItemsImport, ItemsUpload, {"files", "media_dir", "media_url"}),
    ],
)
def test_an_import_takes_the_same_options_everywhere(command, options, upload, own):
    group: Any = typer.main.get_command(importing.app)
    taken = {option.name for option in group.commands[command].params}
    named = set(options.model_fields)
    assert taken == named | own | {"exam", "rejects", "tenant", "as_json"}
    assert set(upload.model_fields) == named | {"file_name"}
    defaults = {p.name: p.default for p in group.commands[command].params if p.name in named}
    assert defaults == {
        name: None if field.default == [] else field.default
        for name, field in options.model_fields.items()
    }


@pytest.mark.parametrize(
    ("kind", "body"),
    [("sympson_hetter", StartCalibration), ("reestimation", exposure_api.Reestimation)],
)
def test_the_apis_body_takes_each_parameter(kind: str, body: Any):
    assert set(body.model_fields) == names(kind) | {"exam_code"}


@pytest.mark.parametrize(
    ("kind", "config", "more"),
    [
        ("irt", parameters.ParametersConfig, set()),
        ("sympson_hetter", exposure.ExposureConfig, set()),
        ("reestimation", reestimation.ReestimationConfig, set()),
        ("rollback", rollback.RollbackConfig, {"to_run"}),
    ],
)
def test_dagsters_config_takes_each_parameter(kind: str, config: Any, more: set[str]):
    assert set(config.model_fields) == names(kind) | {"run_id", "requested_by"} | more


@pytest.mark.parametrize(
    ("kind", "command", "more"),
    [("sympson_hetter", "calibrate", set()), ("reestimation", "reestimate", {"day"})],
)
def test_the_command_line_takes_each_parameter(kind: str, command: str, more: set[str]):
    group: Any = typer.main.get_command(app)
    options = {option.name for option in group.commands[command].params}
    assert options == names(kind) | {"exam", "as_json"} | more


def test_each_parameter_says_what_it_is_for():
    for request in REQUESTS.values():
        for name, field in request.parameters():
            assert field.title, name
            assert field.description, name
            assert str(Allowed.of(field.rebuild_annotation())), name


def test_what_is_given_comes_before_the_exams_own_and_that_before_the_default():
    own = exam(n=500, alpha=1, floor=0.1)
    request = SympsonHetter.resolve(own, {"floor": 0.2, "exam_code": "core"})
    assert (request.tau, request.test_len, request.n, request.iters) == (0.3, 20, 500, 25)
    assert (request.alpha, request.floor) == (1.0, 0.2)
    # filled once, it stays as it is, whatever becomes of the exam
    assert SympsonHetter.resolve(exam(n=7), request.stored()) == request


def test_the_same_request_has_the_same_seed_as_ever():
    """A calibration asked for before an upgrade can be computed again after it."""
    asked = {"theta_dist": "normal(0,1)"}  # as rows before said
    seeded = SympsonHetter.resolve(exam(), asked).seeded("input")
    assert seeded.seed == 8839117027175
    assert SympsonHetter.resolve(exam(), {"seed": 3}).seeded("input").seed == 3


@pytest.mark.parametrize(
    ("own", "given", "message"),
    [
        ({}, {"tau": 0}, "tau is 0: give a number above 0, at most 1"),
        ({}, {"tau": float("nan")}, "tau is nan: give"),
        ({}, {"tau": True}, "tau is True: give"),
        ({}, {"n": 2.5}, "n is 2.5: give a whole number from 1 to 1,000,000"),
        ({}, {"unheard_of": 1}, "'unheard_of' is unknown: use tau, test_len"),
        ({}, {"exam_code": "other"}, "exam_code is 'other': this request is for core"),
        ({}, {"topic_tau": {"Sets": 2}}, "topic_tau of topic 'Sets' is 2: give"),
        ({}, {"topic_tau": 0.2}, "give an object from topic to a number above 0"),
        ({}, {"theta_dist": "uniform(2,-2)"}, "low must be below high"),
        ({"floor": 2}, {}, "floor is 2: give a number from 0 to 1 .in the policy of exam core"),
        ({"floor": 0.5}, {"ceil": 0.4}, "floor 0.5 lies above ceil 0.4: swap them"),
    ],
)
def test_a_refusal_names_the_parameter_its_value_and_the_remedy(own, given, message):
    with pytest.raises(RequestError, match=message):
        SympsonHetter.resolve(exam(**own), given)


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"dayz": 3}, "policy.reestimation of exam core has 'dayz': use tau, days"),
        (3, "policy.reestimation of exam core is 3: give an object"),
        ({"days": 0}, "days is 0: give a whole number from 1 to 365 .in the policy"),
    ],
)
def test_a_wrong_policy_is_named(own, message):
    with pytest.raises(RequestError, match=message):
        Reestimation.resolve(exam(reestimation=own), {}, day=TODAY)


def test_the_page_of_attempts_has_the_declared_policy():
    text = (DOCS / "api" / "attempts.md").read_text()
    assert attempts.markdown() in text, "python -m qbank.attempts prints it"
