"""Launches from learning platforms (LTI 1.3), the tokens that come of them, and scores.

What never lives here: what is believed of a message (``lti.launching``).
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from delivery_api.access import Observer
from delivery_api.changes import reading
from delivery_api.exam_codes import ShownExam
from delivery_api.fields import Body, Moment, Page, PageNumber, PageSize
from delivery_api.lti import deep_linking, login
from delivery_api.lti.launching import Platform
from delivery_api.lti.messages import Message
from delivery_api.lti.pages import LaunchError, page, refusal
from delivery_api.problems import ProblemError, documented
from delivery_api.queries import StrictRoute, form_fields
from delivery_api.rate_limit import address_of
from delivery_api.services import Services
from qbank.stores import lti_scores
from qbank.vocabulary import LtiScoreState, code_of

# what browsers and platforms reach, at addresses that platforms are told
pages = APIRouter(prefix="/lti", include_in_schema=False)
tokens = APIRouter(prefix="/v1/auth", tags=["login"], route_class=StrictRoute)
scores = APIRouter(
    prefix="/v1/admin/lti",
    tags=["sittings"],
    responses=documented(401, 403, 422, 503),
    route_class=StrictRoute,
)

TOKEN_SECONDS: Final = 8 * 3600
_MOST_FIELDS: Final = 50
_LONGEST: Final = 4096
_LARGEST: Final = 131_072


class LaunchCode(Body):
    """What a launch brought to the program."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"code": "Zk3vQq1xLm2T8rZk3VhPq1xLm2T8rZk3VhPq1xLm2T8"}]}
    )

    code: Annotated[str, Field(min_length=20, max_length=200, pattern=r"^[A-Za-z0-9_-]+$")]


class LaunchToken(BaseModel):
    """A student's bearer token, for quizzes of one exam."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105  (the scheme's name)
    expires_in: int = Field(description="seconds")
    exam_code: ShownExam


class LtiScore(BaseModel):
    """A result on its way to the learning platform that its person was launched from."""

    id: int
    quiz_id: str
    user_id: str
    exam_code: ShownExam
    platform: str
    revision: int = Field(description="of the quiz's result")
    score_given: float = Field(description="scored items that were answered correctly")
    score_maximum: float = Field(description="scored items that are not void")
    scored_at: Moment
    state: LtiScoreState
    attempts: int
    next_at: Moment | None = Field(description="when it is tried next; null where it is not")
    problem: str = Field(description="why the last attempt came to nothing, or what was said")
    sent_at: Moment | None


@pages.get("/jwks")
def read_jwks(request: Request) -> dict[str, Any]:
    """The tool's public keys (RFC 7517)."""
    return Services.of(request).tool_key.published()


@pages.get("/login")
@pages.post("/login")
async def begin_login(request: Request) -> Response:
    """A platform has somebody who opens a link: on to the platform, which says who it is."""
    services = Services.of(request)
    services.launch_limit.admit(address_of(request))
    try:
        asked = dict(request.query_params) if request.method == "GET" else await _form(request)
        _refuse_long(asked, _LONGEST)
        address, state = await services.launches.begin(asked)
    except LaunchError as error:
        return refusal(error)
    return RedirectResponse(address, 302, {"Set-Cookie": login.cookie_header(state)})


@pages.post("/launch")
async def take_launch(request: Request) -> Response:
    """The platform's signed message: a quiz for a learner, an exam to choose for a teacher."""
    services = Services.of(request)
    services.launch_limit.admit(address_of(request))
    try:
        sent = await _form(request)
        _refuse_long(sent, _LARGEST)
        platform, message = await services.launches.take(sent, request.cookies)
        if message.deep_link is not None:
            return await _choice(services, platform, message)
        if message.is_learner and not message.is_teacher:
            return await _landing(services, platform, message)
        return await _shown(services, platform, message)
    except LaunchError as error:
        return refusal(error)


async def _landing(services: Services, platform: Platform, message: Message) -> Response:
    code, title = await services.launches.enrol(platform, message)
    landing = services.api.lti_landing_url
    if landing is None:
        return page(
            f"Exam {title or message.exam_code}",
            [
                "You are known here, but this server does not say where quizzes are taken.",
                "An administrator of this server names that page by QBANK_LTI_LANDING_URL; with"
                " the console it is the console's address followed by /quiz.",
            ],
            status=503,
        )
    return RedirectResponse(login.with_query(landing, {"launch": code}), 303)


async def _shown(services: Services, platform: Platform, message: Message) -> Response:
    if not message.is_teacher:
        raise LaunchError(
            403,
            "Your course says no role that can open this",
            "Students sit the exam, and teachers see where the link leads.",
        )
    key, title = await services.launches.named_exam(platform, message)
    score = (
        "The result of each student's sitting goes to the gradebook when it is finished."
        if message.line_item_url
        else "The platform takes no result of this link: it is not graded, or the tool may not"
        " write scores."
    )
    return page(
        f"Exam {title or code_of(key)} ({code_of(key)})",
        ["Students who open this link sit the exam.", score],
    )


async def _choice(services: Services, platform: Platform, message: Message) -> Response:
    if not message.is_teacher:
        raise LaunchError(
            403, "Only teachers choose exams", "Your role in the course is another one."
        )
    address = services.launches.launch_url
    exams = await deep_linking.exams(services.database, platform.tenant_id)
    # signing an answer for each is work for a thread
    return await run_in_threadpool(
        deep_linking.offered, services.tool_key, address, platform, message, exams
    )


@tokens.post(
    "/launch", summary="The token of a launch", responses=documented(401, 413, 422, 429, 503)
)
async def issue_launch_token(body: LaunchCode, request: Request) -> LaunchToken:
    """Gives the program that a launch led to the student's token; a code is good once."""
    services = Services.of(request)
    services.launch_limit.admit(address_of(request))
    found = await services.launches.launched(body.code)
    if found is None:
        raise ProblemError(
            401,
            "unauthorized",
            "the launch is too old, or was used: open the exam from your course again",
            {"WWW-Authenticate": "Bearer"},
        )
    exam = code_of(found.exam_key)
    token = services.tokens.issue_to_launched(
        found.user_id, found.tenant_id, exam, str(found.launch), TOKEN_SECONDS
    )
    return LaunchToken(access_token=token, expires_in=TOKEN_SECONDS, exam_code=exam)


@scores.get("/scores", summary="Scores that go back to learning platforms")
def list_lti_scores(
    caller: Observer,
    request: Request,
    state: Annotated[LtiScoreState | None, Query()] = None,
    page: PageNumber = 1,
    page_size: PageSize = 50,
) -> Page[LtiScore]:
    """The newest first, with whether the platform has them, and why not."""
    with reading(request, caller) as conn:
        found = lti_scores.find(
            conn, caller.tenant_id, state, limit=page_size, offset=(page - 1) * page_size
        )
    return Page[LtiScore].of(found, page, page_size)


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form, each once.

    Raises:
        LaunchError: it is none.
    """
    try:
        fields = await form_fields(request, _MOST_FIELDS)
    except ValueError as error:
        raise LaunchError(
            400, "This page is reached from a course alone", "The request is no form."
        ) from error
    if len(dict(fields)) < len(fields):
        raise LaunchError(
            400, "This page is reached from a course alone", "A field is there twice."
        )
    return dict(fields)


def _refuse_long(fields: dict[str, str], most: int) -> None:
    for name, value in fields.items():
        if len(value) > most or "\x00" in value:
            raise LaunchError(
                400,
                "This page is reached from a course alone",
                f"{name!r:.100} is longer than {most} characters, or no text.",
            )
