"""Technical reports over the API: the newest one read and downloaded, another one asked for."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from qbank.postgres import connect
from qbank.stores import exam_reports
from qbank.stores.exam_reports import ExamReport
from tests.delivery_api.test_imports import told, work

PATH = "/v1/exams/core/report"
FILES = {"html": b"<p>\xc3\xa9</p>", "pdf": b"%PDF-\x00\xff", "json": b"{}\n", "csv": b"year\n"}
MADE = ExamReport(
    exam_code="core",
    input_fingerprint="f",
    cuts=[0.5],
    run_id=None,
    as_of=datetime(2026, 3, 1, tzinfo=UTC),
    missing={"Fairness": "no attributes"},
    sha256="0" * 64,
    folder="/nowhere",
    written_at=datetime(2026, 3, 1, tzinfo=UTC),
)


@pytest.fixture(autouse=True)
def clean(world):
    yield
    with world.connect() as conn:
        conn.execute("DELETE FROM exam_reports")
        conn.execute("DELETE FROM data_requests")


def test_the_newest_report_is_read_and_downloaded(client, as_user, world):
    ana = as_user("ana", "analyst")
    assert client.get(PATH, headers=ana).status_code == 404
    assert client.get(f"{PATH}/files/pdf", headers=ana).status_code == 404
    with connect("orchestration", settings=world.settings) as conn:
        exam_reports.keep(conn, MADE, FILES)
    shown = client.get(PATH, headers=ana).json()
    assert (shown["exam_code"], shown["cuts"], shown["missing"]) == ("core", [0.5], MADE.missing)
    assert "folder" not in shown
    for form, content in FILES.items():
        given = client.get(f"{PATH}/files/{form}", headers=ana)
        assert given.content == content, form
        # a page is saved, and not run where the API is
        assert given.headers["content-disposition"] == f'attachment; filename="report-core.{form}"'
    assert client.get(f"{PATH}/files/exe", headers=ana).status_code == 422
    stranger = as_user("ana", "analyst", tenant="other")
    assert client.get(f"{PATH}/files/pdf", headers=stranger).status_code == 404


def test_a_report_is_asked_for_and_followed(client, as_user, world):
    amy = as_user("amy", "admin")
    asked = client.post(PATH, json={"cuts": [1, -0.5]}, headers=amy)
    waits = told(client, amy, asked)
    assert (waits["state"], waits["options"], waits["is_new"]) == (
        "queued",
        {"cuts": [1.0, -0.5]},
        None,
    )
    # nothing was ever calibrated in this world
    assert work(world) == ["refused"]
    ended = told(client, amy, asked)
    assert (ended["state"], ended["error"]) == (
        "refused",
        "the marts are not built yet: `qbank nightly` builds them",
    )
    # it is a request of that exam, and no import
    where = asked.headers["location"]
    assert client.get(where.replace("/core/", "/LIC/"), headers=amy).status_code == 404
    assert client.get(f"/v1/imports/{ended['id']}", headers=amy).status_code == 404
    (note,) = client.get("/v1/admin/audit", params={"action": "report.ask"}, headers=amy).json()[
        "items"
    ]
    assert (note["actor"], note["target"]) == ("amy", f"exam=core request={ended['id']}")


@pytest.mark.parametrize("cuts", [["high"], [11], [float(k) / 10 for k in range(21)], "0.5"])
def test_cut_scores_that_cannot_be_are_named(client, as_user, cuts):
    refused = client.post(PATH, json={"cuts": cuts}, headers=as_user("amy", "admin"))
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"].startswith("body.cuts")
