"""A small content folder and a stand-in for Metabase to push it to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from qbank_metabase.applying import Outcome, apply_plan
from qbank_metabase.client import MetabaseClient
from qbank_metabase.content import load_content
from qbank_metabase.planning import make_plan
from qbank_metabase.steps import Plan
from tests.metabase.fake_metabase import FakeMetabase, Store
from tests.metabase.fake_metabase.server import API_KEY


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.import_plugin("tests.looker.marts")


FIELDS = {"fact_responses.exam_code", "fact_responses.created_at", "item_health.exam_code"}

COLLECTIONS = [
    {"key": "root", "name": "QBank", "description": "Everything."},
    {"key": "items", "name": "Items", "description": "Of items.", "parent": "root"},
]
EXAM = {"label": "Exam", "column": "fact_responses.exam_code", "widget": "string/="}
COUNT = {
    "key": "answers",
    "name": "Answers",
    "description": "How many answers came in.",
    "collection": "root",
    "display": "scalar",
    "sql": "SELECT count(*) FROM analytics.fact_responses\nWHERE {{exam}}",
    "tags": {"exam": EXAM},
    "visualization": {"scalar.field": "count"},
}
WORST = {
    "key": "worst_items",
    "name": "Hardest items",
    "description": "Items that few get right.",
    "collection": "items",
    "display": "table",
    "sql": (
        "SELECT * FROM analytics.item_health\nWHERE {{exam}}\n[[AND attempts >= {{min_attempts}}]]"
    ),
    "tags": {
        "exam": EXAM | {"column": "item_health.exam_code"},
        "min_attempts": {"label": "At least answers", "variable": "number", "default": 30},
    },
}
OVERVIEW = {
    "key": "overview",
    "name": "Overview",
    "description": "The bank at a glance.",
    "collection": "root",
    "filters": {"exam": {"label": "Exam", "widget": "string/="}},
    "rows": [
        {"heading": "All"},
        {
            "height": 5,
            "cards": [{"card": "answers", "width": 8}, {"card": "worst_items", "width": 16}],
        },
        {"text": "Numbers are of the **last night**."},
    ],
}


@dataclass
class ContentFolder:
    """A content folder that a test may change."""

    path: Path

    def write(self, name: str, document: Any) -> Path:
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
        return target

    def edit(self, file: str, /, **fields: Any) -> None:
        document = yaml.safe_load((self.path / file).read_text(encoding="utf-8"))
        self.write(file, document | fields)


@pytest.fixture
def folder(tmp_path: Path) -> ContentFolder:
    made = ContentFolder(tmp_path / "content")
    made.write("collections.yml", COLLECTIONS)
    made.write("cards/overview/answers.yml", COUNT)
    made.write("cards/worst_items.yml", WORST)
    made.write("dashboards/overview.yml", OVERVIEW)
    return made


@pytest.fixture(params=[55, 58, 60], ids="release {}".format)
def server(request: pytest.FixtureRequest) -> Iterator[FakeMetabase]:
    with FakeMetabase(Store(set(FIELDS), release=request.param)) as running:
        yield running


@dataclass
class Pusher:
    """Pushes a folder to the stand-in, as the command does."""

    server: FakeMetabase
    folder: ContentFolder

    def client(self) -> MetabaseClient:
        client = MetabaseClient(self.server.url, timeout_seconds=5, wait_seconds=0.001)
        client.use_api_key(SecretStr(API_KEY))
        return client

    def plan(self, client: MetabaseClient, *, prune: bool = False) -> Plan:
        content = load_content(self.folder.path)
        return make_plan(client, content, "qbank", "analytics", prune=prune)

    def push(self, *, prune: bool = False) -> dict[str, Outcome]:
        """Returns the outcomes by key of what was not already right."""
        self.server.requests.clear()
        with self.client() as client:
            outcomes = apply_plan(client, self.plan(client, prune=prune))
        return {o.step.key: o for o in outcomes if o.result != "unchanged"}


@pytest.fixture
def pusher(server: FakeMetabase, folder: ContentFolder) -> Pusher:
    return Pusher(server, folder)
