"""Programs of this installation are found however it was installed, and no other's are taken."""

from __future__ import annotations

import sys
import sysconfig

import pytest

from qbank.errors import QbankError
from qbank.programs import program


@pytest.fixture
def system_python(monkeypatch, tmp_path):
    """As after `pip install --user`: the interpreter's folder and scheme hold none of them."""
    user = tmp_path / "user" / "bin"
    monkeypatch.setattr(sys, "executable", str(tmp_path / "usr" / "bin" / "python3"))
    monkeypatch.setattr(
        sysconfig,
        "get_path",
        lambda name, scheme="posix_prefix": str(
            user if scheme.endswith("_user") else tmp_path / "usr" / "bin"
        ),
    )
    return user


def test_programs_beside_this_python_come_first():
    assert program("dbt").startswith(str(sys.prefix))


def test_programs_of_a_user_install_are_found(system_python):
    system_python.mkdir(parents=True)
    (system_python / "dbt").touch()
    assert program("dbt") == str(system_python / "dbt")


def test_another_installation_on_the_path_is_not_taken(system_python, monkeypatch, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "dbt").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(other))
    with pytest.raises(QbankError, match="usr/bin/dbt is missing: install the package that brings"):
        program("dbt")
