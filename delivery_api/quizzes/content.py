"""What an item looks like, kept in memory: published versions never change.

What never lives here: what is right, which may be corrected (``answers``), and who may see which
part (the routers).
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from delivery_api.database import TenantConnection
from delivery_api.problems import not_found
from qbank.vocabulary import Difficulty

_MAX_KEPT = 50_000

_CONTENT = """SELECT v.stem_md, v.lead_in, v.rationale_md, v.difficulty_label, v.assets,
        array_agg(o.option_label::text ORDER BY o.option_label),
        array_agg(o.option_text_md ORDER BY o.option_label)
    FROM question_versions AS v LEFT JOIN question_options AS o ON o.question_version_id = v.id
    WHERE v.question_id = %s AND v.version = %s
    GROUP BY v.id"""


@dataclass(frozen=True, slots=True)
class Content:
    """One item version as it was published.

    Attributes:
        options: label and text, by label.
    """

    stem_md: str
    lead_in: str | None
    rationale_md: str | None
    difficulty_label: Difficulty | None
    assets: list[Any]
    options: tuple[tuple[str, str], ...]


class Contents:
    """The most recently used contents of this process."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, int, int], Content] = OrderedDict()

    def forget(self) -> None:
        """Keeps nothing: ids may be given out again where a database went back."""
        self._kept.clear()

    def known(self, tenant_id: str, question_id: int, version: int) -> Content | None:
        """The content, where it was read before."""
        key = (tenant_id, question_id, version)
        content = self._kept.get(key)
        if content is not None:
            self._kept.move_to_end(key)
        return content

    async def get(
        self, conn: TenantConnection, tenant_id: str, question_id: int, version: int
    ) -> Content:
        """The content of an item version of the connection's tenant."""
        content = self.known(tenant_id, question_id, version)
        if content is None:
            content = await _read(conn, question_id, version)
            self._kept[tenant_id, question_id, version] = content
            if len(self._kept) > _MAX_KEPT:
                self._kept.popitem(last=False)
        return content


async def _read(conn: TenantConnection, question_id: int, version: int) -> Content:
    row = await (await conn.execute(_CONTENT, (question_id, version))).fetchone()
    if row is None:
        raise not_found(f"question {question_id} version {version}")
    stem_md, lead_in, rationale_md, difficulty, assets, labels, texts = row
    pairs = zip(labels, texts, strict=True) if labels[0] is not None else ()
    return Content(stem_md, lead_in, rationale_md, difficulty, assets, tuple(pairs))
