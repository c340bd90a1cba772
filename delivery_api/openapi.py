"""What the OpenAPI document says of the service as a whole.

What never lives here: what a single route says of itself.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from delivery_api.access import bearer
from delivery_api.problems import FieldError, ProblemDetails, documented

_DESCRIPTION = """Quizzes chosen by published item parameters, answers, results and administration.

Send a bearer token (`sub`, `roles`, `tenant_id`, `exp`, `iss`, `aud`) with requests below `/v1`.
All rows are of the token's tenant. Errors are problem details (RFC 9457); lists come in pages."""

_TAGS = [
    {"name": "quizzes", "description": "for students: make a quiz, take its items, answer them"},
    {"name": "exams", "description": "what may be taken; for administrators, what holds for each"},
    {"name": "authoring", "description": "questions, versions, reviews, publication"},
    {"name": "results", "description": "what the marts say"},
    {"name": "exposure", "description": "exposure control: read, set, re-estimate, calibrate"},
    {"name": "experiments", "description": "feature flags and cohorts"},
    {"name": "audit", "description": "who changed what"},
    {"name": "login", "description": "development only"},
    {"name": "operation", "description": "health, readiness, metrics"},
]
_OPEN = ("/health", "/ready", "/metrics", "/v1/auth/mock-login")
_REF = "#/components/schemas/{model}"


def describe(app: FastAPI) -> None:
    """Makes the app tell its whole contract: security, tags, errors as problem details."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    schema = get_openapi(
        title=app.title,
        version=app.version,
        description=_DESCRIPTION,
        tags=_TAGS,
        routes=app.routes,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    components = schema.setdefault("components", {})
    models = components.setdefault("schemas", {})
    for model in (ProblemDetails, FieldError):
        definition = model.model_json_schema(ref_template=_REF)
        definition.pop("$defs", None)
        models[model.__name__] = definition
    for unused in ("HTTPValidationError", "ValidationError"):
        models.pop(unused, None)
    components["securitySchemes"] = {
        "bearer": bearer.model.model_dump(mode="json", by_alias=True, exclude_none=True)
    }
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            _amend(operation, is_open=path in _OPEN)
    return schema


def _amend(operation: dict[str, Any], *, is_open: bool) -> None:
    if not is_open:
        operation["security"] = [{"bearer": []}]
    responses = operation["responses"]
    if "requestBody" in operation:
        responses |= {str(status): answer for status, answer in documented(400, 413).items()}
    if "422" in responses:  # FastAPI documents its own shape, which is never sent
        responses |= {str(status): answer for status, answer in documented(422).items()}
