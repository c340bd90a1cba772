"""An environment in a private folder: root's server user cannot run it, so a copy is made."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import qbank
from qbank.errors import EmbeddedServerError
from qbank.postgres import connect, embedded
from qbank.postgres.installation import PACKAGE, bundled_installation
from tests.qbank.environments import make_environment, make_private
from tests.qbank.servers import settings_of

QBANK = str(Path(sys.executable).parent / "qbank")

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root hands the server to another user"
)


@pytest.fixture
def private():
    """A folder of mode 0700 with a space in its name; what is placed below it is dropped."""
    folder = Path(tempfile.mkdtemp(prefix="qbank private "))
    yield folder
    embedded.drop(settings_of(folder / "home"), force=True)
    shutil.rmtree(folder)


@pytest.fixture
def environment(private, monkeypatch):
    """The embedded server's package, found in the private folder by this process too."""
    found = make_environment(private / "env")
    monkeypatch.syspath_prepend(found)
    assert bundled_installation().is_relative_to(found)
    return found


def test_the_first_command_works_in_a_private_folder(private, environment):
    variables = os.environ | {"QBANK_HOME": str(private / "home"), "PYTHONPATH": str(environment)}
    for words in ("ready: embedded", "the schema is up to date"):
        done = subprocess.run(
            [QBANK, "db", "init"], env=variables, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert words in done.stdout
    with connect(settings=settings_of(private / "home")) as connection:
        # one that needs a library of the wheel, and one that needs none
        connection.execute("LOAD 'libpqwalreceiver'")
        connection.execute("CREATE EXTENSION vector")


def test_a_private_environment_serves_a_home_that_is_not_private(home, environment):
    with connect(settings=settings_of(home)) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert (home / "postgres").is_dir()
    embedded.drop(settings_of(home), force=True)
    assert not (home / "postgres").exists()


def test_an_install_under_umask_077_works_too(private, environment):
    make_private(environment)
    before = os.umask(0o077)
    try:
        with connect(settings=settings_of(private / "home")) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        os.umask(before)


def test_a_copy_that_does_not_run_is_made_anew(private, environment):
    settings = settings_of(private / "home")
    with connect(settings=settings, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
    embedded.stop(settings)
    (copy,) = (settings.home / "postgres").resolve().glob("server-*")
    # as an earlier release left it: the programs without the libraries that they are linked with
    shutil.rmtree(copy / f"{PACKAGE}.libs")
    with connect(settings=settings) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (1,)
    assert (copy / f"{PACKAGE}.libs").is_dir()


def test_an_environment_without_its_libraries_is_named(private, environment):
    shutil.rmtree(environment / f"{PACKAGE}.libs")
    with pytest.raises(EmbeddedServerError, match=r"cannot run the server .* shared libraries"):
        connect(settings=settings_of(private / "home"))


def test_a_home_that_became_private_is_named(home, server):
    embedded.stop(server)
    home.parent.chmod(0o700)
    with pytest.raises(EmbeddedServerError, match=r"may no longer pass .* chmod o\+x"):
        connect(settings=server)


def test_an_installation_without_its_files_names_what_is_missing(private):
    """Packages that were copied, not built into a wheel: the server runs, the schema is nowhere."""
    shutil.copytree(Path(qbank.__file__).parent, private / "site" / "qbank")
    variables = os.environ | {
        "QBANK_HOME": str(private / "home"),
        "PYTHONPATH": str(private / "site"),
        "PYTHONSAFEPATH": "1",
    }
    done = subprocess.run(
        [QBANK, "db", "init"],
        env=variables,
        cwd=private,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "/site/qbank/_project/sql is missing from this installation" in done.stderr
    with connect(settings=settings_of(private / "home")) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
