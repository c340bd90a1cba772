"""The page of the docs that lists the options of imports.

``python -m qbank.requests.import_page`` prints it.
"""

from __future__ import annotations

from collections.abc import Iterator

from qbank.requests import Allowed
from qbank.requests.base import marker
from qbank.requests.imports import ImportOptions, ItemsImport, ResponsesImport, Shown

_HEAD = """# Options of an import

Made by `make generate` from the declarations in `qbank/requests/imports.py`. The commands take
each as an option (`--user-col NAME`), and the API as a query parameter (`?user_col=NAME`); a list
comes more than once. What stands on the machine where a command is started is the command's
alone: `--rejects FILE`, `--media-dir` and `--media-url`. `--key FILE` is a second file over the API
(`POST /v1/exams/{exam_code}/imports/keyed`).
What they mean is told in [importing](import.md).
"""
_OF: dict[str, type[ImportOptions]] = {
    "`qbank import responses`, `POST /v1/exams/{exam_code}/imports`": ResponsesImport,
    "`qbank import items`, `POST /v1/exams/{exam_code}/imports/items`": ItemsImport,
}


def markdown() -> str:
    """The whole page."""
    return _HEAD + "".join(_section(title, options) for title, options in _OF.items())


def _section(title: str, options: type[ImportOptions]) -> str:
    rows = "\n".join(_rows(options))
    return f"""
## {title}

| option | is | left out | meaning |
|---|---|---|---|
{rows}
"""


def _rows(options: type[ImportOptions]) -> Iterator[str]:
    for name, field in options.model_fields.items():
        allowed = Allowed.of(field.rebuild_annotation())
        shown = marker(field, Shown)
        told = allowed.words or not shown
        kind = str(allowed) if told else f"`{shown.metavar}`"
        kind = "a moment" if name == "timestamp" else kind
        value = field.default
        plain = str(value).lower() if isinstance(value, bool) else value
        default = "" if value in (None, "", []) else f"`{plain}`"
        cells = (f"`{name}`", kind, default, str(field.description))
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    print(markdown(), end="")
