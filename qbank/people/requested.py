"""What is asked about a person over the API: given out or erased, as the commands do.

What never lives here: the request's row and its end (``qbank.importing.requested``).
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from qbank.people.erasing import erase
from qbank.people.exporting import as_json, everything_about
from qbank.postgres import Connection
from qbank.stores import data_request_files, data_requests

if TYPE_CHECKING:
    from qbank.import_reports import Erased
    from qbank.importing.requested import Work


def give_out(work: Work) -> None:
    """Keeps everything that is stored about the person, where they are not erased meanwhile."""
    asked = work.asked

    def keep(conn: Connection, document: dict[str, Any]) -> None:
        pieces = data_request_files.pieces_of(BytesIO(as_json(document).encode()))
        data_request_files.keep(conn, asked.id, "document", pieces)
        work.end(conn, "done", None)

    everything_about(
        work.person,
        tenant=asked.tenant_id,
        settings=work.settings,
        # an erasure waits for this row, or this waits for the erasure and is begun anew
        before=lambda conn: data_requests.lock(conn, asked),
        on_read=keep,
    )


def take_out(work: Work) -> None:
    """Erases the person; the request stays without their name."""
    asked = work.asked

    def end(conn: Connection, erased: Erased) -> None:
        work.end(conn, "done", work.told(erased))

    erase(
        work.person,
        tenant=asked.tenant_id,
        actor=asked.requested_by,
        settings=work.settings,
        on_erased=end,
        **asked.options,
    )
