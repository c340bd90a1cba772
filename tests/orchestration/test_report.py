"""The technical report of a calibrated exam: its numbers are those of the marts and of the runs."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from statistics import fmean, variance
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from calibration import Population
from qbank.postgres import connect
from qbank.reporting import Document, gather, write, writing
from qbank.reporting.subject import ReportError
from qbank.stores import runs
from tests.orchestration.conftest import ALGEBRA, GEOMETRY, Exams, MakeTemplate, copied

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def reported(reported_template: MakeTemplate) -> Iterator[Exams]:
    """Both exams calibrated and their results in the marts; the tests here leave that as it is."""
    with copied(reported_template) as exams:
        yield exams


def rows(query: str, *values: object) -> list[tuple]:
    with connect("owner") as conn:
        return conn.execute(query, values).fetchall()


def newest(kind: str, exam: str = ALGEBRA) -> runs.Run:
    ((run_id,),) = rows(
        "SELECT id FROM calibration_runs WHERE exam_code = %s AND kind = %s AND status = 'done'"
        " ORDER BY finished_at DESC LIMIT 1",
        exam,
        kind,
    )
    with connect("owner") as conn:
        return runs.get(conn, run_id)


def table(document: Document, section: str, name: str) -> list[dict[str, object]]:
    found = next(t for t in document.section(section).tables if t.name == name)
    return [dict(zip(found.columns, row, strict=True)) for row in found.rows]


def test_items_are_those_of_the_marts(reported: Exams):
    told = table(gather(ALGEBRA), "items", "items")
    marts = rows(
        "SELECT coalesce(q.external_ref, q.id::text), h.version, h.first_attempts, h.p_value,"
        " h.r_point_biserial, h.a, h.b, h.se_b, h.sh_p, h.exposure_rate"
        " FROM analytics.item_health AS h JOIN questions AS q ON q.id = h.question_id"
        " WHERE h.exam_code = %s AND h.is_live ORDER BY 1, 2",
        ALGEBRA,
    )
    names = ("item", "version", "n", "p", "r", "a", "b", "se_b", "sh_p", "exposure_rate")
    assert [tuple(row[name] for name in names) for row in told] == marts
    # of the answers themselves
    raw = dict(
        rows(
            "SELECT coalesce(q.external_ref, q.id::text), avg(r.is_correct::integer)::float"
            " FROM analytics.fact_responses AS r JOIN questions AS q ON q.id = r.question_id"
            " WHERE r.exam_code = %s AND r.is_first_attempt GROUP BY 1",
            ALGEBRA,
        )
    )
    assert len(told) > 10
    assert {row["item"]: row["p"] for row in told} == pytest.approx(raw)


def test_exposure_and_precision_are_those_of_the_certificate(reported: Exams):
    document, run = gather(ALGEBRA), newest("sympson_hetter")
    certificate = run.result["certificate"]
    assert document.run_id == run.id
    exposure, precision = document.section("exposure"), document.section("precision")
    assert exposure.value("max_exposure_upper") == certificate["max_exposure_upper"]
    price = certificate["rmse"] - certificate["rmse_before"]
    assert exposure.value("rmse_price") == pytest.approx(price)
    sd = Population.of(certificate["population"]).sd
    assert precision.value("marginal_reliability") == pytest.approx(
        1 - (certificate["rmse"] / sd) ** 2
    )
    errors = table(document, "precision", "conditional_standard_error")
    assert [row["with_control"] for row in errors] == certificate["se"]


def test_predicted_and_observed_rates_stand_side_by_side(reported: Exams):
    assert table(gather(ALGEBRA), "exposure", "observed") == []
    update = (
        "UPDATE analytics.item_health SET observed_sessions = {}, observed_exposure_rate = {}"
        " WHERE exam_code = %s AND is_live"
    )
    with connect("owner", autocommit=True) as conn:
        conn.execute(update.format(500, "0.9 * predicted_exposure_rate"), (ALGEBRA,))
        try:
            document = gather(ALGEBRA)
        finally:
            conn.execute(update.format("NULL", "NULL"), (ALGEBRA,))
    told = table(document, "exposure", "observed")
    certified = newest("sympson_hetter").result["summary"]["administered"]
    assert sorted(row["predicted"] for row in told) == pytest.approx(sorted(certified))
    exposure = document.section("exposure")
    assert exposure.value("observed_sittings") == 500
    assert exposure.value("largest_difference") == pytest.approx(0.1 * max(certified))
    assert exposure.value("highest_observed") == pytest.approx(0.9 * max(certified))
    (chart,) = exposure.charts
    assert chart.lines[0].y == pytest.approx([0.9 * x for x in chart.lines[0].x])


def test_fit_and_fairness_are_those_of_the_night(reported: Exams):
    told = table(gather(ALGEBRA), "fit", "items")
    marts = rows(
        "SELECT count(*), sum(rmsd), count(*) FILTER (WHERE is_poor) FROM analytics.item_fit"
        " WHERE exam_code = %s",
        ALGEBRA,
    )
    rmsd = sum(row["rmsd"] for row in told)
    assert marts == [(len(told), pytest.approx(rmsd), sum(row["is_poor"] for row in told))]
    assert len(told) == 60
    assert "--group-col" in gather(ALGEBRA).section("fairness").missing
    plant = (
        "INSERT INTO analytics.item_fairness SELECT made.* FROM (SELECT"
        " h.*, row_number() OVER (ORDER BY question_id) AS number FROM analytics.item_health AS h"
        " WHERE exam_code = %s LIMIT 3) AS item, LATERAL jsonb_populate_record("
        "NULL::analytics.item_fairness, jsonb_build_object('tenant_id', item.tenant_id,"
        " 'exam_code', item.exam_code, 'question_id', item.question_id, 'version', item.version,"
        " 'attribute', 'region', 'focal', 'south', 'reference', 'north', 'n_focal', 200 + number,"
        " 'n_reference', 400, 'delta', -number, 'delta_lower', -number - .5,"
        " 'delta_upper', -number + .5, 'ets_class', chr(64 + number::integer),"
        " 'favoured', 'north', 'uniform_p', .01, 'nonuniform_p', .5, 'q_value', .02,"
        " 'power', .5 + number / 10.0, 'examined_at', now())) AS made"
    )
    with connect("owner", autocommit=True) as conn:
        conn.execute(plant, (ALGEBRA,))
        try:
            document = gather(ALGEBRA)
        finally:
            conn.execute("DELETE FROM analytics.item_fairness WHERE attribute = 'region'")
    (group,) = table(document, "fairness", "groups")
    assert (group["items"], group["moderate"], group["large"]) == (3, 1, 1)
    assert (group["least_n_focal"], group["mean_power"]) == (201, pytest.approx(0.7))
    named = table(document, "fairness", "items")
    assert [(row["ets_class"], row["delta"], row["favoured"]) for row in named] == [
        ("C", -3.0, "north"),
        ("B", -2.0, "north"),
    ]
    assert document.section("fairness").value("large") == 1
    clauses = {row["clause"]: row for row in table(document, "standards", "clauses")}
    assert clauses["3.3"]["evidence"] == "Fairness"


def test_reliability_and_decisions_come_from_what_persons_got(reported: Exams):
    document = gather(ALGEBRA, cuts=[0.5, -0.5])
    estimates = rows(
        "SELECT theta, theta_se FROM analytics.user_ability WHERE exam_code = %s", ALGEBRA
    )
    spread = variance(theta for theta, _ in estimates)
    noise = fmean(se**2 for _, se in estimates)
    assert document.section("precision").value("empirical_reliability") == pytest.approx(
        spread / (spread + noise)
    )
    low, high = table(document, "decisions", "cuts")
    assert (low["cut"], high["cut"]) == (-0.5, 0.5)
    for row in (low, high):
        above = [
            0.5 * (1 + math.erf((theta - row["cut"]) / se / math.sqrt(2)))
            for theta, se in estimates
        ]
        passed = [theta >= row["cut"] for theta, _ in estimates]
        right = [p if ok else 1 - p for p, ok in zip(above, passed, strict=True)]
        assert row["pass_rate"] == pytest.approx(fmean(passed))
        assert row["accuracy"] == pytest.approx(fmean(right))
        assert row["consistency"] == pytest.approx(fmean(p * p + (1 - p) ** 2 for p in above))
    assert low["pass_rate"] > high["pass_rate"]


def test_information_is_that_of_the_formula(reported: Exams):
    document = gather(ALGEBRA)
    (middle,) = (row for row in table(document, "precision", "information") if row["theta"] == 0.0)
    parameters = rows(
        "SELECT a, b, c FROM analytics.item_health WHERE exam_code = %s AND is_live"
        " AND a IS NOT NULL",
        ALGEBRA,
    )
    each = []
    for a, b, c in parameters:
        p = c + (1 - c) / (1 + math.exp(1.7 * a * b))
        each.append((1.7 * a) ** 2 * (1 - p) / p * ((p - c) / (1 - c)) ** 2)
    assert middle["all_items"] == pytest.approx(sum(each), rel=1e-5)
    length = int(document.section("design").value("test_length"))
    best = sum(sorted(each)[-length:])
    assert middle["best_items"] == pytest.approx(best, rel=1e-5)
    assert middle["standard_error_of_best"] == pytest.approx(best**-0.5, rel=1e-5)


def test_an_item_that_is_certain_somewhere_has_no_information_there(reported: Exams):
    """a = 11, b = −2: at θ = 3 its P is 1 to the last bit."""
    steep = (
        "UPDATE analytics.item_health SET a = {}, b = {} WHERE exam_code = %s AND question_id = %s"
    )
    ((question, a, b),) = rows(
        "SELECT question_id, a, b FROM analytics.item_health WHERE exam_code = %s AND is_live"
        " ORDER BY question_id LIMIT 1",
        ALGEBRA,
    )
    usual = {row["theta"]: row for row in table(gather(ALGEBRA), "precision", "information")}
    with connect("owner", autocommit=True) as conn:
        conn.execute(steep.format(11, -2), (ALGEBRA, question))
        try:
            document = gather(ALGEBRA)
        finally:
            conn.execute(
                "UPDATE analytics.item_health SET a = %s, b = %s WHERE exam_code = %s"
                " AND question_id = %s",
                (a, b, ALGEBRA, question),
            )
    told = {row["theta"]: row for row in table(document, "precision", "information")}
    assert all(math.isfinite(row["all_items"]) for row in told.values())
    assert told[3.0]["all_items"] <= usual[3.0]["all_items"]
    assert told[-2.0]["all_items"] > usual[-2.0]["all_items"] + 50
    assert "NaN" not in document.json()


def test_what_was_gone_back_to_is_what_is_certified(reported: Exams):
    """A rollback to the first run, a dry run after it: neither the newest nor the dry one holds."""
    first = newest("sympson_hetter")
    copy = (
        "INSERT INTO calibration_runs SELECT made.* FROM calibration_runs AS r,"
        " jsonb_populate_record(r, %s) AS made WHERE r.id = %s"
    )
    later = {
        "kind": "sympson_hetter", "id": str(UUID(int=11)), "minutes": 1, "params": first.params
    }  # fmt: skip
    back = {
        "kind": "rollback", "id": str(UUID(int=12)), "minutes": 2,
        "params": {"run_id": str(first.id)},
    }  # fmt: skip
    dry = later | {"id": str(UUID(int=13)), "minutes": 3, "stopped_reason": "dry_run"}
    with connect("owner", autocommit=True) as conn:
        try:
            for made in (later, back, dry):
                finished = first.finished_at + timedelta(minutes=made.pop("minutes"))
                conn.execute(copy, (Jsonb(made | {"finished_at": str(finished)}), first.id))
            assert gather(ALGEBRA).run_id == first.id
            with pytest.raises(ReportError, match="sympson_hetter, dry_run: name one that"):
                gather(ALGEBRA, run_id=UUID(int=13))
            assert gather(ALGEBRA, run_id=UUID(int=11)).run_id == UUID(int=11)
        finally:
            conn.execute("ALTER TABLE calibration_runs DISABLE TRIGGER USER")
            conn.execute(
                "DELETE FROM calibration_runs WHERE id = ANY(%s)",
                ([UUID(int=number) for number in (11, 12, 13)],),
            )
            conn.execute("ALTER TABLE calibration_runs ENABLE TRIGGER USER")


def test_changes_and_lineage_name_who_and_what(reported: Exams):
    with connect("owner") as conn:
        conn.execute(
            "INSERT INTO item_exposure_history (exam_code, question_id, version, before, after,"
            " source, actor, note, at) SELECT exam_code, question_id, version, sh_p, .5, 'manual',"
            " 'ann', 'seen in a forum', now() - interval '1 minute' FROM item_exposure_control"
            " WHERE exam_code = %s ORDER BY question_id LIMIT 1",
            (ALGEBRA,),
        )
        conn.execute("ALTER TABLE calibration_runs DISABLE TRIGGER USER")
        conn.execute(
            "UPDATE calibration_runs SET finished_at = now() WHERE exam_code = %s"
            " AND kind = 'sympson_hetter' AND status = 'done'",
            (ALGEBRA,),
        )
        conn.execute("ALTER TABLE calibration_runs ENABLE TRIGGER USER")
    document, run = gather(ALGEBRA), newest("sympson_hetter")
    ran = table(document, "changes", "runs")
    assert (ran[-1]["run"], ran[-1]["requested_by"]) == (str(run.id), run.requested_by)
    assert {row["kind"] for row in ran} >= {"irt", "sympson_hetter"}
    (hand,) = table(document, "changes", "by_hand")
    assert (hand["by"], hand["after"], hand["note"]) == ("ann", 0.5, "seen in a forum")
    told = {row["run"]: row for row in table(document, "lineage", "runs")}
    assert told[str(run.id)]["seed"] == str(run.seed)
    assert told[str(run.id)]["input"] == run.input_fingerprint
    assert json.loads(told[str(run.id)]["asked"]) == run.params


def test_clauses_without_evidence_are_named_so(reported: Exams):
    clauses = {row["clause"]: row for row in table(gather(ALGEBRA), "standards", "clauses")}
    assert clauses["2.14"]["evidence"] == "Precision"
    assert clauses["2.16"]["evidence"] == "not evidenced"
    assert clauses["5.21"]["evidence"] == "not evidenced"
    with_cut = table(gather(ALGEBRA, cuts=[0.0]), "standards", "clauses")
    assert {row["clause"]: row for row in with_cut}["2.16"]["evidence"].startswith("Decisions")


def test_files_are_the_same_bytes_when_repeated(reported: Exams, tmp_path: Path):
    first = write(gather(ALGEBRA, cuts=[0.0]), tmp_path / "first")
    again = write(gather(ALGEBRA, cuts=[0.0]), tmp_path / "again")
    names = [path.name for path in first.files]
    assert names == ["report.html", "report.pdf", "report.json", "statistics.csv"]
    for one, other in zip(first.files, again.files, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name
        assert one.stat().st_mode & 0o777 == 0o644
    kept = json.loads(first.files[2].read_text())
    assert kept["exam_code"] == ALGEBRA
    assert [section["name"] for section in kept["sections"]][-1] == "standards"
    pdf = first.files[1].read_bytes()
    assert pdf.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type /Page\b", pdf)) > 1
    (year,) = csv.DictReader(first.files[3].open())
    ((sittings, persons),) = rows(
        "SELECT count(*), count(DISTINCT user_id) FROM quiz_sessions WHERE exam_code = %s", ALGEBRA
    )
    assert (int(year["sittings"]), int(year["persons"])) == (sittings, persons)


def test_the_page_needs_no_other_file_and_shows_every_section(reported: Exams, tmp_path: Path):
    document = gather(ALGEBRA)
    page = write(document, tmp_path / "report").files[0].read_text()
    for section in document.sections:
        assert f'id="{section.name}"' in page
    assert page.count("<svg") == sum(len(section.charts) for section in document.sections)
    assert "<script" not in page
    assert not re.search(r"""(src|href)=["'](?!\#)""", page)


def test_a_name_is_text_and_no_markup(reported: Exams, tmp_path: Path):
    with connect("owner") as conn:
        conn.execute(
            "UPDATE exams SET title = '<b>Algebra</b> & more' WHERE exam_code = %s", (ALGEBRA,)
        )
    page = write(gather(ALGEBRA), tmp_path / "report").files[0].read_text()
    assert "<h1>&lt;b&gt;Algebra&lt;/b&gt; &amp; more</h1>" in page
    assert writing.prose("a < b: `qbank x`") == "a &lt; b: <code>qbank x</code>"


def test_an_earlier_run_is_reported_as_it_was(reported: Exams):
    estimation = newest("irt")
    document = gather(ALGEBRA, run_id=estimation.id)
    told = {row["kind"]: row for row in table(document, "lineage", "runs")}
    assert told["irt"]["run"] == str(estimation.id)
    # the calibration of exposure control came after it
    assert "sympson_hetter" not in told
    assert document.section("exposure").missing.startswith("no calibration was published")


def test_what_cannot_be_reported_is_refused(reported: Exams, tmp_path: Path):
    with pytest.raises(ReportError, match="exam 'NONE' does not exist; known exams"):
        gather("NONE")
    with pytest.raises(ReportError, match="does not exist: see `qbank runs list`"):
        gather(ALGEBRA, run_id=UUID(int=7))
    other = newest("irt", GEOMETRY)
    with pytest.raises(ReportError, match=f"run {other.id} is of exam {GEOMETRY}, not {ALGEBRA}"):
        gather(ALGEBRA, run_id=other.id)
    document = gather(ALGEBRA)
    (tmp_path / "taken").mkdir()
    with pytest.raises(ReportError, match="taken is there already"):
        write(document, tmp_path / "taken")
    with pytest.raises(ReportError, match="is no folder"):
        write(document, tmp_path / "no" / "report")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
    rename = "ALTER TABLE analytics.{} RENAME TO {}"
    with connect("owner", autocommit=True) as conn:
        conn.execute(rename.format("item_health", "item_health_away"))
        try:
            with pytest.raises(ReportError, match="the marts are not built yet: `qbank nightly`"):
                gather(ALGEBRA)
        finally:
            conn.execute(rename.format("item_health_away", "item_health"))
