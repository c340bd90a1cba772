"""Databases for tests: one embedded server a worker, one fresh database a test.

Fixtures:
    settings: a migrated, empty database; the environment names it, so that subprocesses and
        ``get_settings()`` use it too.
    demo_database: the same with the demo data in it.
    clone_database: what both stand on, for fixtures of wider scope:
        ``with clone_database("demo") as settings: ...`` (or ``"empty"``).
    postgres_server: the settings of the server alone.
"""

from __future__ import annotations

import gc
import itertools
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from psycopg import sql
from xdist.scheduler import LoadScopeScheduling

from qbank import migrations
from qbank.postgres import connect, embedded
from qbank.settings import Settings, get_settings


class Names:
    """Names of databases, each given again when it is free: dbt parses anew for every other one."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._free: list[str] = []
        self._made = itertools.count()

    def take(self) -> str:
        return self._free.pop() if self._free else f"{self._prefix}_{next(self._made)}"

    def give_back(self, name: str) -> None:
        self._free.append(name)


CloneDatabase = Callable[..., AbstractContextManager[Settings]]


def in_memory() -> Path | None:
    """The machine's memory as a folder, where it has the room: databases are thousands of files."""
    folder = Path("/dev/shm")  # noqa: S108  # the home in it is made by mkdtemp
    if not folder.is_dir() or os.statvfs(folder).f_flag & os.ST_NOEXEC:
        return None
    return folder if shutil.disk_usage(folder).free >= _ROOM else None


def pytest_configure(config: pytest.Config) -> None:
    # a home of its own for each worker: tests stop servers and take the home's locks
    home = Path(tempfile.mkdtemp(prefix="qbank-tests-", dir=in_memory()))
    home.chmod(0o711)  # the user that runs the server for root passes through
    config.stash[_HOME] = home
    # a shell's background job ignores Ctrl-C, and so would all that tests start
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # nothing of the caller's environment reaches a test
    for name in [name for name in os.environ if name.startswith("QBANK_")]:
        del os.environ[name]
    os.environ |= {
        "QBANK_HOME": str(home),
        "QBANK_ENV": "test",
        "QBANK_POSTGRES_FSYNC": "false",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "GX_ANALYTICS_ENABLED": "false",
    }


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    gc.disable()  # what is imported is no garbage, and looking for some took a third of the time
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first: workers that take one test at a time end together."""
    here = Path(__file__).parent

    def place(item: pytest.Item) -> int:
        path = item.path.relative_to(here).as_posix()
        return next((n for n, long in enumerate(_LONGEST) if path.startswith(long)), len(_LONGEST))

    items.sort(key=place)


class OneAtATime(LoadScopeScheduling):
    """A worker takes one test at a time, and at once those that share a site or a daemon.

    xdist's own groups are lost: it writes them where pytest 9.2 no longer reads a test's name.
    """

    def _split_scope(self, nodeid: str) -> str:
        return next((shared for shared in _TOGETHER if nodeid.startswith(shared)), nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    return OneAtATime(config, log)


def pytest_unconfigure(config: pytest.Config) -> None:
    home = config.stash[_HOME]
    os.environ["QBANK_HOME"] = str(home)
    embedded.drop(get_settings(), force=True)
    shutil.rmtree(home, ignore_errors=True)


_LONGEST = (
    "orchestration/test_dagit_faults.py",
    "e2e",
    "package",
    "orchestration",
    "delivery_api/test_faults.py",
    "delivery_api",
)
# one setup for all of them, and one test follows what the one before it left
_TOGETHER = (
    "tests/package/",
    "tests/e2e/",
    "tests/dbt/test_marts.py",
    "tests/delivery_api/test_concurrency.py",
    "tests/delivery_api/test_edges.py",
    "tests/delivery_api/test_exam_codes.py",
    "tests/delivery_api/test_proxy.py",
    "tests/delivery_api/test_results.py",
    "tests/docs_site/test_site.py",
    "tests/orchestration/test_asset_pages.py",
    "tests/orchestration/test_beside_a_daemon.py",
    "tests/orchestration/test_dagit_faults.py",
    "tests/orchestration/test_daemon.py",
    "tests/orchestration/test_report.py",
)
_HOME = pytest.StashKey[Path]()
_ROOM = 12 << 30  # two workers' databases with the log that a server keeps, and room beside them


@pytest.fixture(scope="session")
def postgres_server() -> Settings:
    settings = get_settings()
    embedded.ensure_running(settings)
    return settings


@pytest.fixture(scope="session")
def clone_database(postgres_server: Settings) -> CloneDatabase:
    names = Names("test")

    @contextmanager
    def clone(template: str = "empty") -> Iterator[Settings]:
        source = _template(template, postgres_server)
        name = names.take()
        with _server(postgres_server) as server:
            for copy, of in ((name, source), (f"{name}_dagster", "template1")):
                server.execute(
                    # copying files wins over logging pages
                    sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                        sql.Identifier(copy), sql.Identifier(of)
                    )
                )
            server.execute(
                sql.SQL("ALTER DATABASE {} OWNER TO qbank_orchestration").format(
                    sql.Identifier(f"{name}_dagster")
                )
            )
        previous = os.environ.get("QBANK_DATABASE")
        os.environ["QBANK_DATABASE"] = name
        try:
            yield get_settings()
        finally:
            if previous is None:
                os.environ.pop("QBANK_DATABASE")
            else:
                os.environ["QBANK_DATABASE"] = previous
            with _server(postgres_server) as server:
                for doomed in (name, f"{name}_dagster"):
                    server.execute(
                        sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(
                            sql.Identifier(doomed)
                        )
                    )
            names.give_back(name)

    return clone


@pytest.fixture
def settings(clone_database: CloneDatabase) -> Iterator[Settings]:
    with clone_database("empty") as chosen:
        yield chosen


@pytest.fixture
def demo_database(clone_database: CloneDatabase) -> Iterator[Settings]:
    with clone_database("demo") as chosen:
        yield chosen


def _server(settings: Settings):
    return connect(settings=settings, database="postgres", autocommit=True)


def _template(kind: str, server: Settings) -> str:
    """Makes a template at its first use; demo data is of today, so another day's is made anew."""
    name = f"template_{kind}_{datetime.now(UTC):%Y%m%d}"
    made = server.home / "run" / name
    if not made.exists():
        # copied rather than built on: its files are the same but for the data
        chosen = server.model_copy(update={"database": name})
        migrations.migrate(chosen)
        if kind == "demo":
            from qbank import demo

            demo.generate(settings=chosen)
        made.touch()
    return name
