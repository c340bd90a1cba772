"""What was asked for over the API, imports, people's data and reports, as the commands do it.

What was asked for and its end are one transaction, so that a worker that is killed has done all of
it or nothing. What never lives here: who is told to, and taking a request up again.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from qbank.errors import (
    ImportFileError,
    PersonError,
    RequestError,
    SettingsError,
    UnknownPersonError,
)
from qbank.import_reports import Undone, bounded, shortened
from qbank.importing.asked import items_request, responses_request
from qbank.importing.questions import ItemsRefusedError, import_items
from qbank.importing.responses import ImportRefusedError, import_responses
from qbank.importing.undoing import undo
from qbank.people.mentions import NOBODY
from qbank.people.requested import give_out, take_out
from qbank.postgres import Connection, connect
from qbank.reporting.requested import write_report
from qbank.reporting.subject import ReportError
from qbank.requests.imports import ItemsImport, ResponsesImport
from qbank.settings import Settings, get_settings
from qbank.stores import ConflictError, StoreError, data_request_files, data_requests
from qbank.stores.data_requests import DataRequest
from qbank.stores.exam_reports import ExamReport
from qbank.system_user import importer
from qbank.vocabulary import DataRequestFile, DataRequestKind, DataRequestState

FOLDER: Final = "imports"
"""Below the home folder: where files lie while they are imported."""


def carry_out(
    asked: DataRequest,
    *,
    settings: Settings | None = None,
    on_report: Callable[[ExamReport], object] = lambda _: None,
    others: Mapping[DataRequestKind, Callable[[Work], None]] = MappingProxyType({}),
) -> DataRequestState:
    """Does what was asked for, and says in its row what came of it.

    Args:
        asked: a request that its worker has claimed.
        settings: those of the process where None.
        on_report: told of a technical report that was written.
        others: how kinds of request are done that the core knows nothing of.

    Returns:
        ``done``, or ``refused`` where the file or the import cannot be used as asked.

    Raises:
        ConflictError: another worker has it by now; nothing was written.
        DatabaseUnavailableError: Postgres does not answer, or knows no owner here.
    """
    settings = settings or get_settings()
    with _folder(asked, settings) as folder:
        work = Work(asked, folder, settings, on_report)
        try:
            (_WORK | dict(others))[asked.kind](work)
        except (ImportRefusedError, ItemsRefusedError) as error:
            return work.refuse(str(error), work.told(error.report))
        except UnknownPersonError:
            return work.refuse_unknown()
        except (
            ImportFileError, PersonError, ReportError, RequestError, SettingsError, ValueError
        ) as error:  # fmt: skip
            return work.refuse(str(error), None)
        except RecursionError:
            return work.refuse(f"{work.asked.file_name} is nested too deeply: flatten it", None)
        except StoreError as error:
            if isinstance(error, ConflictError):
                raise
            return work.refuse(str(error), None)
    return "done"


class Work:
    """One request under way."""

    def __init__(
        self,
        asked: DataRequest,
        folder: Path,
        settings: Settings,
        on_report: Callable[[ExamReport], object],
    ) -> None:
        self.asked = asked
        self.on_report = on_report
        self.folder = folder
        self.settings = settings
        # a constraint: it is about an exam, or about a person
        self.exam, self.person = asked.exam or "", asked.person or ""
        self.file = folder / "file" / (asked.file_name or "")
        self.rejects = folder / "file" / f"{asked.file_name}.rejects.csv"
        self.key = folder / "key" / asked.key_name if asked.key_name else None
        self.given: dict[str, Any] = {
            "rejects": self.rejects,
            "tenant": asked.tenant_id,
            "actor": importer(asked.requested_by),
        }

    def fetch(self) -> None:
        """Puts the files that came into the folder."""
        asked = self.asked
        self._fetch("upload", self.file, asked.file_bytes)
        if self.key is not None:
            self._fetch("key", self.key, asked.key_bytes)

    def _fetch(self, what: DataRequestFile, path: Path, size: int | None) -> None:
        path.parent.mkdir(mode=0o700)
        with connect("owner", settings=self.settings) as conn, _private(path) as file:
            for piece in data_request_files.pieces(conn, self.asked.id, what):
                file.write(piece)
        if path.stat().st_size != size:
            raise ImportFileError("the file is there no more: send it again")

    def told(self, report: Any) -> dict[str, Any]:
        """The report as the command gives it where it is started beside the file."""
        text = json.dumps(asdict(report), default=str, ensure_ascii=False)
        told: dict[str, Any] = json.loads(self._beside(text).replace("\\u0000", "\\ufffd"))
        return bounded(told)

    def end(
        self,
        conn: Connection,
        state: DataRequestState,
        report: dict[str, Any] | None,
        *,
        error: str | None = None,
    ) -> None:
        """Keeps the end, and the rows that were refused."""
        batch = (report or {}).get("batch")
        error = None if error is None else shortened(error)
        data_requests.finish(conn, self.asked, state, report=report, error=error, batch=batch)
        if self.rejects.exists():
            with self.rejects.open("rb") as file:
                pieces = data_request_files.pieces_of(file)
                data_request_files.keep(conn, self.asked.id, "rejects", pieces)

    def refuse(self, error: str, report: dict[str, Any] | None) -> DataRequestState:
        """Says why nothing was written."""
        with connect("owner", settings=self.settings) as conn:
            self.end(conn, "refused", report, error=self._beside(error))
        return "refused"

    def refuse_unknown(self) -> DataRequestState:
        """Says that there is nobody whom this asked for, and keeps no name of theirs."""
        tenant = self.asked.tenant_id
        error = f"nothing is stored about this id in tenant {tenant!r}: ids are told apart by case"
        with connect("owner", settings=self.settings) as conn:
            self.end(conn, "refused", None, error=error)
            data_requests.forget_person(conn, self.asked, NOBODY)
        return "refused"

    def _beside(self, text: str) -> str:
        for what in ("file", "key"):
            text = text.replace(f"{self.folder / what}{os.sep}", "")
        return text


def _responses(work: Work) -> None:
    options = ResponsesImport.model_validate(work.asked.options)
    request = responses_request(options, work.file, work.exam, key=work.key, **work.given)
    work.fetch()
    report = import_responses(
        request,
        settings=work.settings,
        on_written=lambda conn, report: work.end(conn, "done", work.told(report)),
    )
    if request.dry_run:
        _tell(work, report)


def _items(work: Work) -> None:
    options = ItemsImport.model_validate(work.asked.options)
    request = items_request(options, [work.file], work.exam, **work.given)
    work.fetch()
    (report,) = import_items(
        request,
        settings=work.settings,
        on_written=lambda conn, reports: work.end(conn, "done", work.told(reports[0])),
    )
    if request.dry_run:
        _tell(work, report)


def _undo(work: Work) -> None:
    asked = work.asked
    assert asked.undoes is not None  # noqa: S101  (a constraint)
    with connect("owner", settings=work.settings) as conn:
        batch = data_requests.get(conn, asked.undoes).import_batch_id
    if batch is None:
        raise ImportFileError(f"import {asked.undoes} wrote nothing that could be taken back")

    def end(conn: Connection, undone: Undone) -> None:
        work.end(conn, "done", work.told(undone))

    undo(batch, actor=work.given["actor"], settings=work.settings, on_written=end)


def _tell(work: Work, report: Any) -> None:
    with connect("owner", settings=work.settings) as conn:
        work.end(conn, "done", work.told(report))


_WORK: Final[dict[DataRequestKind, Callable[[Work], None]]] = {
    "responses": _responses,
    "items": _items,
    "undo": _undo,
    "person_export": give_out,
    "person_erase": take_out,
    "report": write_report,
}


@contextmanager
def _folder(asked: DataRequest, settings: Settings) -> Iterator[Path]:
    """A folder of the request's own, for its owner alone, that is gone afterwards."""
    folder = settings.home / FOLDER / f"{asked.id}-{asked.attempts}"
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _private(path: Path) -> Iterator[Any]:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        yield file
