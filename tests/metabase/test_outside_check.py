"""Metabase's own schema validator, where npm is at hand, judges what the push sends."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from pydantic import SecretStr

from qbank_metabase.applying import apply_plan
from qbank_metabase.client import MetabaseClient
from qbank_metabase.content import load_content
from qbank_metabase.planning import make_plan
from tests.metabase.fake_metabase import FakeMetabase, Store
from tests.metabase.fake_metabase.server import API_KEY
from tests.metabase.representation import representation

VALIDATOR = ["npx", "--yes", "@metabase/representations@1.2.0"]


def validate(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [*VALIDATOR, "validate-schema", "--folder", str(folder)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if "npm error" in run.stderr:
        pytest.skip(f"the validator cannot be fetched: {run.stderr[-200:]}")
    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What a Metabase holds after a push of the repository's content."""
    if shutil.which("npx") is None:
        pytest.skip("npx is not installed")
    content = load_content()
    with FakeMetabase(Store(content.columns())) as server, MetabaseClient(server.url) as client:
        client.use_api_key(SecretStr(API_KEY))
        apply_plan(client, make_plan(client, content, "qbank", "analytics"))
    (tmp_path / "collections").mkdir()
    for name, entity in representation(server.store):
        text = yaml.safe_dump(entity, sort_keys=False, allow_unicode=True)
        (tmp_path / "collections" / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.slow
def test_metabase_s_validator_accepts_what_is_pushed_and_no_less(folder: Path):
    accepted = validate(folder)
    assert accepted.returncode == 0, accepted.stdout + accepted.stderr

    # that the validator looks at all: a place outside the grid is refused
    path = next(folder.glob("collections/dashboard_*.yaml"))
    dashboard = yaml.safe_load(path.read_text(encoding="utf-8"))
    dashboard["dashcards"][0]["col"] = 30
    path.write_text(yaml.safe_dump(dashboard), encoding="utf-8")
    refused = validate(folder)
    assert refused.returncode != 0
    assert path.name in refused.stdout + refused.stderr
