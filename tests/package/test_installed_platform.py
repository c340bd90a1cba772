"""The platform from wheels alone, as an ordinary user who may not write where it is installed."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from ast import literal_eval
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from calibration.compiled import CACHE_FOLDER
from tests.e2e.processes import free_port

pytestmark = pytest.mark.slow

_WORKSPACE = """{ workspaceOrError { ... on Workspace {
    locationEntries { name locationOrLoadError { __typename } } } } }"""


@dataclass
class User:
    """Somebody with a private home, in a folder of theirs that was empty.

    Attributes:
        folder: where their commands run.
        variables: all of their environment.
        account: number of their user and group; None where the tests run as no root.
    """

    folder: Path
    variables: Mapping[str, str]
    account: tuple[int, int] | None

    def start(self, *command: str, **options) -> subprocess.Popen[str]:
        user, group = self.account or (None, None)
        return subprocess.Popen(
            command, cwd=self.folder, env=self.variables, text=True, user=user, group=group,
            extra_groups=[] if self.account else None, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, **options,
        )  # fmt: skip

    def run(self, *command: str) -> str:
        out, errors = (started := self.start(*command)).communicate(timeout=500)
        assert started.returncode == 0, f"{command}:\n{out[-3000:]}\n{errors[-3000:]}"
        return out


@pytest.fixture(scope="module")
def installed(environment) -> Iterator[Path]:
    """An environment that nobody writes into; what is compiled of its Python goes elsewhere."""
    folder = environment("qbank", "qbank-calibration")
    before = _state(folder)
    _chmod(folder, "a-w")
    yield folder
    after = _state(folder)
    _chmod(folder, "u+w")
    assert after == before


@pytest.fixture(scope="module")
def user(installed) -> Iterator[User]:
    home = Path(tempfile.mkdtemp(prefix="a user's home "))  # private, as mkdtemp makes it
    account = None
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        account = nobody.pw_uid, nobody.pw_gid
        os.chown(home, *account)
    variables = {
        "HOME": str(home),
        "PATH": f"{installed / 'bin'}:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "PYTHONPYCACHEPREFIX": str(home / "pycache"),  # for speed alone
    }
    user = User(home, variables, account)
    yield user
    user.run("qbank", "db", "drop-embedded", "--yes")
    shutil.rmtree(home)


@pytest.fixture(scope="module")
def compiled(user) -> set[str]:
    """The kernels of a warm-up, and no other: compiled, or taken over from the checkout's sources.

    To compile them all takes minutes; CI does it once, in the checkout.
    """
    assert CACHE_FOLDER is not None
    taken_over = user.folder / ".cache" / "numba" / CACHE_FOLDER.name
    taken_over.mkdir(parents=True)
    for file in CACHE_FOLDER.glob("*.nb[ci]"):
        shutil.copyfile(file, taken_over / file.name)
    if user.account:
        subprocess.run(["chown", "-R", "nobody", user.folder / ".cache"], check=True)
    said = user.run("env", "NUMBA_DEBUG_CACHE=1", "qbank", "warm-up").splitlines()
    parts = [line for line in said if not line.startswith("[cache]")]
    assert len(parts) > 5
    # the wheel has the checkout's sources: the folder is named by a hash over them
    assert parts[-1].endswith(f"done, kept in {taken_over}")
    used = {literal_eval(line.partition(" from " if " from " in line else " to ")[2])
            for line in said if line.startswith("[cache]")}  # fmt: skip
    assert len(used) > 100
    for path in kernels(user) - used:
        Path(path).unlink()
    return used


def kernels(user: User) -> set[str]:
    return {str(path) for path in (user.folder / ".cache").rglob("calibration-*/*.nb[ci]")}


@pytest.fixture(scope="module")
def demo(user, compiled):
    """The demo, from an empty folder."""
    return {exam["exam_code"]: exam for exam in json.loads(user.run("qbank", "demo", "--json"))}


def test_the_demo_calibrates_and_publishes(user, demo):
    assert set(demo) == {"MED-A", "MED-B"}
    for exam in demo.values():
        assert exam["items_calibrated"] > 200
    assert (user.folder / ".qbank").is_dir()


def test_the_night_runs_again(user, demo):
    user.run("qbank", "nightly", "--json")
    runs = json.loads(user.run("qbank", "runs", "list", "--json"))["runs"]
    assert {run["status"] for run in runs} == {"done"}
    assert {run["exam_code"] for run in runs} == set(demo)


def test_nothing_was_left_to_compile(user, compiled, demo):
    assert kernels(user) == compiled


def test_the_database_and_the_content_answer(user, demo):
    migrations = json.loads(user.run("qbank", "db", "status", "--json"))
    assert len(migrations) > 5
    assert all(migration["applied"] for migration in migrations)
    assert "7 dashboards" in user.run("qbank", "metabase", "check")


def test_serve_keeps_dagit_daemon_and_api_and_stops_them(user, demo):
    dagit, api = free_port(), free_port()
    serve = user.start("qbank", "serve", f"--dagit-port={dagit}", f"--api-port={api}")
    try:
        lines = []
        for line in serve.stdout:
            lines.append(line)
            if line.startswith("logs in"):
                break
        assert "without the console: pip install 'qbank[console]'\n" in lines
        ready = httpx.get(f"http://127.0.0.1:{api}/ready", timeout=30).json()
        assert ready["ready"] is True
        answer = httpx.post(
            f"http://127.0.0.1:{dagit}/graphql", json={"query": _WORKSPACE}, timeout=60
        ).json()
        (location,) = answer["data"]["workspaceOrError"]["locationEntries"]
        assert location == {
            "name": "qbank",
            "locationOrLoadError": {"__typename": "RepositoryLocation"},
        }
        serve.send_signal(signal.SIGINT)
        out, errors = serve.communicate(timeout=60)
        assert serve.returncode == 0, errors
        assert out.endswith("stopped\n")
    finally:
        serve.kill()
        serve.communicate()


def _chmod(folder: Path, mode: str) -> None:
    subprocess.run(["chmod", "-R", mode, str(folder)], check=True)


def _state(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path): (path.lstat().st_mtime_ns, path.lstat().st_size)
        for path in folder.rglob("*")
        if not path.is_dir()
    }
