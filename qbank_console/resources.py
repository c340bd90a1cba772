"""What all sessions of the process share: settings, the connections to the API and to Postgres.

What never lives here: anything of one person.
"""

from __future__ import annotations

import httpx
import psycopg
import streamlit as st

from qbank.postgres import Pool, pool
from qbank_console.api.client import connect
from qbank_console.settings import ConsoleSettings


@st.cache_resource(show_spinner=False)
def settings() -> ConsoleSettings:
    """The console's settings, read once."""
    return ConsoleSettings.load()


@st.cache_resource(show_spinner=False)
def http() -> httpx.Client:
    """The connection pool to the delivery API."""
    return connect(settings().api_url)


@st.cache_resource(show_spinner=False)
def marts_pool() -> Pool:
    """Connections to Postgres as ``qbank_analyst``, who can read the marts and nothing else."""
    opened = pool("analyst", min_size=0, max_size=6, timeout=10, configure=_read_only)
    opened.open()
    return opened


def _read_only(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    milliseconds = int(settings().console_statement_timeout_s * 1000)
    connection.autocommit = True
    connection.execute(
        """SELECT set_config('statement_timeout', %s, false),
                  set_config('default_transaction_read_only', 'on', false)""",
        (str(milliseconds),),
    )
