"""Pages of long listings. What never lives here: the listings."""

from __future__ import annotations

import math

import streamlit as st


def page_number(listing: str) -> int:
    """The page to fetch.

    Args:
        listing: names the listing with its filters: other filters start at the first page.
    """
    return int(st.session_state.get(f"page_of_{listing}", 1))


def page_buttons(listing: str, total: int, page_size: int) -> None:
    """Buttons to the other pages, where there are any; fetches anew when one is chosen."""
    pages = max(1, math.ceil(total / page_size))
    number = page_number(listing)
    if pages == 1 and number == 1:
        return
    # another number of pages is another widget: its old value may lie beyond the end
    chosen = st.pagination(pages, default=min(number, pages), key=f"pages_{listing}_{pages}")
    if chosen != number:
        st.session_state[f"page_of_{listing}"] = chosen
        st.rerun()
