"""The interactive pages of the OpenAPI document: Swagger UI, served from here."""

from __future__ import annotations

from importlib.resources import files
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Response

router = APIRouter(include_in_schema=False)

_TYPES: Final = {"js": "text/javascript", "css": "text/css", "png": "image/png"}
_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>qbank delivery API</title>
<link rel="icon" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
# a file of its own, for no script stands in the page itself
_START: Final = """SwaggerUIBundle({
  url: "openapi.json", dom_id: "#swagger-ui", deepLinking: true, persistAuthorization: false,
});
"""


@router.get("/docs")
def docs() -> Response:
    """The page."""
    return Response(_PAGE, media_type="text/html")


@router.get("/docs/start.js")
def start() -> Response:
    """What makes the page."""
    return Response(_START, media_type=_TYPES["js"])


@router.get("/docs/{name}")
def asset(
    name: Annotated[Literal["swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png"], Path()],
) -> Response:
    """A file of Swagger UI."""
    content = files("fastapi_swagger.resources").joinpath(name).read_bytes()
    return Response(content, media_type=_TYPES[name.rpartition(".")[2]])
