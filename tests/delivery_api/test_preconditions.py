"""``ETag`` and ``If-Match``: of two who change one thing, the second is told."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from qbank.stores.authoring import Draft, Option, add_version
from tests.delivery_api.test_attempts import new_exam

__all__ = ["new_exam"]


@dataclass(frozen=True)
class Thing:
    """Something that authors or administrators change.

    Attributes:
        read: its address.
        change: sends the k-th change of it, with headers.
    """

    read: str
    change: Callable[..., httpx.Response]


@pytest.fixture
def staff(as_user: Any) -> dict[str, str]:
    return as_user("staff", "admin", "author")


def content(world: Any, stem: str) -> dict[str, Any]:
    options = [{"label": "A", "text_md": "x", "is_correct": True}, {"label": "B", "text_md": "y"}]
    return {"topic_id": world.topics["acids"], "stem_md": stem, "options": options}


@pytest.fixture(params=["exam", "blueprint", "question"])
def thing(client: Any, staff: dict[str, str], world: Any, new_exam: Any, request: Any) -> Thing:
    if request.param == "question":
        made = client.post("/v1/author/questions", json=content(world, "0"), headers=staff)
        path = f"/v1/author/questions/{made.json()['id']}"

        def write(k: int, **headers: str) -> httpx.Response:
            body = content(world, f"stem {k}")
            return client.put(f"{path}/versions", json=body, headers=staff | headers)

        return Thing(path, write)
    exam = new_exam(f"tagged-{request.param}", slice(5))
    if request.param == "exam":
        path = f"/v1/exams/{exam}"

        def change(k: int, **headers: str) -> httpx.Response:
            return client.patch(path, json={"title": f"title {k}"}, headers=staff | headers)

        return Thing(path, change)
    path = f"/v1/exams/{exam}/blueprint"

    def replace(k: int, **headers: str) -> httpx.Response:
        body = [{"topic": "acids", "target_weight": k / 1000}]
        return client.put(path, json=body, headers=staff | headers)

    return Thing(path, replace)


def tag(client: Any, staff: dict[str, str], thing: Thing) -> str:
    reply = client.get(thing.read, headers=staff)
    assert reply.status_code == 200, reply.text
    return reply.headers["etag"]


def test_a_change_of_what_was_read_passes_and_a_later_one_is_refused(client, staff, thing):
    read = tag(client, staff, thing)
    assert read == tag(client, staff, thing)
    first = thing.change(1, **{"If-Match": read})
    assert first.is_success, first.text
    now = tag(client, staff, thing)
    assert (first.headers["etag"], now == read) == (now, False)

    before = client.get(thing.read, headers=staff).json()
    stale = thing.change(2, **{"If-Match": read})
    assert (stale.status_code, stale.json()["type"]) == (
        412,
        "urn:qbank:problem:precondition-failed",
    )
    assert read in stale.json()["detail"]
    assert now in stale.json()["detail"]
    assert client.get(thing.read, headers=staff).json() == before
    assert thing.change(2, **{"If-Match": f'"other", {now}'}).is_success


@pytest.mark.parametrize("given", [None, "*"])
def test_who_does_not_ask_for_it_is_not_held_to_it(client, staff, thing, given):
    for k in (1, 2):
        assert thing.change(k, **({"If-Match": given} if given else {})).is_success


@pytest.mark.parametrize(
    ("given", "status"),
    [('W/"{}"', 412), ('"{}x"', 412), ("{}", 422), ("yesterday", 422), ("", 422)],
)
def test_a_weak_or_wrong_tag_changes_nothing(client, staff, thing, given, status):
    read = tag(client, staff, thing)
    refused = thing.change(1, **{"If-Match": given.format(read.strip('"'))})
    assert refused.status_code == status, refused.text
    assert tag(client, staff, thing) == read


def test_of_two_at_once_one_changes_it(client, staff, thing):
    for turn in range(3):
        read = tag(client, staff, thing)
        with ThreadPoolExecutor(4) as pool:
            sent = [
                pool.submit(thing.change, 10 * turn + k, **{"If-Match": read}) for k in range(1, 5)
            ]
        statuses = sorted(one.result().status_code for one in sent)
        assert statuses[1:] == [412] * 3
        assert statuses[0] in (200, 201)


def test_a_repeated_request_gets_its_reply_though_the_thing_has_moved_on(client, staff, thing):
    read = tag(client, staff, thing)
    headers = {"If-Match": read, "Idempotency-Key": f"repeated-{abs(hash(thing.read))}"}
    first = thing.change(1, **headers)
    assert first.is_success, first.text
    assert thing.change(1, **headers).json() == first.json()


def test_the_tag_of_a_change_is_the_one_that_is_read(client, staff, new_exam):
    path = f"/v1/exams/{new_exam('two-caps', slice(5))}"
    caps = {"calibration": {"topic_tau": {"physics": 0.5, "acids": 0.4}}}
    changed = client.patch(path, json=caps, headers=staff)
    assert changed.status_code == 200, changed.text
    assert changed.headers["etag"] == client.get(path, headers=staff).headers["etag"]


def test_a_review_is_of_the_version_that_is_the_newest_when_it_is_kept(client, staff, world):
    made = client.post("/v1/author/questions", json=content(world, "first"), headers=staff).json()
    options = [Option("A", "x", is_correct=True), Option("B", "y", is_correct=False)]
    draft = Draft(world.topics["acids"], "second", options)
    path = f"/v1/author/questions/{made['id']}"
    with ThreadPoolExecutor(1) as pool, world.connect() as author:
        add_version(author, "demo", made["id"], draft, created_by="staff")
        review = {"status": "approved"}
        kept = pool.submit(client.post, f"{path}/reviews", json=review, headers=staff)
        time.sleep(0.5)
        author.commit()
        assert kept.result().is_success, kept.result().text
    versions = client.get(path, headers=staff).json()["versions"]
    assert [one["state"] for one in versions] == ["draft", "approved"]


def test_a_review_makes_another_tag(client, staff, world):
    made = client.post("/v1/author/questions", json=content(world, "reviewed"), headers=staff)
    question = Thing(f"/v1/author/questions/{made.json()['id']}", lambda: made)
    before = tag(client, staff, question)
    review = {"status": "approved"}
    assert client.post(f"{question.read}/reviews", json=review, headers=staff).is_success
    assert tag(client, staff, question) != before
