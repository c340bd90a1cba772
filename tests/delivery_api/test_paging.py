"""Lists that grow are read on by a cursor: each row once, whatever comes in meanwhile."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from delivery_api import paging
from delivery_api.quizzes import sittings
from tests.delivery_api.test_sittings import SITTINGS

ROWS = 12
QUIZZES, QUESTIONS = "/v1/quizzes", "/v1/author/questions"
AUDIT, RUNS = "/v1/admin/audit", "/v1/admin/exposure/calibrate_sh/runs"
# list: the filter that has ROWS rows, and what names a row
LISTS = {
    QUIZZES: ({"exam_code": "core"}, "quiz_id"),
    SITTINGS: ({"user_id": "paged"}, "quiz_id"),
    QUESTIONS: ({"q": "a page of"}, "id"),
    AUDIT: ({"actor": "pager"}, "id"),
    RUNS: ({"exam_code": "core"}, "id"),
}


def more(world: Any, path: str, count: int) -> None:
    """Rows of a list, of one moment where a list is ordered by moments."""
    with world.connect() as conn:
        if path in (QUIZZES, SITTINGS):
            conn.execute(
                """INSERT INTO quiz_sessions (id, user_id, tenant_id, mode, adaptive, exam_code,
                    selector, num_questions, expires_at)
                SELECT gen_random_uuid(), 'paged', 'demo', 'exam', true, 'core', 'vanilla', 5,
                    now() + interval '1 h' FROM generate_series(1, %s)""",
                (count,),
            )
        elif path == QUESTIONS:
            conn.execute(
                """WITH made AS (INSERT INTO questions (tenant_id, created_by)
                    SELECT 'demo', 'pager' FROM generate_series(1, %s) RETURNING id)
                INSERT INTO question_versions (question_id, version, stem_md, topic_id, created_by)
                SELECT id, 1, 'a page of', (SELECT min(id) FROM topics WHERE tenant_id = 'demo'),
                    'pager' FROM made""",
                (count,),
            )
        elif path == AUDIT:
            conn.execute(
                """INSERT INTO audit_log (tenant_id, actor, action, target)
                SELECT 'demo', 'pager', 'any.change', 'x' FROM generate_series(1, %s)""",
                (count,),
            )
        else:
            conn.execute(
                """INSERT INTO calibration_runs (kind, exam_code, status, requested_by, finished_at)
                SELECT 'irt', 'core', 'canceled', 'pager', now() FROM generate_series(1, %s)""",
                (count,),
            )


@pytest.fixture(
    scope="module", params=LISTS, ids=["quizzes", "sittings", "questions", "audit", "runs"]
)
def path(request: Any, world: Any) -> str:
    more(world, request.param, ROWS)
    return request.param


@pytest.fixture
def reader(client: Any, as_user: Any) -> Any:
    headers = as_user("paged", "student", "admin", "author")

    def read(path: str, **query: Any) -> httpx.Response:
        return client.get(path, params=LISTS[path][0] | query, headers=headers)

    return read


def names(reply: httpx.Response, path: str) -> list[Any]:
    assert reply.status_code == 200, reply.text
    return [row[LISTS[path][1]] for row in reply.json()["items"]]


def follow(reader: Any, path: str, first: dict[str, Any], meanwhile: Any = None) -> list[list[Any]]:
    pages = []
    query = first
    while True:
        reply = reader(path, **query)
        pages.append(names(reply, path))
        if meanwhile is not None:
            meanwhile()
        if reply.json()["next_cursor"] is None:
            return pages
        query = {"cursor": reply.json()["next_cursor"], "page_size": first["page_size"]}


def test_cursors_give_the_rows_of_pages_by_number(reader, path):
    whole = names(reader(path, page_size=200), path)
    assert len(whole) == len(set(whole)) >= ROWS
    pages = follow(reader, path, {"page_size": 5})
    assert [row for page in pages for row in page] == whole
    assert {len(page) for page in pages[:-1]} == {5}
    by_number = [names(reader(path, page=k, page_size=5), path) for k in (1, 2, 3)]
    assert by_number == pages[:3]
    # and on from a page that was found by its number
    second = reader(path, page=2, page_size=5).json()["next_cursor"]
    assert names(reader(path, cursor=second, page_size=5), path) == pages[2]


def test_what_comes_in_meanwhile_moves_nothing(reader, path, world):
    whole = names(reader(path, page_size=200), path)
    total = reader(path, page_size=5).json()["total"]
    pages = follow(reader, path, {"page_size": 5}, lambda: more(world, path, 1))
    assert [row for page in pages for row in page] == whole
    later = reader(path, page_size=5).json()
    assert later["total"] == total + len(pages)
    on = reader(path, cursor=later["next_cursor"], page_size=5).json()
    assert (on["page"], on["total"]) == (2, later["total"])


def test_a_cursor_is_of_one_list_one_caller_and_its_filters(client, as_user, reader, path):
    cursor = reader(path, page_size=5).json()["next_cursor"]
    other = next(name for name in LISTS if name != path)
    changed = cursor[:-2] + ("AA" if cursor[-2:] != "AA" else "BB")
    foreign = client.get(
        path,
        params=LISTS[path][0] | {"cursor": cursor},
        headers=as_user("paged2", "student", "admin", "author"),
    )
    unfiltered = client.get(
        path, params={"cursor": cursor}, headers=as_user("paged", "student", "admin", "author")
    )
    for refused in (
        reader(other, cursor=cursor),
        reader(path, cursor=changed),
        reader(path, cursor="A"),
        reader(path, cursor="x!"),
        foreign,
        unfiltered,
        reader(path, cursor=cursor, page=2),
    ):
        assert refused.status_code == 422, refused.text
        assert "cursor" in refused.json()["detail"]


def test_pages_by_number_go_so_far(reader, path):
    furthest = paging.MOST_ROWS // 200
    assert names(reader(path, page=furthest, page_size=200), path) == []
    beyond = reader(path, page=furthest + 1, page_size=200)
    assert beyond.status_code == 422
    assert "go on by `next_cursor`" in beyond.json()["detail"]
    text = Path("docs/api/README.md").read_text()
    assert f"go up to {paging.MOST_ROWS:,} rows" in text


def test_a_deep_page_is_found_by_the_index(world):
    values = dict.fromkeys(["user", "exam", "status"]) | {
        "tenant": "demo",
        "limit": 5,
        "offset": 0,
        "after_at": "2026-01-01T00:00:00+00:00",
        "after_quiz": str(uuid.uuid4()),
    }
    with world.connect() as conn:
        conn.execute("SET LOCAL enable_seqscan = off")
        sql = f"EXPLAIN {sittings._PAGE}"
        plan = "\n".join(row[0] for row in conn.execute(sql, values).fetchall())
    assert "quiz_sessions_sittings_idx" in plan
    condition = next(line for line in plan.splitlines() if "Index Cond: (" in line)
    assert "started_at" in condition, plan
