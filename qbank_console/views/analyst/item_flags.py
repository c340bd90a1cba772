"""Flags of items as people answer them: where they stand, deciding on one, what changed.

What never lives here: what a flag means (``qbank.item_flags``), and the evidence for it.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pandas as pd
import streamlit as st

from qbank.item_flags import FLAGS
from qbank.vocabulary import code_of
from qbank_console import layout, session
from qbank_console.api import item_flags
from qbank_console.api.client import ApiError, Json
from qbank_console.problems import said
from qbank_console.views.analyst import choosing

MOST_GONE = 8  # flags that a line names
_EDITION = "flag_edition"
_ASKING = [column for column, flag in FLAGS.items() if flag.severity != "note"]
_ACTIONS = {
    "acknowledged": "Acknowledge",
    "assigned": "Assign",
    "snoozed": "Snooze",
    "reopened": "Reopen",
}


def standing(flag: Json) -> str:
    """Where a flag stands, within a sentence: ``assigned to rita``."""
    if flag["standing"] == "assigned":
        return f"assigned to {flag['assignee']}"
    if flag["standing"] == "snoozed":
        return f"snoozed until {_day(flag['snoozed_until'])}"
    return str(flag["standing"])


def with_answers(known: pd.DataFrame, exam: str) -> pd.DataFrame:
    """Items with what was answered to their flags, and whether one is new.

    Args:
        known: rows of ``marts.items.item_health``.
        exam: the exam's key.

    Returns:
        The rows with ``answers``, a list of texts such as ``drifted: assigned to rita``;
        ``is_answered``: all flags that ask somebody to do something are answered; and ``is_new``:
        a flag was raised since yesterday. What is gone since then is told in a line.
    """
    changed = item_flags.changes(session.api(), code_of(exam))
    _say_gone([row for row in changed if row["change"] == "gone"])
    new = {_key(row) for row in changed if row["change"] == "raised"}
    by_item: dict[tuple[int, int], dict[str, Json]] = {}
    for flag in item_flags.answered(session.api(), code_of(exam)):
        by_item.setdefault(_key(flag), {})[flag["flag"]] = flag
    keys = list(zip(known["question_id"].tolist(), known["version"].tolist(), strict=True))
    found = [by_item.get(key, {}) for key in keys]
    said_of = [[f"{f['label'].lower()}: {standing(f)}" for f in one.values()] for one in found]
    return known.assign(
        answers=pd.Series(said_of, index=known.index),
        is_answered=[
            bool(row.any())
            and all(name in one for name, is_raised in zip(_ASKING, row, strict=True) if is_raised)
            for row, one in zip(known[_ASKING].to_numpy(), found, strict=True)
        ],
        is_new=[key in new for key in keys],
    )


def _say_gone(gone: list[Json]) -> None:
    if not gone:
        return
    told = [f"{row['label'].lower()} of {choosing.item_name(pd.Series(row))}" for row in gone]
    more = f" and {len(told) - MOST_GONE:,} more" if len(told) > MOST_GONE else ""
    st.caption(f"Gone since yesterday: {', '.join(told[:MOST_GONE])}{more}.")


def _key(flag: Json) -> tuple[int, int]:
    return int(flag["question_id"]), int(flag["version"])


def of_item(item: pd.Series) -> list[Json]:
    """The flags that the item bears, as the API has them."""
    return item_flags.of_item(
        session.api(), code_of(item["exam_code"]), int(item["question_id"]), int(item["version"])
    )


def show(item: pd.Series, raised: list[Json]) -> None:
    """Deciding on a flag of the item, and what happened to its flags."""
    saved = st.session_state.pop("flag_saved", "")
    if saved:
        st.toast(saved, icon=":material/check:")
    if raised:
        _decide(item, raised)
    else:
        st.info("This version bears no flag that waits for an answer.", icon=":material/flag:")
    _history(item)


def _decide(item: pd.Series, raised: list[Json]) -> None:
    layout.section(
        "Answer a flag",
        "It holds for this version, and until the flag is gone; kept with a reason.",
    )
    edition = st.session_state.get(_EDITION, 0)
    by_name = {flag["flag"]: flag for flag in raised}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            "Flag",
            list(by_name),
            format_func=lambda name: f"{by_name[name]['label']} ({standing(by_name[name])})",
            key=f"flag_{edition}",
        )
        is_open = by_name[name]["standing"] == "open"
        action = st.selectbox(
            "Decision",
            [action for action in _ACTIONS if action != "reopened" or not is_open],
            format_func=_ACTIONS.__getitem__,
            key=f"flag_action_{edition}",
        )
        more: Json = {}
        if action == "assigned":
            more["assignee"] = st.text_input(
                "Assign to", session.current().user_id, max_chars=255, key=f"assignee_{edition}"
            ).strip()
        if action == "snoozed":
            today = datetime.now(UTC).date()
            until = st.date_input(
                "Snooze until",
                today + timedelta(days=7),
                min_value=today + timedelta(days=1),
                max_value=today + timedelta(days=365),
                key=f"snooze_{edition}",
            )
            more["snoozed_until"] = until.isoformat() if isinstance(until, date) else None
    reason = st.text_input(
        "Reason",
        placeholder="why, for whoever looks later",
        max_chars=500,
        key=f"flag_reason_{edition}",
    ).strip()
    if st.button("Save decision", type="primary", icon=":material/save:"):
        _save(item, {"flag": name, "action": action, "reason": reason, **more})


def _save(item: pd.Series, decision: Json) -> None:
    if not decision["reason"]:
        st.error("Give a reason: it is kept with the decision.")
        return
    key = {
        "exam_code": code_of(item["exam_code"]),
        "question_id": int(item["question_id"]),
        "version": int(item["version"]),
    }
    try:
        item_flags.decide(session.api(), key | decision)
    except ApiError as error:
        st.error(said(error), icon=":material/error:")
        return
    label = FLAGS[decision["flag"]].label
    st.session_state["flag_saved"] = f"{label}: {decision['action']}."
    st.session_state[_EDITION] = st.session_state.get(_EDITION, 0) + 1
    st.rerun()


def _history(item: pd.Series) -> None:
    layout.section("History", "All versions, newest first.")
    rows = item_flags.history(session.api(), code_of(item["exam_code"]), int(item["question_id"]))
    if not rows:
        layout.empty("No flag was ever raised", "A build of the marts raises them.")
        return
    table = pd.DataFrame(rows)
    table["at"] = layout.moments(table["at"])
    table["event"] = [standing(row | {"standing": row["event"]}) for row in rows]
    st.dataframe(
        table,
        hide_index=True,
        placeholder="–",
        column_order=["at", "version", "label", "event", "by", "reason"],
        column_config={
            "at": layout.moment_column("When"),
            "version": st.column_config.NumberColumn("Version", format="%d"),
            "label": "Flag",
            "event": "What happened",
            "by": "Who",
            "reason": "Reason",
        },
        alt="What happened to the item's flags",
    )


def _day(moment: str) -> str:
    return f"{datetime.fromisoformat(moment):%-d %b %Y}"
