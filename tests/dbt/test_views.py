"""Views are made when their SQL changes or they are gone, and left alone otherwise."""

from __future__ import annotations

import threading

import psycopg
from dbt.node_types import NodeType

from qbank.postgres import connect

STAGING = "analytics_staging"


def test_views_are_made_once(dbt, bank, owner, manifest):
    dbt.models()
    made = _views(owner)
    assert made.keys() == {
        node.name
        for node in manifest.nodes.values()
        if node.resource_type == NodeType.Model and node.config.materialized == "view"
    }
    dbt.models()
    assert _views(owner) == made


def test_view_is_made_anew_with_other_sql(dbt, bank, owner):
    dbt.models()
    made = _views(owner)
    dbt.models(as_of="2026-01-31 12:00+00")
    changed = {name for name, oid in _views(owner).items() if made[name] != oid}
    # those whose windows end with that moment, and no other
    assert changed == {"int_item_drift", "int_item_exposure", "int_item_statistics"}


def test_view_that_is_gone_comes_back(dbt, bank, owner):
    dbt.models()
    owner.execute(f"DROP VIEW {STAGING}.stg_topics CASCADE")
    dbt.models()
    assert "stg_topics" in _views(owner)


def test_view_that_falls_with_its_table_comes_back(dbt, bank, owner):
    dbt.models()
    # the table is exchanged for a new one, and what reads the old one goes with it
    dbt.models("fact_responses", "irt_responses", full_refresh=True)
    assert "irt_responses" in _views(owner)
    owner.execute("DROP TABLE analytics.fact_responses CASCADE")
    dbt.models()
    assert "irt_responses" in _views(owner)


def test_view_that_falls_with_the_view_it_reads_comes_back(dbt, bank, owner):
    dbt.models()
    made = _views(owner)
    owner.execute(f"COMMENT ON VIEW {STAGING}.stg_question_versions IS 'of another release'")
    dbt.models()
    changed = {name for name, oid in _views(owner).items() if made[name] != oid}
    assert changed == {"stg_question_versions", "int_item_options"}
    assert _views(owner).keys() == made.keys()


def test_view_takes_the_place_of_a_table(dbt, bank, owner):
    dbt.models()
    owner.execute(f"DROP VIEW {STAGING}.int_item_times CASCADE")
    owner.execute(f"CREATE TABLE {STAGING}.int_item_times (median_time_ms integer)")
    owner.execute(f"ALTER TABLE {STAGING}.int_item_times OWNER TO qbank_orchestration")
    dbt.models("int_item_times")
    assert "int_item_times" in _views(owner)


def test_readers_find_every_mart_while_all_is_built_anew(dbt, bank, owner, settings):
    dbt.models()
    marts = [
        row[0]
        for row in owner.execute(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'v')"
            " AND relnamespace = 'analytics'::regnamespace"
        )
    ]
    assert {"irt_responses", "fact_responses"} <= set(marts)
    done, missed, read = threading.Event(), set(), 0

    def poll():
        nonlocal read
        with connect("analyst", settings=settings, autocommit=True) as analyst:
            while not done.is_set():
                for mart in marts:
                    try:
                        analyst.execute(f"SELECT 1 FROM analytics.{mart} LIMIT 1")  # noqa: S608
                    except psycopg.errors.UndefinedTable:
                        missed.add(mart)
                    read += 1

    reader = threading.Thread(target=poll)
    reader.start()
    try:
        dbt.models("tag:nightly_input", full_refresh=True)
        dbt.models(full_refresh=True)
    finally:
        done.set()
        reader.join()
    assert not missed
    assert read > len(marts)


def _views(owner):
    rows = owner.execute(
        """SELECT relname, oid FROM pg_class WHERE relkind = 'v'
        AND relnamespace IN ('analytics'::regnamespace, 'analytics_staging'::regnamespace)"""
    ).fetchall()
    return dict(rows)
