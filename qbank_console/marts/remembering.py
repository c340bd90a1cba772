"""Answers from the marts are remembered for a minute: they change once a night.

What never lives here: questions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec

import pandas as pd
import streamlit as st

from qbank_console.resources import settings

P = ParamSpec("P")


def remembered(question: Callable[P, pd.DataFrame]) -> Callable[P, pd.DataFrame]:
    """Remembers answers by all arguments, the tenant among them; shared by all sessions."""
    kept = st.cache_data(
        ttl=settings().console_marts_ttl_s, max_entries=200, show_spinner="Reading the marts …"
    )(question)
    return kept
