"""Markdown that people wrote: with LaTeX, without HTML. What never lives here: our own texts."""

from __future__ import annotations

import re

import streamlit as st

# Streamlit turns these into icons and colours; in a question they are what was typed
_DIRECTIVE = re.compile(r":(?=[a-z][a-z0-9_-]*(?:\[|:|/))")


def written(text: str) -> None:
    """Shows Markdown with LaTeX between dollar signs; HTML is shown as text."""
    st.markdown(plain_directives(text))


def plain_directives(text: str) -> str:
    r"""Escapes Streamlit's own directives.

    >>> plain_directives("the ratio a:red[b] and :smile:")
    'the ratio a\\:red[b] and \\:smile:'
    """
    return _DIRECTIVE.sub(r"\\:", text)


def in_line(text: str) -> str:
    """Markdown of one line, for labels: line breaks become spaces."""
    return " ".join(plain_directives(text).split())
