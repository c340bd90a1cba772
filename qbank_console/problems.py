"""Errors of a page, in plain words: what happened, and what to do.

What never lives here: how to avoid them.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import psycopg_pool
import streamlit as st
import structlog

from qbank.errors import QbankError
from qbank_console import session
from qbank_console.api.client import ApiError, ApiUnavailableError
from qbank_console.marts.reading import MartsMissingError

_log = structlog.get_logger(__name__)


@contextmanager
def explained() -> Iterator[None]:
    """Shows what goes wrong inside as a sentence; the rest of the page is left out."""
    try:
        yield
    except ApiError as error:
        _refused(error)
    except ApiUnavailableError as error:
        _show(str(error), "Start it with `qbank serve`, or try again in a moment.")
    except MartsMissingError as error:
        st.info(str(error), icon=":material/database:")
    except psycopg.errors.QueryCanceled:
        _show("The database needed too long for this.", "Choose a shorter period or one exam.")
    except (QbankError, psycopg.OperationalError, psycopg_pool.PoolTimeout) as error:
        _log.warning("database", error=str(error))
        _show("The database does not answer.", "Check that it runs, then try again.")
    except Exception:
        reference = secrets.token_hex(4)
        _log.exception("page failed", reference=reference)
        _show(
            "Something went wrong on our side.",
            f"Try again; if it stays, report the reference `{reference}`.",
        )


def said(error: ApiError) -> str:
    """The refusal as text for a person: the detail, the fields, what to do."""
    lines = [_sentence(str(error))]
    if len(error.fields) > 1:
        lines += [f"- **{name}**: {message}" for name, message in error.fields.items()]
    if error.way_out:
        lines.append(error.way_out)
    return "\n\n".join(lines)


def _refused(error: ApiError) -> None:
    if error.status == 401:
        session.sign_out(f"{_sentence(str(error))} Sign in again.")
        st.rerun()
    _log.info("api refused", status=error.status, request_id=error.request_id)
    st.error(said(error), icon=":material/error:")


def _show(what: str, remedy: str) -> None:
    st.error(f"{what} {remedy}", icon=":material/error:")
    if st.button("Try again", icon=":material/refresh:"):
        st.rerun()


def _sentence(text: str) -> str:
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
