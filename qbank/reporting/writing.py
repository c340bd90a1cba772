"""Writes a report: a page, a PDF, JSON with every number, and the yearly statistics as CSV.

All or none: the files come into a folder that is not there before. What never lives here: numbers.
"""

from __future__ import annotations

import csv
import io
import math
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from markupsafe import Markup, escape

from qbank.reporting.document import Document, Table, Value
from qbank.reporting.drawing import picture
from qbank.reporting.subject import ReportError
from qbank.vocabulary import ReportForm

FILES: Final[dict[ReportForm, str]] = {
    "html": "report.html",
    "pdf": "report.pdf",
    "json": "report.json",
    "csv": "statistics.csv",
}


@dataclass(frozen=True)
class Written:
    """The files of a report.

    Attributes:
        folder: where they are.
        files: their paths, the page first.
    """

    folder: Path
    files: tuple[Path, ...]


def write(document: Document, folder: Path) -> Written:
    """Writes a report into a new folder.

    Raises:
        ReportError: there is something of that name, or nowhere to make it.
    """
    if folder.exists():
        raise ReportError(f"{folder} is there already: name a folder that is not (--out)")
    if not folder.parent.is_dir():
        raise ReportError(f"{folder.parent} is no folder: make it first")
    contents: dict[ReportForm, bytes] = {
        "html": page(document).encode(),
        "pdf": pdf(document),
        "json": document.json().encode(),
        "csv": statistics(document).encode(),
    }
    made = Path(tempfile.mkdtemp(prefix=".report-", dir=folder.parent))
    try:
        for form, content in contents.items():
            (made / FILES[form]).write_bytes(content)
        made.chmod(0o755)
        os.rename(made, folder)
    except OSError as error:
        shutil.rmtree(made, ignore_errors=True)
        raise ReportError(f"{folder} cannot be written: {error.strerror}") from error
    return Written(folder, tuple(folder / FILES[form] for form in contents))


def page(document: Document) -> str:
    """The report as one HTML file that needs no other and no script."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("qbank", "reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"shown": shown, "numeric": numeric, "heading": heading, "prose": prose}
    drawn = {name: Markup(svg.decode()) for name, svg in _pictures(document, "svg").items()}  # noqa: S704  our own drawing
    return environment.get_template("page.html").render(document=document, pictures=drawn)


def pdf(document: Document) -> bytes:
    """The same as a PDF."""
    from fpdf import FPDF
    from fpdf.enums import TableBordersLayout
    from fpdf.fonts import FontFace
    from matplotlib import get_data_path

    made = FPDF(format="A4")
    # nobody's clock: the same report is the same bytes
    made.set_creation_date(document.as_of or datetime(2000, 1, 1, tzinfo=UTC))
    made.set_title(f"{document.title}: technical report")
    made.set_lang("en")
    fonts = Path(get_data_path(), "fonts", "ttf")
    made.add_font("sans", fname=fonts / "DejaVuSans.ttf")
    made.add_font("sans", "B", fonts / "DejaVuSans-Bold.ttf")
    made.add_page()

    def say(text: str, size: float = 9, *, bold: bool = False) -> None:
        made.set_font("sans", "B" if bold else "", size)
        said = text.replace("`", "")
        made.multi_cell(0, size / 1.8, said, align="L", new_x="LMARGIN", new_y="NEXT")

    say(document.title, 16, bold=True)
    about = [f"Technical report of exam {document.exam_code}"]
    about += [f"as of {shown(document.as_of)}"] if document.as_of else []
    about += [f"calibration {document.run_id}"] if document.run_id else []
    say(", ".join(about))
    pictures = _pictures(document, "png")
    for section in document.sections:
        made.ln(4)
        made.start_section(section.title)
        say(section.title, 12, bold=True)
        say(section.text)
        if section.missing:
            say(f"Not evidenced: {section.missing}")
        for number in section.numbers:
            say(f"{number.label}: {shown(number.value)}")
        for chart in section.charts:
            made.image(io.BytesIO(pictures[chart.name]), w=made.epw * 0.8, alt_text=chart.title)
        for table in section.tables:
            if table.rows:
                made.ln(2)
                say(table.title, bold=True)
                made.set_font("sans", size=5.5 if len(table.columns) > 8 else 7)
                with made.table(
                    line_height=3.4,
                    headings_style=FontFace(emphasis="BOLD"),
                    borders_layout=TableBordersLayout.HORIZONTAL_LINES,
                    text_align="LEFT",
                    col_widths=_widths(table),
                ) as grid:
                    grid.row([heading(column) for column in table.columns])
                    for row in table.rows:
                        grid.row([shown(value) for value in row])
    return bytes(made.output())


def _widths(table: Table) -> tuple[int, ...]:
    """Of the columns, relative: by their longest value, which may break where it is very long."""
    longest = (
        max(len(heading(column)) * 0.7, *(len(shown(row[at])) for row in table.rows))
        for at, column in enumerate(table.columns)
    )
    return tuple(round(min(max(length, 5), 30)) for length in longest)


def statistics(document: Document) -> str:
    """The table of years, as accreditors ask for it."""
    out = io.StringIO()
    years = next(t for t in document.section("population").tables if t.name == "years")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["exam_code", *years.columns])
    for row in years.rows:
        writer.writerow([document.exam_code, *("" if value is None else value for value in row)])
    return out.getvalue()


def shown(value: Value) -> str:
    """A value as people read it; the JSON has it in full."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "—"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:z.3f}" if abs(value) < 1000 else f"{value:,.0f}"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return value.isoformat() if isinstance(value, date) else str(value)


def heading(column: str) -> str:
    """A column's name as people read it; sh_p is called so everywhere."""
    return column if column == "sh_p" else column.replace("_", " ")


def prose(text: str) -> Markup:
    """Text whose commands, between backticks, are set as such."""
    parts = [escape(part) for part in text.split("`")]
    whole = [f"<code>{part}</code>" if at % 2 else part for at, part in enumerate(parts)]
    return Markup("").join(Markup(part) for part in whole)  # noqa: S704  escaped above


def numeric(table: Table, column: int) -> bool:
    """Whether a column's values are numbers."""
    values = [row[column] for row in table.rows if row[column] is not None]
    return bool(values) and all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in values
    )


def _pictures(document: Document, form: str) -> Mapping[str, bytes]:
    charts = [chart for section in document.sections for chart in section.charts]
    return {chart.name: picture(chart, form) for chart in charts}
