"""The reference of the HTTP API, from the OpenAPI document that the service gives of itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from delivery_api.app import create_app
from delivery_api.settings import ApiSettings

_HEAD = """# HTTP API

Made from what the service says of itself, [`openapi.json`](openapi.json); a service in `dev` shows
the same at `/docs`, where it can be tried. How to sign in, what the roles may and what errors look
like is in [the delivery API](../api/README.md).
"""


@cache
def document() -> dict[str, Any]:
    """The document as in development, where there is a login; of defaults, not of this machine."""
    return create_app(ApiSettings.model_construct()).openapi()


def document_text() -> str:
    """The document as a file."""
    return json.dumps(document(), indent=1)


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and what is said of it, of every operation."""
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def markdown() -> str:
    """The whole page: operations by tag, then what is sent and answered."""
    sections = [_HEAD]
    for tag in document()["tags"]:
        sections.append(f"\n## {tag['name'].capitalize()}\n\n{_sentence(tag['description'])}\n")
        sections += [_operation(*one) for one in operations() if one[2]["tags"] == [tag["name"]]]
    sections.append("\n## What is sent and answered\n")
    sections += [_schema(name) for name in sorted(document()["components"]["schemas"])]
    return "".join(sections)


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    text = (
        f"\n### {method} {path}\n\n**{operation['summary']}.** {operation.get('description', '')}\n"
    )
    if parameters := operation.get("parameters"):
        rows = [
            (
                f"`{one['name']}`" + (" (needed)" if one.get("required") else ""),
                one["in"],
                kind(one["schema"]),
                one.get("description", ""),
            )
            for one in parameters
        ]
        text += _table(("parameter", "in", "value", "meaning"), rows)
    if body := operation.get("requestBody"):
        text += f"\nBody: {_content(body)}\n"
    answers = operation["responses"]
    good = [f"{status}: {_content(answers[status])}" for status in answers if status < "400"]
    bad = sorted(status for status in answers if status >= "400")
    return f"{text}\nAnswers {'; '.join(good)}. Errors: {', '.join(bad)}.\n"


def _schema(name: str) -> str:
    schema = document()["components"]["schemas"][name]
    text = f"\n### {name}\n\n{schema.get('description', '')}\n"
    if fields := schema.get("properties"):
        needed = schema.get("required", ())
        rows = [
            (
                f"`{field}`" + (" (needed)" if field in needed else ""),
                kind(said),
                said.get("description", ""),
            )
            for field, said in fields.items()
        ]
        text += _table(("field", "value", "meaning"), rows)
    return text


def _content(part: dict[str, Any]) -> str:
    schemas = [kind(one["schema"]) for one in part.get("content", {}).values() if "schema" in one]
    return ", ".join(schemas) or "nothing"


def kind(schema: dict[str, Any]) -> str:
    """What a value is, in words, with links to the schemas it names."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " or ".join(dict.fromkeys(kind(one) for one in schema[several]))
    if "enum" in schema or "const" in schema:
        return " or ".join(
            f"`{json.dumps(one)}`" for one in schema.get("enum", [schema.get("const")])
        )
    if schema.get("type") == "array":
        return f"list of {kind(schema.get('items', {}))}"
    if schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {kind(schema['additionalProperties'])}"
    return f"{schema.get('type', 'any JSON')}{_bounds(schema)}"


def _bounds(schema: dict[str, Any]) -> str:
    said = [f"{word} {schema[key]}" for key, word in _BOUNDS.items() if key in schema]
    if "default" in schema:
        said.append(f"default `{json.dumps(schema['default'])}`")
    return f" ({', '.join(said)})" if said else ""


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *(tuple(map(_cell, row)) for row in rows)]
    return "\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


_BOUNDS = {
    "format": "format",
    "minimum": "at least",
    "exclusiveMinimum": "above",
    "maximum": "at most",
    "exclusiveMaximum": "below",
    "minLength": "characters from",
    "maxLength": "characters to",
    "minItems": "entries from",
    "maxItems": "entries to",
}
