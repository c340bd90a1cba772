"""Who runs a process, also where the number of its user has no name."""

from __future__ import annotations

import os

import pytest

from qbank.system_user import system_user

NAMES = ("LOGNAME", "USER", "LNAME", "USERNAME")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_a_user_without_a_name():
    mine, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        for name in NAMES:
            os.environ.pop(name, None)
        os.setuid(54321)
        os.write(theirs, system_user("nobody in particular").encode())
        os._exit(0)
    os.close(theirs)
    assert os.read(mine, 100) == b"nobody in particular"
    os.waitpid(child, 0)
    os.close(mine)


def test_a_user_with_a_name(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LOGNAME", "ada")
    assert system_user() == "ada"
