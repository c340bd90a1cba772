"""What an analyst finds without SQL, held against the marts."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from qbank.importing.requested import carry_out
from qbank.postgres import connect
from qbank.reporting import renew
from qbank.stores import data_requests, exam_reports
from tests.e2e.accessibility import violations
from tests.e2e.conftest import MakeVisitor
from tests.orchestration.comparisons import report

COMPARISON = report()


def one(question: str) -> tuple[object, ...]:
    with connect("analyst") as connection:
        row = connection.execute(question).fetchone()
    assert row is not None
    return row


def test_coverage_is_filtered_and_agrees_with_the_mart(visitor: MakeVisitor) -> None:
    short, to_write, published = one(
        """SELECT count(*) FILTER (WHERE items_to_write > 0), sum(items_to_write),
                  sum(published_items)
           FROM analytics.blueprint_coverage WHERE exam_code = 'MED-B' AND difficulty = 'all'"""
    )
    person = visitor().sign_in("ana", "analyst").menu("Blueprint coverage")
    person.choose("Exam", "Clinical foundations")
    assert person.page.url.endswith("exam=MED-B")
    assert person.metric("Published items") == f"{published:,}"
    assert person.metric("Topics short") == str(short)
    assert person.metric("Items to write") == f"{to_write:,}"
    person.page.get_by_text("Only topics that lack items").click()
    person.settle()
    if short:
        expect(person.page.get_by_text(re.compile(r"^\d+ items in"))).to_have_count(min(short, 12))
    else:
        person.sees("Nothing is missing")


def test_an_item_is_found_and_opened(visitor: MakeVisitor) -> None:
    live, flagged = one(
        """SELECT count(*) FILTER (WHERE is_live),
                  count(*) FILTER (WHERE is_live AND flag_count > 0)
           FROM analytics.item_health WHERE exam_code = 'MED-A'"""
    )
    person = visitor().sign_in("ana", "analyst").menu("Item health")
    person.choose("Exam", "Basic medical sciences")
    assert person.metric("Live items") == str(live)
    assert person.metric("With a flag") == str(flagged)
    person.tick_row(0)
    expect(person.page.get_by_role("tab", name="Characteristic curve")).to_be_visible()
    assert re.search(r"item=\d+\.\d+", person.page.url)
    expect(person.page.get_by_test_id("stVegaLiteChart").first).to_be_visible()
    for name, text in (
        ("Options", "How often each option is chosen"),
        ("Exposure", "Exposure rate by week"),
        ("Parameters", "first answers, fitted"),
        ("Parameters", "Changes of sh_p"),
    ):
        person.tab(name).sees(re.compile(text))


def test_a_flag_is_snoozed_and_reopened(visitor: MakeVisitor) -> None:
    question, version, label, new = one(
        """SELECT question_id, version, flags[1],
                  (SELECT count(*) FILTER (WHERE is_live AND flags <> '{}')
                   FROM analytics.item_health WHERE exam_code = 'MED-A')
           FROM analytics.item_health
           WHERE exam_code = 'MED-A' AND is_live AND flag_count = 1 AND cardinality(flags) = 1
           ORDER BY question_id LIMIT 1"""
    )
    person = visitor().sign_in("ana", "analyst").goto(f"item?exam=MED-A&item={question}.{version}")
    said = rf"{label} \(\w[\w ]+, {{}}\): "
    person.tab("Flags").sees(re.compile(said.format("open")))
    person.press("Save decision").sees("Give a reason")
    person.choose("Decision", "Snooze").fill("Reason", "a new cohort: look again in a week")
    person.press("Save decision")
    person.sees(re.compile(said.format(r"snoozed until \d+ \w+ \d{4}")))
    # the marts were built tonight, for the first time
    person.goto("item-health?exam=MED-A").sees(f"Only new since yesterday ({new})")
    person.sees("1 item is hidden: their flags are all answered.")
    person.page.get_by_text("Also items whose flags are answered").click()
    person.settle()
    expect(person.page.get_by_text("flags are all answered")).to_have_count(0)
    person.goto(f"item?exam=MED-A&item={question}.{version}").tab("Flags")
    person.choose("Decision", "Reopen").fill("Reason", "it is looked into now")
    person.press("Save decision").sees(re.compile(said.format("open")))


def test_a_search_that_finds_nothing_says_what_to_do(visitor: MakeVisitor) -> None:
    person = visitor().sign_in("ana", "analyst").menu("Item health")
    person.fill("Search", "no such item").sees("No item matches").sees("Clear the search")


def test_exposure_agrees_with_the_mart(visitor: MakeVisitor) -> None:
    (highest,) = one(
        """SELECT max(exposure_rate_28d) FROM analytics.item_health
           WHERE exam_code = 'MED-A' AND is_live"""
    )
    person = visitor().sign_in("ana", "analyst").goto("exposure?exam=MED-A")
    assert person.metric("Highest rate") == f"{highest:.1%}"
    person.page.get_by_text("All time").click()
    person.settle()
    (highest,) = one(
        """SELECT max(exposure_rate) FROM analytics.item_health
           WHERE exam_code = 'MED-A' AND is_live"""
    )
    assert person.metric("Highest rate") == f"{highest:.1%}"


def test_mastery_of_a_student_and_the_experiment(visitor: MakeVisitor) -> None:
    user, theta = one(
        """SELECT user_id, theta FROM analytics.user_ability WHERE exam_code = 'MED-A'
           ORDER BY estimated_at DESC, user_id LIMIT 1"""
    )
    person = visitor().sign_in("ana", "analyst").goto("mastery?exam=MED-A")
    person.tab("By student").fill("Student", str(user))
    assert person.metric("Ability") == f"{theta:,.2f}"
    person.goto("experiment?exam=MED-A").sees("Highest exposure rate").sees("Test overlap")
    (cohorts,) = one(
        """SELECT count(*) FROM analytics.selector_experiment
           WHERE exam_code = 'MED-A' AND cohort_key = 'delivered_selector'"""
    )
    assert person.page.locator("thead th").count() == 1 + int(str(cohorts))


def test_fairness_and_fit_agree_with_the_marts(visitor: MakeVisitor) -> None:
    compared, attributes, large = one(
        """SELECT count(DISTINCT (question_id, version)), count(DISTINCT attribute),
                  count(DISTINCT (question_id, version)) FILTER (WHERE ets_class = 'C')
           FROM analytics.item_fairness WHERE exam_code = 'MED-A'"""
    )
    (poor,) = one(
        "SELECT count(*) FILTER (WHERE is_poor) FROM analytics.item_fit WHERE exam_code = 'MED-A'"
    )
    person = visitor().sign_in("ana", "analyst").menu("Fairness and fit")
    person.choose("Exam", "Basic medical sciences")
    assert person.metric("Items compared") == f"{compared:,}"
    assert person.metric("Items of class C") == f"{large:,}"
    assert person.metric("Items that do not fit") == f"{poor:,}"
    assert attributes == 2
    person.sees("first_language").sees("sex")
    with person.page.expect_download() as download:
        person.page.get_by_role("button", name="Download CSV").first.click()
    lines = download.value.path().read_text().splitlines()
    (rows,) = one("SELECT count(*) FROM analytics.item_fairness WHERE exam_code = 'MED-A'")
    assert len(lines) == 1 + int(str(rows))
    assert lines[0].startswith("question_id,version,external_ref")
    person.tab("Fit").sees("items with parameters and answers")


def test_the_technical_report_is_downloaded_and_asked_for(visitor: MakeVisitor) -> None:
    report, _ = renew("MED-A", cuts=[0.5])
    with connect("orchestration") as connection:
        pdf = exam_reports.file(connection, "MED-A", "pdf")
    person = visitor().sign_in("ana", "analyst").goto("report?exam=MED-A")
    assert person.metric("Not evidenced") == str(len(report.missing))
    with person.page.expect_download() as download:
        person.page.get_by_role("button", name="PDF").click()
    assert download.value.path().read_bytes() == pdf
    assert download.value.suggested_filename == "report-MED-A.pdf"
    assert person.button("Write a new one").count() == 0  # an administrator's
    person = visitor().sign_in("amy", "admin").goto("report?exam=MED-A")
    person.fill("Cut scores", "half").press("Write a new one").sees("'half' are no cut scores")
    person.fill("Cut scores", "0.5").press("Write a new one").sees("The report is being written")
    with connect("owner") as connection:
        (asked,) = data_requests.opened(connection)
    with connect("orchestration") as connection:
        claimed = data_requests.claim(connection, asked.id, "run-1")
    assert carry_out(claimed) == "done"
    person.sees("A new report would say what this one says")


def test_rules_are_compared_when_asked_and_the_one_in_use_is_named(visitor: MakeVisitor) -> None:
    person = visitor().sign_in("amy", "admin").goto("rules?exam=MED-A")
    person.sees("Nothing compared yet").press("Compare now").sees("The rules are being compared")
    with connect("owner") as connection:
        (asked,) = data_requests.opened(connection)
    with connect("orchestration") as connection:
        claimed = data_requests.claim(connection, asked.id, "run-1")
    with connect("owner") as connection:
        data_requests.finish(connection, claimed, "done", report=COMPARISON)
    person.sees("Rule by rule").sees("have changed since")
    assert person.metric("In use now") == "maximum_information, sympson hetter"
    person.saw_nothing_wrong()
    assert violations(person.page) == []
