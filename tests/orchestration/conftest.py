"""Real jobs on a real instance: two small exams whose marts are built once and cloned for tests."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache

import pytest
from psycopg import sql

from qbank import postgres
from qbank_orchestration.instance import instance
from qbank_orchestration.running import Runner
from tests.conftest import Names
from tests.orchestration.planted import Planted, plant, sit

ALGEBRA, GEOMETRY = "algebra", "geometry"


@dataclass(frozen=True)
class Exams:
    """The two exams of the template."""

    algebra: Planted
    geometry: Planted


MakeTemplate = Callable[[], tuple[str, Exams]]


@pytest.fixture
def today() -> date:
    """The UTC day."""
    return datetime.now(UTC).date()


@pytest.fixture(scope="session")
def template(clone_database) -> Iterator[MakeTemplate]:
    """A database with two exams, controlled sessions of the last days, and its marts built.

    Calling it gives its name. What was planted "yesterday" is built anew when the day has ended.
    """
    with ExitStack() as stack:

        @cache
        def build(day: date) -> tuple[str, Exams]:
            settings = stack.enter_context(clone_database("empty"))
            exams = Exams(plant(ALGEBRA), plant(GEOMETRY, seed=2))
            # the hour of the run moves no sitting into another day
            noon = datetime.combine(day, time(12), UTC)
            for planted in (exams.algebra, exams.geometry):
                for ago in range(1, 11):
                    sit(
                        planted,
                        persons=60,
                        length=10,
                        seed=ago,
                        started=noon - timedelta(days=ago),
                        selector="sympson_hetter",
                        favourites=4,
                        prefix="c",
                    )
            with instance() as opened:
                built = Runner(opened).run("rebuild_marts")
            assert built.success, built.error
            return settings.database, exams

        yield lambda: build(datetime.now(UTC).date())


@contextmanager
def copied(template: MakeTemplate) -> Iterator[Exams]:
    """A copy of a template, which the environment names meanwhile."""
    source, exams = template()
    name = _COPIES.take()
    with _server() as server:
        # a template may have no other session; the instance that built it is closed by now
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                       " WHERE datname = %s", (source,))  # fmt: skip
        for statement, made, of in (
            ("CREATE DATABASE {} TEMPLATE {}", name, source),
            ("CREATE DATABASE {} OWNER {}", f"{name}_dagster", "qbank_orchestration"),
        ):
            server.execute(sql.SQL(statement).format(sql.Identifier(made), sql.Identifier(of)))
    before = os.environ["QBANK_DATABASE"]
    os.environ["QBANK_DATABASE"] = name
    try:
        yield exams
    finally:
        os.environ["QBANK_DATABASE"] = before
        with _server() as server:
            for doomed in (name, f"{name}_dagster"):
                server.execute(
                    sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(doomed))
                )
        _COPIES.give_back(name)


@pytest.fixture
def exams(template: MakeTemplate) -> Iterator[Exams]:
    """A fresh copy of the template; the environment names it."""
    with copied(template) as exams:
        yield exams


@pytest.fixture
def runner(exams: Exams) -> Iterator[Runner]:
    """Executes jobs in this process, on an instance of the copy's own."""
    with instance() as opened:
        yield Runner(opened)


_COPIES = Names("copy")


def _server() -> postgres.Connection:
    return postgres.connect("owner", database="postgres", autocommit=True)


@pytest.fixture(scope="session")
def calibrated_template(template: MakeTemplate) -> Iterator[MakeTemplate]:
    """The template after both exams were calibrated and published."""
    with ExitStack() as stack:

        @cache
        def build(day: date) -> tuple[str, Exams]:
            exams = stack.enter_context(copied(template))
            with instance() as opened:
                runner = Runner(opened)
                for exam_code in (ALGEBRA, GEOMETRY):
                    ended = runner.run("nightly", partition=exam_code)
                    assert ended.success, ended.error
            return os.environ["QBANK_DATABASE"], exams

        yield lambda: build(datetime.now(UTC).date())


@pytest.fixture
def calibrated(calibrated_template: MakeTemplate) -> Iterator[Exams]:
    """A fresh copy of the calibrated template."""
    with copied(calibrated_template) as exams:
        yield exams


@pytest.fixture
def calibrated_runner(calibrated: Exams) -> Iterator[Runner]:
    """Executes jobs on the calibrated copy."""
    with instance() as opened:
        yield Runner(opened)


@pytest.fixture(scope="session")
def reported_template(calibrated_template: MakeTemplate) -> Iterator[MakeTemplate]:
    """The calibrated template with its results in the marts, and estimates of the controlled."""
    with ExitStack() as stack:

        @cache
        def build(day: date) -> tuple[str, Exams]:
            exams = stack.enter_context(copied(calibrated_template))
            with postgres.connect("owner") as conn:
                # as delivery leaves them: planted sittings have no estimates
                for of, key, more in (
                    ("quiz_sessions", "id", ""),
                    ("analytics.fact_sessions", "quiz_id", ", loaded_at = clock_timestamp()"),
                ):
                    conn.execute(
                        f"UPDATE {of} SET theta = (abs(hashtext({key})) %% 4000) / 1000.0 - 2,"  # noqa: S608
                        f" theta_se = 0.25 + (abs(hashtext({key})) %% 200) / 1000.0{more}"
                        " WHERE exam_code = %s AND selector = 'sympson_hetter'",
                        (ALGEBRA,),
                    )
            with instance() as opened:
                ended = Runner(opened).run("refresh_results")
            assert ended.success, ended.error
            return os.environ["QBANK_DATABASE"], exams

        yield lambda: build(datetime.now(UTC).date())
