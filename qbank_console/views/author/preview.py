"""A question as a student will see it, with the answer for the author.

What never lives here: the form that edits it.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from qbank_console.theme import Shade
from qbank_console.views.markdown import in_line, written

STATE_COLOURS: dict[str, Shade] = {
    "draft": "gray",
    "review": "blue",
    "approved": "violet",
    "published": "green",
    "retired": "orange",
}


def preview(content: dict[str, Any]) -> None:
    """Shows stem, options with the key marked, and the explanation.

    Args:
        content: stem_md, lead_in, options, rationale_md, as the API has a version.
    """
    if not (content["stem_md"] or "").strip():
        st.caption("The question appears here as you write it.")
        return
    written(content["stem_md"])
    if content.get("lead_in"):
        written(f"**{in_line(content['lead_in'])}**")
    for option in content["options"]:
        mark = ":material/check_circle:" if option["is_correct"] else ":material/circle:"
        shade = "green" if option["is_correct"] else "gray"
        text = in_line(option["text_md"] or "…")
        st.markdown(f":{shade}[{mark}] **{option['label']}** {text}")
    if (content.get("rationale_md") or "").strip():
        with st.container(border=True):
            st.markdown(":gray[Explanation, shown after the answer]")
            written(content["rationale_md"])


def state_badge(state: str) -> None:
    """The state of a version."""
    st.badge(state, color=STATE_COLOURS.get(state, "gray"))
