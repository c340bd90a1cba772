"""The entry of the console: signs in, offers the pages of the person's roles, runs the chosen one.

What never lives here: what a page shows.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from qbank_console import feasibility, navigation, session, theme
from qbank_console.problems import explained
from qbank_console.views import sign_in

ASSETS = Path(__file__).resolve().parent / "assets"


def main() -> None:
    """One run of the script, as Streamlit does at every interaction."""
    st.set_page_config(
        page_title="qbank", page_icon=str(ASSETS / "icon.svg"), layout="wide", menu_items={}
    )
    st.logo(str(ASSETS / "logo.svg"), icon_image=str(ASSETS / "icon.svg"), size="large")
    theme.use()
    feasibility.warm_up()
    with explained():
        known = session.viewer()
        if known is None:
            page = st.navigation(navigation.pages_before_sign_in(sign_in.page), position="hidden")
        else:
            page = st.navigation(navigation.pages_of(known), expanded=True)
            _signed_in_as(known)
        session.keep_cookie(known)
        page.run()


def _signed_in_as(known: session.Viewer) -> None:
    with st.sidebar:
        st.caption(f"**{known.user_id}** of {known.tenant_id}  \n{', '.join(sorted(known.roles))}")
        if st.button("Sign out", icon=":material/logout:", type="tertiary"):
            session.sign_out()
            st.rerun()


main()
