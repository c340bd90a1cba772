"""An API on a database of its own: in this process (``client``) or as real ones (``server``).

Fixtures:
    world: a migrated database with two tenants; ``demo`` has the calibrated exam ``core``.
    client: the app in this process, on ``world``; ``as_user`` gives it callers.
    start_server, module_server: start real API processes on ``world``.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
import psycopg
import pytest
from fastapi.testclient import TestClient
from psycopg.types.json import Jsonb

from delivery_api.app import create_app
from delivery_api.services import Services
from delivery_api.settings import ApiSettings
from delivery_api.tokens import Tokens
from qbank.postgres import connect
from qbank.settings import Settings, get_settings
from qbank.stores import audit, item_bank, service_accounts

ITEMS = 120
# quizzes as often and as open-handed as tests of other things need them
FREE = {
    "max_attempts": None,
    "open_quizzes": 100,
    "repeat_after_days": 0,
    "feedback": True,
    "review": "items",
}


def pytest_configure(config: pytest.Config) -> None:
    # the marts on the demo data are built once a run, for every room that reads them
    config.pluginmanager.import_plugin("tests.looker.marts")


@dataclass(frozen=True)
class World:
    """What the tests know of the database.

    Attributes:
        topics: names to ids of the demo tenant's tree: science > (physics, chemistry > acids).
        questions: ids of the items of ``core``, in order.
    """

    settings: Settings
    topics: dict[str, int]
    questions: list[int]

    def connect(self, **options: Any) -> psycopg.Connection[Any]:
        return connect(settings=self.settings, **options)


def add_items(
    conn: psycopg.Connection[Any],
    tenant: str,
    topic_ids: list[int],
    count: int,
    *,
    stem: str | None = None,
    labels: Sequence[str] = ("A", "B", "C", "D"),
) -> list[int]:
    """Writes published items (the first of their options is the key), topics and labels in turn."""
    ids = [
        row[0]
        for row in conn.execute(
            """INSERT INTO questions (tenant_id, created_by)
            SELECT %s, 'test' FROM generate_series(1, %s) RETURNING id""",
            (tenant, count),
        ).fetchall()
    ]
    conn.execute(
        """INSERT INTO question_versions (question_id, version, stem_md, rationale_md, topic_id,
            difficulty_label, created_by)
        SELECT q.id, 1, coalesce(%(stem)s::text, 'stem ' || q.id), 'because ' || q.id,
            (%(topics)s::bigint[])[1 + (q.k - 1) %% array_length(%(topics)s::bigint[], 1)],
            (ARRAY['easy', 'medium', 'hard'])[1 + (q.k - 1) %% 3], 'test'
        FROM unnest(%(ids)s::bigint[]) WITH ORDINALITY AS q (id, k)""",
        {"topics": topic_ids, "ids": ids, "stem": stem},
    )
    conn.execute(
        """INSERT INTO question_options (question_version_id, option_label, option_text_md,
            is_correct)
        SELECT v.id, o.label, 'option ' || o.label, o.place = 1
        FROM question_versions AS v, unnest(%s::text[]) WITH ORDINALITY AS o (label, place)
        WHERE v.question_id = ANY(%s)""",
        (list(labels), ids),
    )
    conn.execute(
        "UPDATE question_versions SET state = 'published' WHERE question_id = ANY(%s)", (ids,)
    )
    return ids


def add_exam(
    conn: psycopg.Connection[Any],
    tenant: str,
    exam: str,
    ids: list[int],
    *,
    sh_p: float = 1.0,
    attempts: dict[str, Any] | None = None,
) -> None:
    """Publishes items in a new exam, calibrated with planted 2PL parameters."""
    conn.execute(
        "INSERT INTO exams (exam_code, tenant_id, title, policy) VALUES (%s, %s, %s, %s)",
        (exam, tenant, exam.title(), Jsonb({"attempts": FREE if attempts is None else attempts})),
    )
    conn.execute(
        """INSERT INTO question_publications (question_id, live_version, exam_code, tenant_id)
        SELECT unnest(%s::bigint[]), 1, %s, %s""",
        (ids, exam, tenant),
    )
    rng = np.random.default_rng(7)
    a = np.exp(0.3 * rng.standard_normal(len(ids)))
    b = rng.standard_normal(len(ids))
    conn.execute(
        """INSERT INTO item_calibration
            (exam_code, question_id, version, model, a, b, c, n_respondents, converged)
        SELECT %s, q, 1, '2pl', a, b, 0, 1000, true
        FROM unnest(%s::bigint[], %s::float8[], %s::float8[]) AS p (q, a, b)""",
        (exam, ids, a.tolist(), b.tolist()),
    )
    if sh_p < 1:
        conn.execute(
            """INSERT INTO item_exposure_control
                (exam_code, question_id, version, sh_p, updated_by)
            SELECT %s, unnest(%s::bigint[]), 1, %s, 'test'""",
            (exam, ids, sh_p),
        )


@pytest.fixture(scope="session", autouse=True)
def api_environment() -> Iterator[None]:
    """Outside dev the API wants a secret; the servers of these tests inherit it."""
    mine = {
        "QBANK_JWT_SECRET": secrets.token_urlsafe(48),
        "QBANK_QUIZ_RATE_PER_MINUTE": "1000000",
        "QBANK_ITEM_RATE_PER_MINUTE": "1000000",
        "QBANK_ANSWER_RATE_PER_MINUTE": "1000000",
        "QBANK_ACCOUNT_RATE_PER_MINUTE": "1000000",
        "QBANK_API_ACCESS_LOG": "false",
        "QBANK_API_DOCS": "true",
        "QBANK_API_METRICS_TOKEN": secrets.token_urlsafe(48),
    }
    os.environ |= mine
    yield
    for name in mine:
        os.environ.pop(name, None)


@contextmanager
def _build_world(settings: Settings) -> Iterator[World]:
    with connect(settings=settings) as conn:
        topics = {"science": _topic(conn, "demo", None, "science")}
        for name, parent in (("physics", "science"), ("chemistry", "science")):
            topics[name] = _topic(conn, "demo", topics[parent], name)
        topics["acids"] = _topic(conn, "demo", topics["chemistry"], "acids")
        questions = add_items(conn, "demo", [topics["physics"], topics["acids"]], ITEMS)
        add_exam(conn, "demo", "core", questions, sh_p=0.6)
        elsewhere = _topic(conn, "other", None, "science")
        add_exam(conn, "other", "theirs", add_items(conn, "other", [elsewhere], 30))
    yield World(settings, topics, questions)


def _topic(conn: psycopg.Connection[Any], tenant: str, parent: int | None, name: str) -> int:
    row = conn.execute(
        "INSERT INTO topics (tenant_id, parent_id, name) VALUES (%s, %s, %s) RETURNING id",
        (tenant, parent, name),
    ).fetchone()
    assert row is not None
    return row[0]


@pytest.fixture(scope="session")
def build_world() -> Callable[[Settings], Any]:
    """What ``world`` is made by, for databases of other servers."""
    return _build_world


@pytest.fixture(scope="module")
def world(clone_database: Any) -> Iterator[World]:
    with clone_database("empty") as settings, _build_world(settings) as made:
        yield made


@pytest.fixture(scope="module")
def client(world: World) -> Iterator[TestClient]:
    with TestClient(create_app(settings=world.settings), raise_server_exceptions=False) as made:
        yield made


AsUser = Callable[..., dict[str, str]]


@pytest.fixture(scope="session")
def as_user(api_environment: None) -> AsUser:
    """Headers of a caller: ``as_user("ann", "student")``."""
    tokens = Tokens(ApiSettings.load(), get_settings())

    def headers(
        user_id: str, *roles: str, tenant: str = "demo", seconds: int = 3600
    ) -> dict[str, str]:
        token = tokens.issue(user_id, list(roles), tenant, seconds)
        return {"Authorization": f"Bearer {token}"}

    return headers


Make = Callable[..., service_accounts.Made]


@pytest.fixture
def make(world: World) -> Make:
    """A new service account: ``make("imports", tenant="other")``; of ``demo`` without one."""

    def made(*scopes: str, tenant: str = "demo", **options: Any) -> service_accounts.Made:
        with world.connect() as conn:
            return service_accounts.create(
                conn,
                tenant,
                f"program {secrets.token_hex(4)}",
                scopes or ("exams",),
                days=1,
                audit=audit.noting(conn, tenant, "root"),
                **options,
            )

    return made


@pytest.fixture
def as_account(client: TestClient, make: Make) -> Callable[..., dict[str, str]]:
    """Headers of a new service account: ``as_account("imports", "results")``."""

    def headers(*scopes: str) -> dict[str, str]:
        made = make(*scopes)
        answer = client.post(
            "/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=(made.client_id, made.secret or ""),
        )
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    return headers


def until_current(client: TestClient, world: World, exam: str) -> None:
    """Waits until the process of ``client`` has the exam's bank as it is now."""
    with world.connect() as conn:
        version = item_bank.bank_version(conn, exam)
    assert client.portal is not None
    client.portal.call(Services.of(client.app).banks.current, "demo", exam, version)


@pytest.fixture(scope="session")
def scraper(api_environment: None) -> dict[str, str]:
    """Headers of whoever collects metrics."""
    return {"Authorization": f"Bearer {os.environ['QBANK_API_METRICS_TOKEN']}"}


@dataclass
class Server:
    """A real API process."""

    process: subprocess.Popen[bytes]
    url: str

    def stop(self, how: int = signal.SIGTERM) -> None:
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.process.wait(20)


StartServer = Callable[..., Server]


@pytest.fixture
def start_server(world: World) -> Iterator[StartServer]:
    with _servers() as start:
        yield start


@pytest.fixture(scope="module")
def module_server(world: World) -> Iterator[StartServer]:
    """The same, for servers that all tests of a module share."""
    with _servers() as start:
        yield start


@contextmanager
def _servers() -> Iterator[StartServer]:
    started: list[Server] = []

    def start(*, wait: bool = True, **environment: str) -> Server:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, "-m", "delivery_api", "--port", str(port)],
            env=os.environ | environment,
        )
        server = Server(process, f"http://127.0.0.1:{port}")
        started.append(server)
        if wait:
            _wait_until_ready(server)
        return server

    yield start
    for server in started:
        server.stop(signal.SIGKILL)


def _wait_until_ready(server: Server) -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        assert server.process.poll() is None, "the API process ended"
        try:
            if httpx.get(f"{server.url}/ready").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError("the API was not ready in time")
