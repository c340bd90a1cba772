"""The table of the docs that lists the settings: ``python -m qbank.exams.page`` prints it."""

from __future__ import annotations

from collections.abc import Iterator

from qbank.exams.settings import PARTS, Part, settings


def markdown() -> str:
    """The tables of all parts."""
    return "\n".join(line for part in PARTS for line in _part(part)).strip() + "\n"


def _part(part: Part) -> Iterator[str]:
    name = f" (`{part.name}`)" if part.name else ""
    yield f"### {part.title}{name}"
    yield ""
    yield "| setting | option | allowed | left out | meaning |"
    yield "|---|---|---|---|---|"
    for setting in settings(part):
        option = f"--{setting.option.replace('_', '-')}"
        examples = ", ".join(f"`{one}`" for one in setting.field.examples or ())
        none = ", or none" if setting.allows_none else ""
        default = setting.default
        texts = default if isinstance(default, list) else [] if default is None else [default]
        left_out = ", ".join(f"`{str(text).lower()}`" for text in texts)
        cells = (
            f"`{setting.name}`",
            f"`{option}`",
            examples or f"{setting.allowed}{none}",
            left_out,
            str(setting.field.description),
        )
        yield f"| {' | '.join(cells)} |"
    yield ""


if __name__ == "__main__":
    print(markdown(), end="")
