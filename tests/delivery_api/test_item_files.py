"""An exam's items as a file over HTTP: the bytes of the command, for who may read keys."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from delivery_api.issuers import ROLES
from delivery_api.routers import item_files
from delivery_api.services import Services
from qbank.exporting import export_items
from qbank.importing.exam import NewExam
from qbank.importing.questions import ItemsRequest, import_items
from tests.delivery_api.conftest import ITEMS

ITEMS_OF = "/v1/exams/core/items"
ENDINGS = {"csv": "csv", "gift": "gift", "qti": "zip", "parquet": "parquet"}
READERS = {"author", "reviewer", "publisher", "admin"}
CONTENT = ("external_ref", "stem", "option_a", "option_d", "key", "topic", "difficulty")


@pytest.fixture(scope="module", autouse=True)
def known(world):
    """Items have names, and the mart tells how often each was served, of both tenants."""
    with world.connect() as conn:
        conn.execute("UPDATE questions SET external_ref = 'Ünit ' || id WHERE tenant_id = 'demo'")
        conn.execute(
            """CREATE TABLE analytics.item_health AS
            SELECT exam_code, question_id, live_version AS version, tenant_id,
                0.25::float8 AS exposure_rate
            FROM question_publications"""
        )
        conn.execute("SELECT wall_off('analytics.item_health')")


@pytest.fixture
def author(as_user):
    return as_user("ada", "author")


def fetched(client: Any, headers: dict[str, str], form: str = "csv") -> httpx.Response:
    answer: httpx.Response = client.get(ITEMS_OF, params={"format": form}, headers=headers)
    return answer


def written(world: Any, folder: Path, form: str) -> Path:
    path = folder / f"core.{ENDINGS[form]}"
    export_items("core", path, settings=world.settings)
    return path


@pytest.mark.parametrize("form", ENDINGS)
def test_it_is_the_file_of_the_command(client, author, world, tmp_path, form):
    answer = fetched(client, author, form)
    assert answer.status_code == 200, answer.text
    assert answer.content == written(world, tmp_path, form).read_bytes()
    assert answer.headers["content-disposition"].endswith(f'"core.{ENDINGS[form]}"')
    told = (answer.headers["x-items"], answer.headers["x-items-left-out"])
    assert told == (str(ITEMS), "0")
    assert answer.headers["content-length"] == str(len(answer.content))


def test_what_is_known_of_items_is_in_it(client, author, tmp_path):
    rows = list(csv.DictReader(fetched(client, author).text.splitlines()))
    assert len(rows) == ITEMS
    assert {row["sh_p"] for row in rows} == {"0.6"}
    assert {row["exposure_rate"] for row in rows} == {"0.25"}
    assert all(row["a"] and row["key"] == "A" for row in rows)


@pytest.mark.parametrize("form", ENDINGS)
def test_it_comes_back_the_same(client, author, world, clone_database, tmp_path, form):
    answer = fetched(client, author, form)
    path = tmp_path / f"back.{ENDINGS[form]}"
    path.write_bytes(answer.content)
    asked = ItemsRequest((path,), "core", tenant="demo", dry_run=True)
    (report,) = import_items(asked, settings=world.settings)
    assert (report.items_known, report.items_read) == (ITEMS, ITEMS)
    with clone_database("empty") as empty:
        asked = replace(asked, dry_run=False, new_exam=NewExam())
        (report,) = import_items(asked, settings=empty)
        assert report.items_new == ITEMS
        export_items("core", tmp_path / "again.csv", settings=empty)
    with (tmp_path / "again.csv").open(newline="", encoding="utf-8") as file:
        after = list(csv.DictReader(file))
    before = list(csv.DictReader(fetched(client, author).text.splitlines()))
    names = [name for name in CONTENT if form != "gift" or name != "difficulty"]
    assert [[row[name] for name in names] for row in after] == [
        [row[name] for name in names] for row in before
    ]


@pytest.mark.parametrize("form", ENDINGS)
@pytest.mark.parametrize("role", sorted(ROLES))
def test_it_is_for_who_may_read_keys(client, as_user, role, form):
    answer = fetched(client, as_user("rob", role), form)
    assert answer.status_code == (200 if role in READERS else 403)


def test_another_tenant_has_no_such_exam(client, as_user):
    stranger = as_user("ada", *ROLES, tenant="other")
    assert fetched(client, stranger).status_code == 404
    own = client.get("/v1/exams/theirs/items", headers=stranger)
    assert own.headers["x-items"] == "30"
    assert "stem" in own.text
    assert "Ünit" not in own.text


def test_nobody_reads_the_keys_of_an_own_open_sitting(client, as_user):
    student, both = as_user("sam", "student"), as_user("sam", "author")
    body = {"filters": {"exam_code": "core", "mode": "exam", "num_questions": 3}}
    quiz = client.post("/v1/quizzes", json=body, headers=student).json()["quiz_id"]
    refused = fetched(client, both)
    assert (refused.status_code, refused.json()["quiz_id"]) == (409, quiz)
    assert client.post(f"/v1/quizzes/{quiz}/finish", headers=student).status_code == 200
    assert fetched(client, both).status_code == 200


def test_what_it_costs_has_a_bound(client, author, monkeypatch):
    services = Services.of(client.app)
    few = services.api.model_copy(update={"api_export_items": ITEMS - 1})
    monkeypatch.setattr(services, "api", few)
    refused = fetched(client, author)
    assert (refused.status_code, refused.json()["type"]) == (
        422,
        "urn:qbank:problem:too-many-items",
    )
    assert "more than 119 items: raise QBANK_API_EXPORT_ITEMS" in refused.json()["detail"]
    monkeypatch.undo()
    with item_files._making:  # while another caller's is made
        busy = fetched(client, author)
    assert (busy.status_code, busy.headers["retry-after"]) == (503, "2")
    assert fetched(client, author).status_code == 200


def test_a_wrong_format_is_refused_by_name(client, author):
    refused = fetched(client, author, "docx")
    assert refused.status_code == 422
    assert (
        "query.format: Input should be 'csv', 'gift', 'qti' or 'parquet'"
        in (refused.json()["detail"])
    )
