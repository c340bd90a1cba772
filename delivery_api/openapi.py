"""What the OpenAPI document says of the service as a whole.

What never lives here: what a single route says of itself.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from delivery_api.access import Check, authenticated, bearer, signed_in
from delivery_api.idempotency import PATTERN
from delivery_api.problems import FieldError, ProblemDetails, documented
from delivery_api.routers import ROUTERS, oauth
from qbank.vocabulary import Scope

_DESCRIPTION = """Quizzes chosen by published item parameters, answers, results and administration.

Send a bearer token with requests below `/v1`; `GET /v1/me` says what it is taken to mean.
All rows are of the token's tenant. Errors are problem details (RFC 9457); lists come in pages."""

_TAGS = [
    {"name": "quizzes", "description": "for students: make a quiz, take its items, answer them"},
    {"name": "exams", "description": "what may be taken; for administrators, what holds for each"},
    {"name": "authoring", "description": "questions, versions, reviews, publication"},
    {"name": "results", "description": "what the marts say"},
    {
        "name": "exposure",
        "description": "exposure control: read, set, re-estimate, calibrate, compare",
    },
    {"name": "experiments", "description": "feature flags and cohorts"},
    {"name": "imports", "description": "files of responses and items: sent, followed, taken back"},
    {"name": "reports", "description": "technical reports of exams: read, asked for"},
    {"name": "sittings", "description": "everybody's sittings, for who administers exams"},
    {"name": "people", "description": "what is stored about a person: given out, erased"},
    {"name": "audit", "description": "who changed what"},
    {"name": "login", "description": "who calls; tokens for anyone in development alone"},
    {"name": "operation", "description": "health, readiness, metrics"},
]
# relative: behind whichever address the document was read from
_SERVERS: list[dict[str, str | Any]] = [{"url": "/", "description": "this service"}]
_CHANGES = ("/v1/author", "/v1/admin", "/v1/exams", "/v1/imports", "/v1/results")
_SCOPES: dict[Scope, str] = {
    "exams": "make exams, read and change their settings and blueprints",
    "exports": "files of an exam's items, with keys",
    "imports": "send files of responses and items, follow them, take them back",
    "results": "results and sittings of everybody",
}
_REF = "#/components/schemas/{model}"


def operation_id(route: APIRoute) -> str:
    """What the contract calls an operation, and clients their function: the handler's own name."""
    return route.name


def describe(app: FastAPI) -> None:
    """Makes the app tell its whole contract: security, tags, errors as problem details."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # as FastAPI's docs do


def _document(app: FastAPI) -> dict[str, Any]:
    schema = get_openapi(
        title=app.title,
        version=app.version,
        description=_DESCRIPTION,
        tags=_TAGS,
        servers=_SERVERS,
        routes=app.routes,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    schema = _plainly_named(schema)
    components = schema["components"]
    models = components["schemas"]
    for model in (ProblemDetails, FieldError):
        definition = model.model_json_schema(ref_template=_REF)
        definition.pop("$defs", None)
        models[model.__name__] = definition
    for unused in ("HTTPValidationError", "ValidationError"):
        models.pop(unused, None)
    components["securitySchemes"] = {
        "bearer": bearer.model.model_dump(mode="json", by_alias=True, exclude_none=True),
        "service_account": {
            "type": "oauth2",
            "description": "programs; a token of theirs is a bearer token, too",
            "flows": {"clientCredentials": {"tokenUrl": oauth.PATH, "scopes": _SCOPES}},
        },
    }
    for route in (one for router in ROUTERS for one in router.routes):
        if isinstance(route, APIRoute) and route.path != oauth.PATH:
            for method in route.methods or ():
                schema["paths"][route.path][method.lower()]["security"] = _security(route)
    for path, operations in schema["paths"].items():
        if path == oauth.PATH:  # its errors are OAuth's
            continue
        for method, operation in operations.items():
            _amend(operation)
            if method not in ("get", "head") and path.startswith(_CHANGES):
                _take_key(operation)
    return schema


def _plainly_named(schema: dict[str, Any]) -> dict[str, Any]:
    """Gives generic models their own names: ``TopicPage`` for ``Page_Topic_``."""
    models = schema["components"]["schemas"]
    names = {key: model.get("title", key) for key, model in models.items() if key.endswith("_")}
    clashes = sorted(names[key] for key in names if names[key] in models)
    if clashes:
        raise ValueError(f"two models are called {clashes[0]}: rename one")
    schema["components"]["schemas"] = {names.get(key, key): m for key, m in models.items()}
    refs = {_REF.format(model=key): _REF.format(model=name) for key, name in names.items()}

    def renamed(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: renamed(v) for k, v in value.items()}
        if isinstance(value, list):
            return [renamed(v) for v in value]
        return refs.get(value, value) if isinstance(value, str) else value

    document: dict[str, Any] = renamed(schema)
    return document


def _take_key(operation: dict[str, Any]) -> None:
    """The header that makes a change once (``idempotency``)."""
    operation.setdefault("parameters", []).append(
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "schema": {"type": "string", "pattern": PATTERN},
            "description": "the same request again under the same key, within a day, changes"
            " nothing and gives the same reply; for another request the key is refused",
        }
    )
    operation["responses"] |= {str(code): entry for code, entry in documented(409, 422).items()}


def _security(route: APIRoute) -> list[dict[str, list[str]]]:
    """A person's token, or where the route lets it pass, that of an account with its scope."""
    ways: list[dict[str, list[str]]] = [{"bearer": []}]
    for needed in route.dependant.dependencies:
        if needed.call in (authenticated, signed_in):
            ways.append({"service_account": []})
        elif isinstance(needed.call, Check) and needed.call.scope is not None:
            ways.append({"service_account": [needed.call.scope]})
    return ways


def _amend(operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    if "requestBody" in operation:
        responses |= {str(status): answer for status, answer in documented(400, 413).items()}
    if "422" in responses:  # FastAPI documents its own shape, which is never sent
        responses |= {str(status): answer for status, answer in documented(422).items()}
