from __future__ import annotations

import io

import pytest
import structlog

from qbank import logs


def test_what_is_said_after_stderr_was_exchanged_reaches_the_new_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """A command that ran inside this process took its stderr with it."""
    with monkeypatch.context() as patched:
        gone = io.StringIO()
        patched.setattr("sys.stderr", gone)
        logs.configure()
        gone.close()
    structlog.get_logger().error("still heard")
    assert "still heard" in capsys.readouterr().err
