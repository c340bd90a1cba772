"""Views are left out of a build while they stand as the last one of the same project left them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from qbank import postgres
from qbank.settings import Settings
from qbank_orchestration.standing_views import EXCLUDED, StandingViews


@pytest.fixture
def owner(settings: Settings) -> Iterator[postgres.Connection]:
    with postgres.connect("owner", settings=settings) as conn:
        for name in ("one", "two"):
            conn.execute(f"CREATE VIEW pg_temp.{name} AS SELECT 1 AS x")
            conn.execute(f"COMMENT ON VIEW pg_temp.{name} IS 'dbt {name}'")
        yield conn
        conn.rollback()


@pytest.mark.parametrize(
    ("change", "sources", "left_out"),
    [
        ("SELECT 1", "same", EXCLUDED),
        ("SELECT 1", "another", ()),
        ("DROP VIEW {}.two", "same", ()),
        ("COMMENT ON VIEW {}.one IS 'dbt another'", "same", ()),
        ("CREATE VIEW {}.of_nobody AS SELECT 1 AS x", "same", EXCLUDED),
    ],
)
def test_views_that_stand_are_left_out(
    owner: postgres.Connection, tmp_path: Path, change: str, sources: str, left_out: tuple[str, ...]
):
    row = owner.execute("SELECT nspname FROM pg_namespace WHERE oid = pg_my_temp_schema()")
    ((schema,),) = row.fetchall()
    relations = [f"{schema}.{name}" for name in ("one", "two", "a_table")]
    kept = tmp_path / "views.json"

    def views(sources: str) -> StandingViews:
        return StandingViews(owner, kept, sources=sources, relations=relations)

    assert views("same").excluded() == ()  # nothing is known of an earlier build
    views("same").keep()
    owner.execute(change.format(schema))
    assert views(sources).excluded() == left_out


def test_a_torn_file_and_an_unknown_project_leave_nothing_out(
    owner: postgres.Connection, tmp_path: Path
):
    kept = tmp_path / "views.json"
    views = StandingViews(owner, kept, sources="", relations=[])
    views.keep()
    assert views.excluded() == ()
    kept.write_text('{"sources"')
    assert StandingViews(owner, kept, sources="same", relations=[]).excluded() == ()
