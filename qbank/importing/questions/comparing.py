"""What an item of a file is beside the bank: new, changed, known, or in conflict.

What a file does not tell stays as it is. What never lives here: writing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from psycopg.rows import dict_row

from qbank.importing.questions.item import Item
from qbank.postgres import Connection

What = Literal["new", "changed", "known", "conflict"]
NEW_TOPIC = ("Imported",)
# columns of a version that a file may tell, beside stem, options and topic
REST = (
    "lead_in",
    "rationale_md",
    "difficulty_label",
    "bloom_level",
    "tags",
    "assets",
    "reference_list",
)
_SAID = {"stem_md": "stem", "rationale_md": "explanation", "difficulty_label": "difficulty"}

# label, text and whether it is right of each option of a version, named v
OPTIONS = """LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_array(option_label, option_text_md, is_correct)
        ORDER BY option_label) AS options
    FROM question_options WHERE question_version_id = v.id
) AS o ON true"""
_NEWEST = f"""
SELECT n.item, q.id AS question_id, q.is_deleted, v.version, v.state, v.stem_md, v.topic_id,
    {", ".join(f"v.{column}" for column in REST)}, v.created_by,
    v.import_batch_id IS NOT NULL OR v.created_by ^@ 'import:' AS imported,
    p.live_version, coalesce(o.options, '[]') AS options
FROM import_names AS n
JOIN questions AS q ON q.id = n.question_id
LEFT JOIN LATERAL (
    SELECT * FROM question_versions AS w WHERE w.question_id = q.id
    ORDER BY w.version DESC LIMIT 1
) AS v ON true
{OPTIONS}
LEFT JOIN question_publications AS p ON p.question_id = q.id AND p.exam_code = %(exam)s
"""  # noqa: S608


@dataclass(frozen=True)
class Kept:
    """The newest version of a question that the bank has; version 0 where it has none."""

    question_id: int
    version: int
    state: str
    created_by: str
    imported: bool
    live_version: int | None
    is_deleted: bool
    topic: tuple[str, ...]
    content: Mapping[str, Any]


@dataclass(frozen=True)
class Compared:
    """An item beside the bank.

    Attributes:
        kept: the version it was compared with; None for a new one.
        content: all that the next version says, topic apart.
        changes: what of it is another, as people call it.
    """

    item: Item
    what: What
    kept: Kept | None
    topic: tuple[str, ...]
    content: Mapping[str, Any]
    changes: tuple[str, ...] = ()

    @property
    def is_dormant(self) -> bool:
        """Whether the exam does not serve the version that the bank has of a known item."""
        kept = self.kept
        return self.what == "known" and kept is not None and kept.live_version != kept.version

    @property
    def conflict(self) -> str:
        """What the bank has otherwise, and of whom."""
        assert self.kept is not None  # noqa: S101
        return (
            f"{self.item.reference} v{self.kept.version} by {self.kept.created_by} has another"
            f" {' and '.join(self.changes)}"
        )


def newest(
    connection: Connection, names: Mapping[str, Any], paths: Mapping[int, tuple[str, ...]]
) -> dict[str, Kept]:
    """The newest version of each item of ``import_names``, by reference."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_NEWEST, names).fetchall()
    return {
        row["item"]: Kept(
            question_id=row["question_id"],
            version=row["version"] or 0,
            state=row["state"] or "",
            created_by=row["created_by"] or "",
            imported=bool(row["imported"]),
            live_version=row["live_version"],
            is_deleted=row["is_deleted"],
            topic=paths.get(row["topic_id"], ()),
            content={
                "stem_md": row["stem_md"],
                "options": [tuple(option) for option in row["options"]],
                **{column: row[column] for column in REST},
            },
        )
        for row in rows
    }


def compared(item: Item, kept: Kept | None) -> Compared:
    """The item beside what the bank has of it."""
    before: Mapping[str, Any] = kept.content if kept is not None and kept.version else _BLANK
    told = {
        "stem_md": item.stem_md,
        "options": [(o.label, o.text_md, o.is_correct) for o in item.options],
        **item.rest,
    }
    content = {**before, **told}
    topic = item.topic or (kept.topic if kept is not None else ()) or NEW_TOPIC
    if kept is None or not kept.version:
        return Compared(item, "new", kept, topic, content)
    changes = [_SAID.get(name, name) for name, value in told.items() if _other(before[name], value)]
    if "options" in changes and _key(before["options"]) != _key(told["options"]):
        changes.append("key")
    if topic != kept.topic:
        changes.append("topic")
    # what was retired is no longer there to be published
    if not changes and kept.state != "retired":
        return Compared(item, "known", kept, topic, content)
    what: What = "changed" if kept.imported or not changes else "conflict"
    return Compared(item, what, kept, topic, content, tuple(changes) or ("retired",))


_BLANK: Mapping[str, Any] = {
    "lead_in": None,
    "rationale_md": None,
    "difficulty_label": None,
    "bloom_level": None,
    "tags": [],
    "assets": [],
    "reference_list": [],
}


def _other(before: Any, now: Any) -> bool:
    return bool(_plain(before) != _plain(now))


def _plain(value: Any) -> Any:
    """The value without blanks around texts and with line breaks of one kind."""
    if isinstance(value, str):
        return value.replace("\r\n", "\n").replace("\r", "\n").strip() or None
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


def _key(options: Sequence[tuple[str, str, bool]]) -> list[str]:
    return [label for label, _, is_correct in options if is_correct]
