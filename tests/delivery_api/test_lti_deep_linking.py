"""A teacher chooses an exam in the platform, and its students are launched into that one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from delivery_api.app import create_app
from delivery_api.settings import ApiSettings
from qbank.stores import audit, lti_platforms
from tests.delivery_api.conftest import World, add_exam, add_items
from tests.delivery_api.lti_platform import (
    CLAIM,
    CLIENT_ID,
    DEEP,
    DEPLOYMENT,
    LEARNER,
    TEACHER,
    Browser,
    Learner,
    Platform,
    platform,
    served,
)

TITLE = 'Acids & <b>"bases"</b>'


@pytest.fixture(scope="module")
def campus(world: World) -> Iterator[Platform]:
    api = ApiSettings.load().model_copy(update={"env": "dev"})
    with platform() as made:
        app = create_app(api, world.settings)
        with served(app) as made.tool:
            services = app.state.services
            services.launches._address = made.tool
            services.api = api.model_copy(update={"lti_landing_url": "http://127.0.0.1:1/"})
            with world.connect() as conn:
                lti_platforms.add(
                    conn,
                    "demo",
                    lti_platforms.Platform(**made.registered()),
                    dev=True,
                    audit=audit.noting(conn, "demo", "root"),
                )
                add_exam(conn, "demo", "acids", add_items(conn, "demo", [world.topics["acids"]], 9))
                conn.execute("UPDATE exams SET title = %s WHERE exam_code = 'acids'", (TITLE,))
                conn.execute(
                    "INSERT INTO exams (exam_code, tenant_id, title) VALUES ('none', 'demo', '')"
                )
            yield made


@pytest.fixture
def browser(campus: Platform) -> Iterator[Browser]:
    made = Browser(campus)
    yield made
    made.close()


def choosing(campus: Platform, roles: list[str], **settings: Any) -> Learner:
    told = {
        "deep_link_return_url": f"{campus.url}/chosen?x=1&y=2",
        "accept_types": ["link", "ltiResourceLink"],
        "accept_presentation_document_targets": ["window"],
        "data": "opaque",
    } | settings
    return Learner(
        "tess",
        roles,
        {
            f"{CLAIM}message_type": "LtiDeepLinkingRequest",
            f"{CLAIM}resource_link": None,
            f"{CLAIM}custom": None,
            f"{DEEP}deep_linking_settings": told,
        },
    )


def forms(page: str) -> dict[str, tuple[str, str]]:
    """Where each button leads, and what it says there."""
    found = re.findall(
        r'<form action="([^"]+)" method="post"><input type="hidden" name="JWT" value="([^"]+)">'
        r"<button type=\"submit\">([^<]+)</button>",
        page,
    )
    return {text: (url, answer) for url, answer, text in found}


def test_what_a_teacher_chooses_is_what_students_sit(browser, campus):
    page = browser.launch(choosing(campus, [TEACHER]))
    assert page.status_code == 200
    buttons = forms(page.text)
    # an exam without items, and another tenant's, are not to be had
    named = "Acids &amp; &lt;b&gt;&quot;bases&quot;&lt;/b&gt; (acids)"
    assert set(buttons) == {named, "Core (core)"}
    url, answer = buttons[named]
    assert url == f"{campus.url}/chosen?x=1&amp;y=2"
    sent = browser.http.post(url.replace("&amp;", "&"), data={"JWT": answer})
    assert sent.text == "added"  # the platform checked it by the tool's published key
    told = campus.chosen.pop()
    assert (told["iss"], told["aud"]) == (CLIENT_ID, campus.url)
    assert told[f"{CLAIM}message_type"] == "LtiDeepLinkingResponse"
    assert (told[f"{CLAIM}version"], told[f"{CLAIM}deployment_id"]) == ("1.3.0", DEPLOYMENT)
    assert told[f"{DEEP}data"] == "opaque"
    (link,) = told[f"{DEEP}content_items"]
    assert (link["type"], link["title"]) == ("ltiResourceLink", TITLE)
    assert link["url"] == f"{campus.tool}/lti/launch"
    assert link["lineItem"] == {"scoreMaximum": 100, "label": TITLE, "resourceId": "acids"}
    # the platform launches by the link as it got it
    student = browser.token(Learner("ada", [LEARNER], {f"{CLAIM}custom": link["custom"]}))
    exams = browser.http.get(f"{campus.tool}/v1/exams", headers=student).json()["items"]
    assert [exam["exam_code"] for exam in exams] == ["acids"]


def test_what_the_platform_does_not_take_is_not_said(browser, campus):
    page = browser.launch(choosing(campus, [TEACHER], accept_lineitem=False, data=None))
    url, answer = forms(page.text)["Core (core)"]
    browser.http.post(url.replace("&amp;", "&"), data={"JWT": answer})
    told = campus.chosen.pop()
    assert "lineItem" not in told[f"{DEEP}content_items"][0]
    assert f"{DEEP}data" not in told


@pytest.mark.parametrize(
    ("roles", "settings", "said"),
    [
        ([LEARNER], {}, "Only teachers choose exams"),
        ([TEACHER], {"accept_types": ["link"]}, "takes no links of tools"),
        ([TEACHER], {"deep_link_return_url": "javascript:alert(1)"}, "is no address"),
        ([TEACHER], {"deep_link_return_url": None}, "is no address"),
    ],
)
def test_who_may_not_choose_and_what_cannot_be_answered(browser, campus, roles, settings, said):
    page = browser.launch(choosing(campus, roles, **settings))
    assert (page.status_code, said in page.text, forms(page.text)) == (403, True, {})


@pytest.mark.parametrize(
    ("role", "status"),
    [
        ("Instructor", 200),
        ("http://purl.imsglobal.org/vocab/lis/v2/membership/Instructor#TeachingAssistant", 200),
        ("http://purl.imsglobal.org/vocab/lis/v2/institution/person#Administrator", 200),
        ("http://purl.imsglobal.org/vocab/lis/v2/institution/person#Student", 403),
        ("http://purl.imsglobal.org/vocab/lis/v2/membership#Mentor", 403),
        ("http://else.example/membership#Instructor", 403),
    ],
)
def test_roles_are_read_as_the_specification_names_them(browser, campus, role, status):
    assert browser.launch(choosing(campus, [role])).status_code == status
