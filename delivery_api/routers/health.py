"""Is the service alive, can it work, and what does it measure."""

from __future__ import annotations

import hmac
from typing import Literal

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, Field

from delivery_api import metrics
from delivery_api.problems import ProblemError, documented
from delivery_api.readiness import ReadinessCheck, readiness
from delivery_api.services import Services

router = APIRouter(tags=["operation"])


def _refuse_strangers(request: Request) -> None:
    api = Services.of(request).api
    token = api.api_metrics_token
    if token is None:
        if api.env != "dev":
            raise ProblemError(404, "not-found", "/metrics wants QBANK_API_METRICS_TOKEN to be set")
        return
    if not hmac.compare_digest(
        request.headers.get("authorization", "").encode(),
        f"Bearer {token.get_secret_value()}".encode(),
    ):
        raise ProblemError(
            401,
            "unauthorized",
            "send the token of QBANK_API_METRICS_TOKEN: `Authorization: Bearer …`",
            {"WWW-Authenticate": "Bearer"},
        )


class Health(BaseModel):
    """The process runs."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """Whether requests can be answered, and what stands in the way."""

    ready: bool
    checks: list[ReadinessCheck] = Field(description="what was looked at, each with its reason")


@router.get("/health", summary="Liveness")
async def read_health() -> Health:
    """Answers while the process runs; looks at nothing else."""
    return Health()


@router.get(
    "/ready",
    summary="Readiness",
    responses={503: {"model": Readiness, "description": "Not ready; `checks` tells why"}},
)
async def read_readiness(request: Request, response: Response) -> Readiness:
    """Looks at the database, its migrations and the compiled selection rule."""
    checks = await readiness(Services.of(request))
    found = Readiness(ready=all(check.ok for check in checks), checks=checks)
    if not found.ready:
        response.status_code = 503
    return found


@router.get(
    "/metrics",
    summary="Prometheus metrics",
    response_class=Response,
    responses=documented(401, 404)
    | {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def read_metrics(request: Request) -> Response:
    """All metrics of all processes of the service.

    Outside development by the token of `QBANK_API_METRICS_TOKEN` alone.
    """
    _refuse_strangers(request)
    return Response(metrics.exposition(), media_type=CONTENT_TYPE_LATEST)
