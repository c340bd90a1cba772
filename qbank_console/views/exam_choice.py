"""Which exam a page is about, for pages that work through the API.

Codes and titles are those of the last night; a newer exam can be typed in. What never lives here:
anything else from the marts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from qbank_console import session
from qbank_console.marts import exams
from qbank_console.marts.reading import MartsMissingError

_REMEMBERED = "chosen_exam"


@dataclass(frozen=True)
class Exam:
    """An exam with its defaults; those of the deployment where the marts do not know it yet."""

    code: str
    tau: float = 0.2
    test_length: int = 25


def choose_exam(label: str = "Exam") -> Exam:
    """Lets the person choose an exam; stops the page where none is chosen."""
    known = _known()
    titles = {code: f"{row['title']} ({code})" for code, row in known.items()}
    codes = list(titles)
    wanted = st.query_params.get("exam") or st.session_state.get(_REMEMBERED)
    if wanted and wanted not in titles:
        codes.append(wanted)
    code = st.selectbox(
        label,
        codes,
        index=codes.index(wanted) if wanted else 0 if codes else None,
        format_func=lambda one: titles.get(one, one),
        accept_new_options=True,
        placeholder="choose an exam or type its code",
        key=f"exam_of_{hash(tuple(codes))}",
        width=340,
    )
    if not code:
        st.info("Choose an exam, or type the code of one that is new since last night.")
        st.stop()
    st.session_state[_REMEMBERED] = code
    st.query_params["exam"] = code
    row = known.get(code)
    return Exam(code) if row is None else Exam(code, float(row["tau"]), int(row["test_length"]))


def _known() -> dict[str, dict[str, Any]]:
    try:
        rows = exams.exams(session.current().tenant_id)
    except MartsMissingError:
        return {}
    return {
        str(row["code"]): {str(k): v for k, v in row.items()} for row in rows.to_dict("records")
    }
