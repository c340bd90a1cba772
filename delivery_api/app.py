"""The application: what is shared by all requests, and the routers on it.

What never lives here: routes.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import Depends, FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware

from delivery_api import problems
from delivery_api.accounts import Accounts
from delivery_api.database import Database
from delivery_api.deprecation import PROBES_BELOW_V1
from delivery_api.lti.launching import Launches
from delivery_api.lti.passback import Passback
from delivery_api.lti.tool_key import ToolKey
from delivery_api.middleware import RequestContext
from delivery_api.openapi import describe, operation_id
from delivery_api.quizzes.banks import Banks
from delivery_api.quizzes.client_events import ClientEvents
from delivery_api.quizzes.content import Contents
from delivery_api.quizzes.ending import Endings
from delivery_api.quizzes.enrolment import Enrolment
from delivery_api.quizzes.events import Events
from delivery_api.quizzes.progress import Progress
from delivery_api.quizzes.recent import RecentQuizzes
from delivery_api.quizzes.serving import Limits
from delivery_api.quizzes.submission import Submission
from delivery_api.rate_limit import QuizLimits, RateLimit
from delivery_api.routers import ROUTERS, docs, health, login, lti
from delivery_api.services import Services
from delivery_api.settings import ApiSettings
from delivery_api.tokens import Tokens
from qbank.settings import Settings, get_settings
from qbank.telemetry import Tracing


def create_app(api: ApiSettings | None = None, settings: Settings | None = None) -> FastAPI:
    """Makes the application; nothing connects before it is started.

    Args:
        api: the API's settings; read from the environment where None.
        settings: the shared settings; those of the process where None.

    Raises:
        SettingsError: a setting is wrong or not safe outside development.
    """
    api = api or ApiSettings.load()
    settings = settings or get_settings()
    app = FastAPI(
        title="qbank delivery API",
        version="1.0.0",
        lifespan=_lifespan,
        openapi_url="/openapi.json" if api.has_docs else None,
        docs_url=None,  # ours loads nothing from elsewhere
        redoc_url=None,
        redirect_slashes=False,  # a redirect would name whatever host the request names
        responses=problems.documented(500, 503),
        generate_unique_id_function=operation_id,
    )
    app.state.services = _services(api, settings)
    app.state.tracing = tracing = Tracing.configured("qbank-api", settings)
    problems.install(app)
    _add_routers(app, api)
    if api.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(api.cors_origins),
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=[
                "authorization",
                "content-type",
                "x-request-id",
                "idempotency-key",
                "if-match",
            ],
            expose_headers=[
                "x-request-id",
                "retry-after",
                "ratelimit",
                "ratelimit-policy",
                "etag",
                "deprecation",
                "sunset",
            ],
            max_age=600,
        )
    # added last, so it is outermost: also a CORS refusal is logged and counted
    app.add_middleware(
        RequestContext,
        access_log=api.api_access_log,
        https_only=api.env == "prod",
        max_requests=api.api_max_requests,
        max_body_bytes=api.api_max_body_bytes,
        max_upload_bytes=api.api_max_upload_bytes,
        hosts=api.api_trusted_hosts,
        tracing=tracing,
    )
    describe(app)
    return app


def _services(api: ApiSettings, settings: Settings) -> Services:
    database = Database(settings, api)
    key = api.selection_key(settings)
    limits = Limits(settings.max_daily_exposures, api.item_rate_per_minute)
    contents, recent = Contents(), RecentQuizzes()
    banks = Banks(database, key, api.api_bank_memory_mb * 1_000_000, forget=contents.forget)
    events = Events(are_on=settings.events, traced=settings.telemetry)
    endings = Endings(database, banks, recent, events)
    tokens = Tokens(api, settings)
    tool_key = ToolKey(api.lti_key_file, settings)
    return Services(
        api=api,
        tokens=tokens,
        accounts=Accounts(api, database, tokens),
        database=database,
        launches=Launches(api, settings, database),
        tool_key=tool_key,
        passback=Passback(database, tool_key, api.lti_scores_every_s),
        banks=banks,
        endings=endings,
        submission=Submission(database, endings, api.submit_every_s),
        progress=Progress(database, banks, contents, recent, endings, limits),
        client_events=ClientEvents(database, endings),
        enrolment=Enrolment(
            database, banks, key, api.quiz_minutes, api.quiz_rate_per_minute, events
        ),
        quiz_limits=QuizLimits(api),
        login_limit=RateLimit("logins", api.login_rate_per_minute, processes=api.api_workers),
        account_limit=RateLimit("tokens", api.account_rate_per_minute, processes=api.api_workers),
        launch_limit=RateLimit("launches", api.lti_rate_per_minute, processes=api.api_workers),
        cursor_key=hmac.new(key, b"cursors", hashlib.sha256).digest(),
    )


def _add_routers(app: FastAPI, api: ApiSettings) -> None:
    for router in ROUTERS:  # routes are tried in order: those of a quiz come first
        app.include_router(router)
    if api.mock_login:
        app.include_router(login.router)
    app.include_router(lti.pages)
    app.include_router(lti.tokens)
    if api.has_docs:
        app.include_router(docs.router)
    app.include_router(health.router)
    app.include_router(
        health.router,
        prefix="/v1",
        include_in_schema=False,
        dependencies=[Depends(PROBES_BELOW_V1)],
    )


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    services = Services.of(app)
    await services.database.open()
    working = [
        asyncio.create_task(services.submission.run()),
        asyncio.create_task(services.passback.run()),
    ]
    try:
        # compiled before the first request, not in it
        await run_in_threadpool(services.banks.warm_up)
        services.warmed_up = True
        yield
    finally:
        for task in working:
            task.cancel()
        for task in working:
            with suppress(asyncio.CancelledError):
                await task
        await services.banks.close()
        await services.database.close()
        if app.state.tracing is not None:
            await run_in_threadpool(app.state.tracing.close)
