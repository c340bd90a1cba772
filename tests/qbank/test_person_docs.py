"""What is stored about a person is told table by table, and no table is left out."""

from __future__ import annotations

import re

from qbank.people.staff import STAFF
from qbank.people.stored import DERIVED, PERSONAL
from qbank.postgres import connect
from qbank.project_files import checkout

ALL_STORED = (*PERSONAL, *DERIVED, *STAFF)
PAGE = checkout() / "docs" / "core" / "people.md"
_ROW = re.compile(
    r"^\| `(?P<table>[\w.]+)` \((?P<columns>`[^)]+`)\) \| [^|]+ \| [^|]+ \| (?P<fate>[^|]+) \|$",
    re.M,
)
# names of columns that may hold a person's id, or lead to one
_PERSONAL = (
    r"(^|_)(user|users|person|people|student|actor|reviewer|author|username)(_|$)|_by$|^quiz_id$"
)
_NOT_OF_A_PERSON = {
    # a number of people, a role of Postgres, and who ran a migration
    ("exposure_daily", "people"),
    ("audit_log", "written_by"),
    ("_yoyo_log", "username"),
    # documents that name nobody, or go with a row that is the person's
    ("calibration_runs", "history"),
    ("calibration_runs", "params"),
    ("calibration_runs", "result"),
    ("data_requests", "options"),
    ("exam_reports", "missing"),
    ("feature_flags", "value_json"),
    ("import_batches", "mapping"),
    ("item_examinations", "people_version"),
    ("item_examinations", "summary"),
    ("question_versions", "assets"),
    ("question_versions", "reference_list"),
    ("question_versions", "tags"),
    ("quiz_results", "items"),
    ("quiz_sessions", "filters"),
    ("scoring_rules", "credit"),
}


def unnamed(connection) -> set[tuple[str, str]]:
    """Columns of tables that may tell of a person and that nothing says so of."""
    found = connection.execute(
        """SELECT c.table_name, c.column_name FROM information_schema.columns AS c
        JOIN information_schema.tables AS t USING (table_schema, table_name)
        WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'
            AND (c.column_name ~ %s OR c.data_type = 'jsonb')""",
        [_PERSONAL],
    ).fetchall()
    named = {(stored.table, column) for stored in ALL_STORED for column in stored.columns}
    return {*found} - named - _NOT_OF_A_PERSON


def test_every_column_that_may_tell_of_a_person_is_named(settings):
    with connect() as connection:
        assert unnamed(connection) == set()
        connection.execute(
            "CREATE TABLE visits (user_id text, seen_by text, answer_id bigint, told jsonb)"
        )
        assert unnamed(connection) == {
            ("visits", column) for column in ("user_id", "seen_by", "told")
        }


def test_the_page_names_what_is_stored_and_what_becomes_of_it():
    told = {
        (row["table"], tuple(re.findall(r"`(\w+)`", row["columns"])), row["fate"])
        for row in _ROW.finditer(PAGE.read_text())
    }
    assert told == {(stored.table, stored.columns, stored.fate) for stored in ALL_STORED}


def test_what_is_named_is_there(settings):
    with connect() as connection:
        there = {
            (table, column)
            for table, column in connection.execute(
                "SELECT table_name, column_name FROM information_schema.columns"
            )
        }
    named = {
        (stored.table, column)
        for stored in ALL_STORED
        if not stored.table.startswith("analytics.")  # dbt makes them
        for column in stored.columns
    }
    assert named <= there
