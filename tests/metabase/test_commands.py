"""The commands against the stand-in: output, exit codes, sign-in."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner, Result

from qbank_metabase.commands import app
from tests.metabase.conftest import ContentFolder
from tests.metabase.fake_metabase import FakeMetabase
from tests.metabase.fake_metabase.server import API_KEY, USER


@pytest.fixture
def environment(server: FakeMetabase, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("QBANK_METABASE_URL", server.url)
    monkeypatch.setenv("QBANK_METABASE_API_KEY", API_KEY)
    monkeypatch.setenv("COLUMNS", "200")
    return monkeypatch


def run(folder: ContentFolder, *options: str) -> Result:
    return CliRunner().invoke(app, ["push", "--content", str(folder.path), *options])


@pytest.mark.usefixtures("environment")
def test_dry_run_shows_the_difference_and_changes_nothing(
    server: FakeMetabase, folder: ContentFolder
):
    first = run(folder, "--dry-run")
    assert first.exit_code == 0, first.output
    assert "+ dashboard “Overview”" in first.output
    assert "Plan: 5 create" in first.output
    assert server.writes == []
    assert server.store.cards == {}

    run(folder)
    server.requests.clear()
    sql = "SELECT count(*)\nFROM analytics.fact_responses\nWHERE {{exam}} AND is_correct"
    folder.edit("cards/overview/answers.yml", sql=sql, display="line")
    shown = run(folder, "--dry-run").output
    assert "~ card “Answers”" in shown
    assert 'display: "scalar" → "line"' in shown
    assert "-WHERE {{exam}}" in shown
    assert "+WHERE {{exam}} AND is_correct" in shown
    assert "Plan: 4 unchanged, 1 update" in shown
    assert server.writes == []


@pytest.mark.usefixtures("environment")
def test_push_says_what_it_did_and_ends_with_one_if_anything_failed(
    server: FakeMetabase, folder: ContentFolder
):
    server.fail("POST", "/api/card", 400, body={"message": "bad query"}, containing="Hardest")
    broken = run(folder)
    assert broken.exit_code == 1
    assert "! card “Hardest items”: failed" in broken.output
    assert "POST /api/card (400): bad query" in broken.output
    assert "! dashboard “Overview”: skipped" in broken.output
    assert "Push: 3 created, 1 failed, 1 skipped" in broken.output

    healed = run(folder)
    assert healed.exit_code == 0
    assert "Push: 2 created, 3 unchanged" in healed.output
    assert "Push: 5 unchanged" in run(folder).output


def test_an_account_signs_in_and_out_again(
    server: FakeMetabase, folder: ContentFolder, environment: pytest.MonkeyPatch
):
    environment.delenv("QBANK_METABASE_API_KEY")
    environment.setenv("QBANK_METABASE_USERNAME", USER[0])
    environment.setenv("QBANK_METABASE_PASSWORD", USER[1])
    assert run(folder).exit_code == 0
    assert server.requests[0] == ("POST", "/api/session")
    assert server.requests[-1] == ("DELETE", "/api/session")
    assert server.sessions == set()

    environment.setenv("QBANK_METABASE_PASSWORD", "a wrong one")
    refused = run(folder)
    assert refused.exit_code == 2
    assert "password: did not match stored password" in refused.output
    assert "a wrong one" not in refused.output


def test_nothing_can_be_tried_ends_with_two(
    server: FakeMetabase, folder: ContentFolder, environment: pytest.MonkeyPatch
):
    environment.setenv("QBANK_METABASE_API_KEY", "wrong")
    assert run(folder).exit_code == 2
    environment.delenv("QBANK_METABASE_API_KEY")
    missing = run(folder)
    assert missing.exit_code == 2
    assert "QBANK_METABASE_API_KEY" in missing.output
    folder.edit("cards/overview/answers.yml", display="lines")
    wrong = run(folder)
    assert wrong.exit_code == 2
    assert "answers.yml: display:" in wrong.output
    assert server.writes == []


@pytest.mark.usefixtures("environment")
def test_columns_that_metabase_has_not_seen_come_with_sync(
    server: FakeMetabase, folder: ContentFolder
):
    server.store.unseen = {"item_health.exam_code"}
    blind = run(folder)
    assert blind.exit_code == 2
    assert "has not seen analytics.item_health.exam_code" in blind.output
    assert "--sync" in blind.output
    assert run(folder, "--sync", "--dry-run").exit_code == 2
    assert server.writes == []
    assert run(folder, "--sync").exit_code == 0


@pytest.mark.usefixtures("environment")
def test_the_module_is_the_same_push(server: FakeMetabase, folder: ContentFolder):
    command = [sys.executable, "-m", "qbank_metabase.import_content", "--content", str(folder.path)]
    first = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert first.returncode == 0, first.stderr
    assert "Push: 5 created" in first.stdout
    assert len(server.store.cards) == 2


def test_check_asks_no_one(folder: ContentFolder):
    result = CliRunner().invoke(app, ["check", "--content", str(folder.path)])
    assert result.output == "valid: 2 collections, 2 cards, 1 dashboards\n"
