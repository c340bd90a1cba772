"""The session in docs/api runs as written, and what comes back has the shape that is shown."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.looker.marts import CALIBRATED

SESSION = Path(__file__).resolve().parents[2] / "docs" / "api" / "session.md"
MARK = "---8<---"


@pytest.fixture(scope="module")
def world(clone_database: Any) -> Any:
    """The demo, as it is after its first calibration."""
    from qbank.postgres import connect

    with clone_database("demo") as settings:
        with connect("owner", settings=settings) as owner:
            owner.execute(CALIBRATED)
        yield settings


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_session_runs_as_written(world, start_server, tmp_path):
    server = start_server(QBANK_ENV="dev")
    text = SESSION.read_text()
    blocks = re.findall(r"```bash\n(.*?)```(?:\s*```json\n(.*?)```)?", text, re.DOTALL)
    assert len(blocks) >= 10
    script = "set -euo pipefail\n" + f"\necho '{MARK}'\n".join(code for code, _ in blocks)
    run = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env={"API": f"{server.url}/v1", "PATH": "/usr/bin:/bin:/usr/local/bin"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    outputs = run.stdout.split(MARK)
    for (code, shown), output in zip(blocks, outputs, strict=True):
        if shown:
            assert shape(last(output)) == shape(json.loads(shown)), code
        else:
            assert output.strip() == "", code


def last(output: str) -> Any:
    """The last JSON document of what a block printed."""
    decoder, at, found = json.JSONDecoder(), 0, None
    text = output.strip()
    while at < len(text):
        found, end = decoder.raw_decode(text, at)
        at = end + len(text[end:]) - len(text[end:].lstrip())
    return found


def shape(value: Any) -> Any:
    """Names and kinds of fields; what they say differs from run to run."""
    if isinstance(value, dict):
        return {name: shape(field) for name, field in sorted(value.items())}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return "number" if isinstance(value, int | float) else type(value).__name__
