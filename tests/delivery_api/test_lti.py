"""A learning platform launches people into an exam: whom it names, once, into that exam alone."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from delivery_api.app import create_app
from delivery_api.settings import ApiSettings
from qbank.people.erasing import erase
from qbank.stores import audit, lti_platforms
from tests.delivery_api.conftest import World, add_exam, add_items
from tests.delivery_api.lti_platform import (
    CLAIM,
    LEARNER,
    TEACHER,
    Browser,
    Learner,
    Platform,
    platform,
    served,
)

LANDING = "http://127.0.0.1:1/quiz?from=lti"


@pytest.fixture(scope="module")
def campus(world: World) -> Iterator[Platform]:
    """The platform, registered for ``demo``, and the tool on an address of its own."""
    api = ApiSettings.load().model_copy(update={"env": "dev"})
    with platform() as made:
        app = create_app(api, world.settings)
        with served(app) as made.tool:
            changed = api.model_copy(update={"lti_url": made.tool, "lti_landing_url": LANDING})
            app.state.services.api = changed
            app.state.services.launches._address = made.tool
            register(world, made)
            yield made


def register(world: World, made: Platform, tenant: str = "demo", **other: Any) -> str:
    with world.connect() as conn:
        registered = lti_platforms.Platform(**(made.registered() | other))
        noting = audit.noting(conn, tenant, "root")
        return str(lti_platforms.add(conn, tenant, registered, dev=True, audit=noting))


@pytest.fixture
def browser(campus: Platform) -> Iterator[Browser]:
    made = Browser(campus)
    yield made
    made.close()


def ada(**claims: Any) -> Learner:
    return Learner("ada-7", [LEARNER], {f"{CLAIM}{name}": value for name, value in claims.items()})


def test_a_launch_ends_in_a_quiz_of_its_exam(browser, campus, world):
    headers = browser.token(ada())
    me = browser.http.get(f"{campus.tool}/v1/me", headers=headers).json()
    assert (me["tenant_id"], me["roles"]) == ("demo", ["student"])
    assert me["user_id"].startswith("p-")
    with world.connect() as conn:
        kept = conn.execute("SELECT t::text FROM lti_people AS t").fetchall()
        assert [me["user_id"] in row[0] for row in kept] == [True]
        # the name that the message told is not kept
        everywhere = "SELECT count(*) FROM lti_people AS t WHERE t::text ~* 'lovelace'"
        assert conn.execute(everywhere).fetchone() == (0,)
    made = browser.http.post(
        f"{campus.tool}/v1/quizzes", json={"filters": {"num_questions": 2}}, headers=headers
    )
    quiz = f"{campus.tool}/v1/quizzes/{made.json()['quiz_id']}"
    for _ in range(2):
        item = browser.http.get(f"{quiz}/next", headers=headers).json()
        body = {"question_id": item["question_id"], "selected": "A"}
        assert browser.http.post(f"{quiz}/answers", json=body, headers=headers).is_success
    # the same person again, from another browser, is the same one here
    again = Browser(campus).token(ada())
    assert browser.http.get(quiz, headers=again).json()["answered"] == 2
    other = browser.token(Learner("ben-8", [LEARNER]))
    assert browser.http.get(quiz, headers=other).status_code == 404


def test_a_launched_person_has_that_exam_and_nothing_else(browser, campus, world):
    with world.connect() as conn:
        add_exam(conn, "demo", "second", add_items(conn, "demo", [world.topics["acids"]], 20))
    first, second = browser.token(ada()), browser.token(ada(custom={"exam": "second"}))
    http, tool = browser.http, campus.tool
    for headers, exam, others in ((first, "core", "second"), (second, "second", "core")):
        page = http.get(f"{tool}/v1/exams", headers=headers).json()
        assert [one["exam_code"] for one in page["items"]] == [exam]
        body = {"filters": {"exam_code": others}}
        assert http.post(f"{tool}/v1/quizzes", json=body, headers=headers).status_code == 403
        listed = http.get(f"{tool}/v1/quizzes", params={"exam_code": others}, headers=headers)
        assert listed.status_code == 403
    few = {"filters": {"num_questions": 3}}
    made = http.post(f"{tool}/v1/quizzes", json=few, headers=second).json()["quiz_id"]
    assert http.get(f"{tool}/v1/quizzes/{made}/next", headers=second).is_success
    item = {"question_id": 1, "selected": "A"}
    for method, path, body in (
        ("GET", "", None),
        ("GET", "/next", None),
        ("POST", "/answers", item),
        ("POST", "/finish", None),
    ):
        told = http.request(method, f"{tool}/v1/quizzes/{made}{path}", json=body, headers=first)
        assert told.status_code == 404, (path, told.text)
    # nor by the key that made the other exam's quiz
    keyed = {"Idempotency-Key": "once-and-again"}
    statuses = [
        http.post(f"{tool}/v1/quizzes", json=few, headers=headers | keyed).status_code
        for headers in (first, second, first)
    ]
    assert statuses == [201, 422, 201]
    listed = http.get(f"{tool}/v1/quizzes", headers=first).json()["items"]
    assert made not in [one["quiz_id"] for one in listed]
    me = http.get(f"{tool}/v1/me", headers=first).json()["user_id"]
    for path in (f"/v1/results/topics/{me}", "/v1/admin/audit", "/v1/author/questions"):
        assert http.get(f"{tool}{path}", headers=first).status_code == 403, path


STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def changed(**fields: Any) -> Learner:
    """A learner whose message has other claims; ``_`` stands for a dash of its own."""
    return Learner("ada-7", [LEARNER], fields)


@pytest.mark.parametrize(
    ("who", "said"),
    [
        (Learner("ada-7", [LEARNER], signed_by=STRANGER), "do not hold (InvalidSignatureError)"),
        (Learner("ada-7", [LEARNER], header={"kid": "k2"}), "does not publish"),
        (
            Learner("ada-7", [LEARNER], header={"alg": "HS256"}, signed_by="k" * 64),
            "do not hold",
        ),
        (changed(iss="https://else.example"), "InvalidIssuerError"),
        (changed(aud="another-tool"), "InvalidAudienceError"),
        (changed(aud=["tool-7", "other"]), "for another tool (azp)"),
        (changed(azp="other"), "for another tool (azp)"),
        (changed(exp=int(time.time()) - 3600), "ExpiredSignatureError"),
        (changed(iat=int(time.time()) + 3600), "ImmatureSignatureError"),
        (changed(nonce="another"), "it answers another login"),
        (changed(sub=None), "names no person (sub)"),
        (changed(**{f"{CLAIM}version": "1.1"}), "not of LTI 1.3.0"),
        (changed(**{f"{CLAIM}message_type": "LtiNoticeRequest"}), "are not taken here"),
        (changed(**{f"{CLAIM}deployment_id": "3"}), "deployment &#x27;3&#x27; is not registered"),
        (changed(**{f"{CLAIM}deployment_id": None}), "says no deployment_id"),
        (changed(**{f"{CLAIM}resource_link": {}}), "says no resource_link.id"),
        (changed(**{f"{CLAIM}roles": None}), "says no roles"),
        (changed(**{f"{CLAIM}custom": None}), "names no exam"),
        (changed(**{f"{CLAIM}custom": {"exam": "theirs"}}), "&#x27;theirs&#x27;, which is not"),
        (Learner("ada-7", []), "no role that can open this"),
    ],
)
def test_what_a_message_must_say_it_says_or_nobody_is_launched(browser, world, who, said):
    launches = "SELECT count(*) FROM lti_launches"
    with world.connect() as conn:
        before = conn.execute(launches).fetchone()
        answer = browser.launch(who)
        assert answer.status_code in (403, 404), answer.text
        assert said in answer.text
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert conn.execute(launches).fetchone() == before


def test_a_message_is_good_once_and_in_its_browser(browser, campus):
    form = browser.message(ada())
    thief = Browser(campus)
    assert "did not keep this sign-in" in thief.send(form).text
    assert browser.send(form).status_code == 303
    again = browser.send(form)
    assert (again.status_code, "it was used before" in again.text) == (403, True)
    # a state of one login with the message of another
    first, second = browser.message(ada()), browser.message(ada())
    mixed = browser.send({"state": first["state"], "id_token": second["id_token"]})
    assert "it answers another login" in mixed.text
    for state in ("", "x", jwt.encode({"exp": 9e9}, "k" * 64), first["state"][:-2]):
        assert browser.send(second | {"state": state}).status_code == 400
    said = browser.send({"error": "login_required", "error_description": "<b>no</b>"})
    assert "login_required &lt;b&gt;no&lt;/b&gt;" in said.text


def test_a_code_is_good_once_and_for_a_moment(browser, campus, world):
    def code() -> str:
        address = browser.launch(ada()).headers["location"]
        assert address.startswith(LANDING + "&launch=")
        return parse_qs(urlsplit(address).query)["launch"][0]

    def status(given: str) -> int:
        url = f"{campus.tool}/v1/auth/launch"
        return browser.http.post(url, json={"code": given}).status_code

    one = code()
    assert [status(one), status(one), status(secrets.token_urlsafe(32))] == [200, 401, 401]
    late = code()
    with world.connect() as conn:
        conn.execute("UPDATE lti_launches SET code_expires_at = now() - interval '1 second'")
    assert status(late) == 401


def test_only_registered_platforms_begin(browser, world, campus):
    for asked, status in (
        ({"iss": "https://else.example"}, 403),
        ({"client_id": "another"}, 403),
        ({"lti_deployment_id": "3"}, 403),
        ({"login_hint": ""}, 400),
        ({"iss": "x" * 5000}, 400),
    ):
        answer = browser.log_in(ada(), **asked)
        assert (answer.status_code, "location" in answer.headers) == (status, False), asked
    # several registrations of one issuer are told apart, or the platform has to say more
    other = register(world, campus, "other", client_id="tool-8")
    assert browser.log_in(ada()).status_code == 302
    both = browser.http.get(
        f"{campus.tool}/lti/login",
        params={"iss": campus.url, "login_hint": "h", "target_link_uri": "t"},
    )
    assert (both.status_code, "says no client_id" in both.text) == (400, True)
    with world.connect() as conn:
        lti_platforms.remove(conn, other, audit=audit.noting(conn, "other", "root"))


def test_a_teacher_sees_where_the_link_leads(browser):
    page = browser.launch(Learner("tess", [TEACHER]))
    assert page.status_code == 200
    assert "Exam Core (core)" in page.text
    assert "goes to the gradebook" in page.text


def test_without_a_program_the_page_says_what_to_do(browser, campus, world):
    app_api = ApiSettings.load().model_copy(update={"env": "dev"})
    app = create_app(app_api, world.settings)
    was = campus.tool
    try:
        with served(app) as campus.tool:
            assert "QBANK_LTI_URL" in browser.log_in(ada()).text
            app.state.services.launches._address = campus.tool
            page = browser.launch(ada())
            assert (page.status_code, "QBANK_LTI_LANDING_URL" in page.text) == (503, True)
    finally:
        campus.tool = was


def test_who_is_erased_or_whose_platform_is_removed_begins_nothing_more(browser, campus, world):
    new = {"filters": {"num_questions": 1}}
    url = f"{campus.tool}/v1/quizzes"
    eve, fay = (browser.token(Learner(name, [LEARNER])) for name in ("eve", "fay"))
    me = browser.http.get(f"{campus.tool}/v1/me", headers=eve).json()["user_id"]
    assert browser.http.post(url, json=new, headers=eve).status_code == 201
    erased = erase(me, tenant="demo", with_open=True, settings=world.settings)
    assert {"lti_people", "lti_launches", "lti_quizzes"} <= set(erased.removed)
    gone = browser.http.post(url, json=new, headers=eve)
    assert (gone.status_code, "open the exam from your course" in gone.text) == (403, True)
    with world.connect() as conn:
        (one,) = lti_platforms.find(conn, "demo")
        lti_platforms.remove(conn, str(one["id"]), audit=audit.noting(conn, "demo", "root"))
    assert browser.http.post(url, json=new, headers=fay).status_code == 403
    assert browser.log_in(ada()).status_code == 403
    register(world, campus)
    assert browser.token(ada())
