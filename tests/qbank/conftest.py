"""Fixtures of the core's tests.

Fixtures:
    importer: imports a small file into the test's database; ``importer.rejects`` is its rejects.
    command: runs the command line in this process, in a folder of its own.
    home: a folder for an embedded server of the test's own, which is dropped in the end.
    server: the settings of such a server, running, with an empty table ``kept``.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from qbank.cli import main
from qbank.importing import ImportRequest, NewExam, import_responses
from qbank.postgres import connect, embedded
from tests.conftest import in_memory
from tests.qbank.answers import FULL
from tests.qbank.servers import settings_of


@pytest.fixture
def importer(settings, tmp_path):
    def run(text, columns=FULL, name="answers.csv", **options):
        path = tmp_path / name
        if isinstance(text, str):
            path.write_text(text, newline="")
        elif isinstance(text, bytes):
            path.write_bytes(text)
        run.rejects.unlink(missing_ok=True)
        request = {"exam_code": "EX", "new_exam": NewExam(), "rejects": run.rejects}
        request |= {"max_rejects": 1_000}
        return import_responses(ImportRequest(path, columns=columns, **(request | options)))

    run.rejects = tmp_path / "rejects.csv"
    return run


@pytest.fixture
def command(settings, tmp_path, monkeypatch, capsys):
    """``command("import", "list")`` gives exit code, output and error line."""
    monkeypatch.chdir(tmp_path)

    def run(*words):
        monkeypatch.setattr("sys.argv", ["qbank", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        return SimpleNamespace(code=ended.value.code or 0, **capsys.readouterr()._asdict())

    return run


@pytest.fixture
def home():
    folder = Path(tempfile.mkdtemp(prefix="qbank-embedded-", dir=in_memory()))
    folder.chmod(0o711)
    yield folder / "home"
    embedded.drop(settings_of(folder / "home"), force=True)
    shutil.rmtree(folder)


@pytest.fixture
def server(home):
    settings = settings_of(home)
    with connect(settings=settings, database="postgres", autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (n integer)")
    return settings
