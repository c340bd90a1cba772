"""Items as a content package of QTI 3.0: an item a file, their metadata, and their usage data.

Texts are XHTML, and TeX in it stays TeX; the Markdown they were made of stands beside it, so that
the import reads what was written. What never lives here: which items, and how a package is read.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO, Final
from xml.sax.saxutils import quoteattr

from qbank.exporting.qti_metadata import lom, usage
from qbank.importing.questions.packages import MANIFEST
from qbank.importing.questions.source import body_xhtml, inline_xhtml, instruction, xhtml
from qbank.stores.authoring.limits import MIN_OPTIONS
from qbank.vocabulary import code_of

USAGE: Final = "usage-data.xml"
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
_XSD = "https://purl.imsglobal.org/spec/qti/v3p0/schema/xsd"
_ITEM = "http://www.imsglobal.org/xsd/imsqtiasi_v3p0"
_PACKAGE = "http://www.imsglobal.org/xsd/qti/qtiv3p0/imscp_v1p1"
_LOM = "http://ltsc.ieee.org/xsd/LOM"
_TEMPLATE = "https://purl.imsglobal.org/spec/qti/v3p0/rptemplates/match_correct.xml"
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,99}")
# what XML 1.0 has no way to say
_UNSAID = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# a package is the same whenever it is written
_STAMP = (1980, 1, 1, 0, 0, 0)


def fits(row: Mapping[str, Any]) -> bool:
    """Whether QTI can say an item: options of one letter or digit, and no character XML has not."""
    texts = (
        *(row[name] for name in ("external_ref", "stem", "lead_in", "explanation", "topic")),
        *map(str, (*row["tags"], *row["references"])),
        *(text for _, text, _ in row["options"]),
        *(text for asset in row["assets"] for text in asset.values() if text),
    )
    if len(row["options"]) < MIN_OPTIONS or any(len(label) > 1 for label, *_ in row["options"]):
        return False
    return not any(map(_UNSAID.search, texts))


def write(file: BinaryIO, rows: Sequence[Mapping[str, Any]], exam_code: str) -> None:
    """Writes a package.

    Args:
        file: to be written from its beginning.
        rows: items, of which each fits.
        exam_code: the exam that usage data are of, which they name by its tenant's code.
    """
    names = _identifiers(rows)
    with zipfile.ZipFile(file, "w") as package:
        _put(package, MANIFEST, _manifest(rows, names))
        _put(package, USAGE, _HEAD + usage(rows, names, code_of(exam_code)))
        for row, name in zip(rows, names, strict=True):
            _put(package, _place(name), _item(row, name))


def _put(package: zipfile.ZipFile, name: str, text: str) -> None:
    package.writestr(zipfile.ZipInfo(name, _STAMP), text, zipfile.ZIP_DEFLATED)


def _place(identifier: str) -> str:
    return f"items/{identifier}.xml"


def _identifiers(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """An identifier each: the item's name where it is one, else by the number of its question."""
    taken: set[str] = {"package", "usage-data"}
    found = []
    for row in rows:
        own = row["external_ref"]
        name = own if _IDENTIFIER.fullmatch(own) else f"question-{row['question_id']}"
        # files are told apart by case on some systems alone
        while name.casefold() in taken:
            name += "_"
        taken.add(name.casefold())
        found.append(name)
    return found


def _item(row: Mapping[str, Any], identifier: str) -> str:
    key = next(label for label, _, right in row["options"] if right)
    texts = {"lead_in": row["lead_in"] or None, "stem": row["stem"]}
    texts |= {"explanation": row["explanation"] or None}
    texts |= {label: text for label, text, _ in row["options"]}
    choices = "\n".join(
        f'<qti-simple-choice identifier="choice_{label}">{inline_xhtml(text)}</qti-simple-choice>'
        for label, text, _ in row["options"]
    )
    return f"""{_HEAD}{instruction(texts)}
<qti-assessment-item xmlns="{_ITEM}" {_XSI}
  xsi:schemaLocation="{_ITEM} {_XSD}/imsqti_asiv3p0_v1p0.xsd"
  identifier={quoteattr(identifier)} title={quoteattr(row["external_ref"])}
  tool-name="qbank" adaptive="false" time-dependent="false">
<qti-response-declaration identifier="RESPONSE" cardinality="single" base-type="identifier">
<qti-correct-response><qti-value>choice_{key}</qti-value></qti-correct-response>
</qti-response-declaration>
<qti-outcome-declaration identifier="SCORE" cardinality="single" base-type="float">
<qti-default-value><qti-value>0</qti-value></qti-default-value>
</qti-outcome-declaration>
{_shown(row)}<qti-item-body>
{body_xhtml(row["lead_in"], row["stem"])}
<qti-choice-interaction response-identifier="RESPONSE" shuffle="false" max-choices="1">
{choices}
</qti-choice-interaction>
</qti-item-body>
<qti-response-processing template="{_TEMPLATE}"/>
{_explanation(row)}</qti-assessment-item>
"""


def _shown(row: Mapping[str, Any]) -> str:
    """The outcome that shows the explanation, whatever was chosen."""
    if not row["explanation"]:
        return ""
    return (
        '<qti-outcome-declaration identifier="FEEDBACK" cardinality="single"'
        ' base-type="identifier">\n<qti-default-value><qti-value>explanation</qti-value>'
        "</qti-default-value>\n</qti-outcome-declaration>\n"
    )


def _explanation(row: Mapping[str, Any]) -> str:
    if not row["explanation"]:
        return ""
    return (
        '<qti-modal-feedback outcome-identifier="FEEDBACK" identifier="explanation"'
        f' show-hide="show">\n<qti-content-body>{xhtml(row["explanation"])}</qti-content-body>\n'
        "</qti-modal-feedback>\n"
    )


def _manifest(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> str:
    resources = "\n".join(
        f'<resource identifier={quoteattr(name)} type="imsqti_item_xmlv3p0"'
        f" href={quoteattr(_place(name))}>\n<metadata>{lom(row)}</metadata>\n"
        f"<file href={quoteattr(_place(name))}/>\n</resource>"
        for row, name in zip(rows, names, strict=True)
    )
    return f"""{_HEAD}<manifest xmlns="{_PACKAGE}" {_XSI}
  xsi:schemaLocation="{_PACKAGE} {_XSD}/imsqtiv3p0_imscpv1p2_v1p0.xsd
    {_LOM} https://purl.imsglobal.org/spec/md/v1p3/schema/xsd/imsmd_loose_v1p3p2.xsd"
  identifier="package">
<metadata><schema>QTI Item Bank</schema><schemaversion>3.0.0</schemaversion></metadata>
<organizations/>
<resources>
{resources}
<resource identifier="usage-data" type="qtiusagedata/xml" href={quoteattr(USAGE)}>
<file href={quoteattr(USAGE)}/>
</resource>
</resources>
</manifest>
"""
