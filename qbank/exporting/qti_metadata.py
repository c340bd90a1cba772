"""What is known of items beside them: IEEE LOM for a manifest, and QTI's usage data.

What never lives here: items and packages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from qbank.importing.questions.metadata import (
    ASSET,
    BLOOM,
    BLOOM_PURPOSE,
    CATALOG,
    DIFFICULTIES,
    REFERENCE,
    TOPIC_PURPOSE,
)

_USAGE = "http://www.imsglobal.org/xsd/imsqti_usagedata_v3p0"
_XSD = "https://purl.imsglobal.org/spec/qti/v3p0/schema/xsd/imsqti_usagedatav3p0_v1p0.xsd"
# column, its standard error and the number of people or sittings that it is of
STATISTICS: Final = (
    ("a", "se_a", "n_respondents"),
    ("b", "se_b", "n_respondents"),
    ("c", "se_c", "n_respondents"),
    ("scaling_constant", None, "n_respondents"),
    ("n", None, None),
    ("p_value", None, "n"),
    ("r_point_biserial", None, "n"),
    ("sh_p", None, None),
    ("exposure_rate", None, None),
)


def lom(row: Mapping[str, Any]) -> str:
    """The metadata of an item."""
    tags = "".join(f"<keyword>{_string(tag)}</keyword>" for tag in row["tags"])
    level = DIFFICULTIES.get(row["difficulty"])
    difficulty = (
        f"<educational><difficulty>{_word(level)}</difficulty></educational>" if level else ""
    )
    references = "".join(
        _relation(REFERENCE, f"<description>{_string(text)}</description>")
        for text in row["references"]
    )
    assets = "".join(_relation(ASSET, _asset(asset)) for asset in row["assets"])
    return (
        '<lom xmlns="http://ltsc.ieee.org/xsd/LOM">'
        f"<general><identifier><catalog>{CATALOG}</catalog>"
        f"<entry>{escape(row['external_ref'])}</entry></identifier>{tags}</general>"
        f"{difficulty}{references}{assets}{_topic(row)}{_bloom(row)}</lom>"
    )


def usage(rows: Sequence[Mapping[str, Any]], identifiers: Sequence[str], exam_code: str) -> str:
    """The usage data of items: a statistic each that there is, by the item it is of.

    Args:
        rows: the items.
        identifiers: theirs in the package.
        exam_code: the exam in which they were found, which is the statistics' context.
    """
    statistics = "\n".join(
        told
        for row, identifier in zip(rows, identifiers, strict=True)
        for told in _statistics(row, identifier, f"urn:qbank:exam:{quote(exam_code, safe='')}")
    )
    return (
        f'<usageData xmlns="{_USAGE}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        f' xsi:schemaLocation="{_USAGE} {_XSD}">\n{statistics}\n</usageData>\n'
    )


def _statistics(row: Mapping[str, Any], identifier: str, context: str) -> Iterator[str]:
    for name, error, count in STATISTICS:
        if row[name] is None:
            continue
        said = f" caseCount={quoteattr(str(row[count]))}" if count and row[count] else ""
        if error and row[error] is not None:
            said += f" stdError={quoteattr(repr(row[error]))}"
        kind = "integer" if isinstance(row[name], int) else "float"
        yield _ordinary(name, context, said, identifier, repr(row[name]), kind)
    # parameters are of a model, and nothing without it
    if row["a"] is not None:
        yield _ordinary("irt_model", context, "", identifier, row["model"], "string")


def _ordinary(name: str, context: str, said: str, identifier: str, value: str, kind: str) -> str:
    return (
        f"<ordinaryStatistic name={quoteattr(name)} context={quoteattr(context)}{said}>"
        f'<targetObject identifier={quoteattr(identifier)} objectType="item"/>'
        f'<value baseType="{kind}">{escape(value)}</value></ordinaryStatistic>'
    )


def _topic(row: Mapping[str, Any]) -> str:
    taxa = "".join(f"<taxon><entry>{_string(name)}</entry></taxon>" for name in row["path"])
    return _classification(TOPIC_PURPOSE, "topics", taxa)


def _bloom(row: Mapping[str, Any]) -> str:
    level = row["bloom_level"]
    taxon = f"<taxon><id>{escape(level)}</id></taxon>"
    return _classification(BLOOM_PURPOSE, BLOOM, taxon) if level else ""


def _classification(purpose: str, source: str, taxa: str) -> str:
    return (
        f"<classification><purpose>{_word(purpose)}</purpose><taxonPath>"
        f"<source>{_string(source)}</source>{taxa}</taxonPath></classification>"
    )


def _relation(kind: str, resource: str) -> str:
    return f"<relation><kind>{_word(kind)}</kind><resource>{resource}</resource></relation>"


def _asset(asset: Mapping[str, str]) -> str:
    alt = asset.get("alt")
    described = "" if alt is None else f"<description>{_string(alt)}</description>"
    return f"<identifier><entry>{escape(asset['url'])}</entry></identifier>{described}"


def _string(text: str) -> str:
    return f"<string>{escape(text)}</string>"


def _word(value: str) -> str:
    return f"<source>LOMv1.0</source><value>{escape(value)}</value>"
