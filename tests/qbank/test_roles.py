"""Each role may do its work and no more; the least the schema promises."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from qbank.errors import SettingsError
from qbank.postgres import connect, dagster_url, dsn, libpq_environment


@pytest.mark.parametrize(
    ("role", "query"),
    [
        ("analyst", "SELECT 1 FROM user_responses"),
        ("analyst", "SELECT 1 FROM questions"),
        ("analyst", "CREATE TABLE analytics.mine (i int)"),
        ("delivery", "INSERT INTO item_calibration DEFAULT VALUES"),
        ("delivery", "DELETE FROM user_responses"),
        ("delivery", "UPDATE user_responses SET is_correct = true"),
        ("delivery", "DELETE FROM item_exposure_history"),
        ("delivery", "CREATE TABLE public.mine (i int)"),
        ("delivery", "SELECT 1 FROM import_batches"),
        ("orchestration", "INSERT INTO user_responses DEFAULT VALUES"),
        ("orchestration", "UPDATE question_versions SET state = 'draft'"),
        ("orchestration", "UPDATE item_exposure_history SET after = 1"),
        ("orchestration", "CREATE TABLE public.mine (i int)"),
        ("orchestration", "CREATE ROLE mine"),
    ],
)
def test_what_a_role_may_not_do(settings, role, query):
    with connect(role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(query)


def test_marts_are_for_analysts_to_read_and_orchestration_to_make(settings):
    with connect("orchestration") as connection:
        connection.execute("CREATE TABLE analytics.mart AS SELECT 1 AS n")
    with connect("analyst") as connection:
        assert connection.execute("SELECT n FROM analytics.mart").fetchall() == [(1,)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM analytics.mart")


def test_an_unknown_role_is_named(settings):
    with pytest.raises(SettingsError, match="role 'root' is unknown: use one of owner, delivery"):
        connect("root")


def test_addresses_name_the_role_and_the_database(settings):
    environment = libpq_environment("orchestration")
    assert environment["PGUSER"] == "qbank_orchestration"
    assert environment["PGDATABASE"] == settings.database
    with psycopg.connect(dsn("analyst")) as connection:
        assert connection.info.user == "qbank_analyst"
    assert dagster_url().startswith("postgresql+psycopg2://qbank_orchestration:")
    assert dagster_url().endswith(f"/{settings.database}_dagster?plugin=qbank_kept_connections")


def test_dagsters_storage_keeps_its_connection_and_makes_another_when_that_is_gone(settings):
    def server_processes(count):
        for _ in range(count):
            with engine.connect() as connection:
                yield connection.execute(text("SELECT pg_backend_pid()")).scalar_one()

    engine = create_engine(dagster_url(), poolclass=NullPool)  # as Dagster's storages ask for it
    first, again = server_processes(2)
    assert first == again
    with connect(autocommit=True) as owner:
        owner.execute("SELECT pg_terminate_backend(%s, 5000)", [first])
    (another,) = server_processes(1)
    assert another != first
    engine.dispose()


@pytest.mark.parametrize("address", ["postgresql://boss@h/bank", "postgresql://boss:old@h/bank"])
def test_the_owner_s_password_may_have_any_letters(settings, monkeypatch, address):
    nasty = "p@ss:/w#rd %41?&=+'\"\\$ö"
    monkeypatch.setenv("QBANK_DATABASE_URL", address)
    monkeypatch.setenv("QBANK_DATABASE_PASSWORD", nasty)
    assert conninfo_to_dict(dsn("owner"))["password"] == nasty
    assert libpq_environment("owner")["PGPASSWORD"] == nasty
    monkeypatch.setenv("QBANK_ORCHESTRATION_PASSWORD", f"{nasty}!")
    assert conninfo_to_dict(dsn("orchestration"))["password"] == f"{nasty}!"
    assert make_url(dagster_url()).password == f"{nasty}!"


def test_an_external_address_keeps_its_options_and_changes_the_user(settings, monkeypatch):
    monkeypatch.setenv(
        "QBANK_DATABASE_URL", "postgresql://boss:p%40ss@db.example:6432/bank?sslmode=require"
    )
    monkeypatch.setenv("QBANK_DELIVERY_PASSWORD", "d:/@")
    assert dsn("owner") == "postgresql://boss:p%40ss@db.example:6432/bank?sslmode=require"
    assert dsn("delivery") == (
        "postgresql://qbank_delivery:d%3A%2F%40@db.example:6432/bank?sslmode=require"
    )
    assert libpq_environment("delivery") == {
        "PGHOST": "db.example",
        "PGPORT": "6432",
        "PGUSER": "qbank_delivery",
        "PGPASSWORD": "d:/@",
        "PGDATABASE": "bank",
        "PGSSLMODE": "require",
    }


def test_a_socket_address_survives(settings, monkeypatch):
    monkeypatch.setenv("QBANK_DATABASE_URL", "postgresql://boss@/bank?host=/run/postgresql")
    assert dsn("owner") == "postgresql://boss@/bank?host=%2Frun%2Fpostgresql&port=5432"


def test_an_address_without_a_database_is_refused(settings, monkeypatch):
    monkeypatch.setenv("QBANK_DATABASE_URL", "postgresql://boss@db.example")
    with pytest.raises(SettingsError, match="names no database"):
        dsn("owner")
