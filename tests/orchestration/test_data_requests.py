"""What the job that imports says of a fault that is not the caller's: that there is one."""

from __future__ import annotations

import hashlib
import shutil

import pytest

from qbank.errors import DatabaseUnavailableError
from qbank.importing import requested
from qbank.postgres import connect
from qbank.settings import Settings, get_settings
from qbank.stores import data_request_files, data_requests
from qbank_orchestration.definitions import defs
from qbank_orchestration.instance import instance

BODY = b"user_id,question,correct\np,q,1\n"


def ask():
    with connect() as conn:
        file = data_requests.File("a.csv", len(BODY), hashlib.sha256(BODY).hexdigest())
        asked = data_requests.create(
            conn,
            tenant_id="default",
            kind="responses",
            exam="EX",
            requested_by="amy",
            options={"create_exam": True, "timestamp": "2024-06-01T00:00:00"},
            file=file,
        )
        data_request_files.keep(conn, asked.id, "upload", [BODY])
    return asked.id


def done(request_id):
    """The run, and what the row says."""
    config = {"ops": {"data_request": {"config": {"request_id": str(request_id)}}}}
    with instance() as opened:
        ended = defs.resolve_job_def("carry_out_data_request").execute_in_process(
            instance=opened, run_config=config, raise_on_error=False
        )
    with connect() as conn:
        return ended, data_requests.get(conn, request_id)


def test_what_is_internal_is_in_the_log_alone(settings):
    folder = get_settings().home / "imports"
    shutil.rmtree(folder, ignore_errors=True)  # of a request that was carried out before
    folder.write_text("in the way")
    try:
        ended, found = done(ask())
    finally:
        folder.unlink()
    assert not ended.success
    assert found.error == f"an internal error of run {ended.run_id}: the operator's log says more"
    (failure,) = [event for event in ended.all_events if event.is_step_failure]
    assert str(folder) in str(failure.step_failure_data.error)


def test_an_owner_who_is_not_let_in_is_named_without_the_address(settings, monkeypatch):
    nowhere = Settings(database_url="postgresql://qbank:hidden@127.0.0.1:1/qbank")
    with pytest.raises(DatabaseUnavailableError, match=r"127\.0\.0\.1") as told:
        connect("owner", settings=nowhere, timeout_s=0.1)

    def carry_out(asked, **_):
        raise told.value

    monkeypatch.setattr(requested, "carry_out", carry_out)
    ended, found = done(ask())
    assert found.state == "running"
    assert "the owner's password" in found.error
    assert ended.run_id in found.error
    assert "127.0.0.1" not in found.error
