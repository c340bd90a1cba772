"""Serving: all come up, the dead come back, and nothing is left behind, whoever is killed."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from qbank.errors import QbankError
from qbank.postgres import embedded, server_supervisor
from qbank.project_files import project_file
from qbank.serving import Service, available_services, dagster_environment

SUPERVISE = """
import sys
from pathlib import Path
from qbank.serving import Service, Supervisor
services = [Service(name, name.title(), (sys.executable, "-c", code), {}, ready_line="ready")
            for name, code in zip(sys.argv[2::2], sys.argv[3::2])]
say = lambda text: print(text, flush=True)
from qbank.errors import QbankError
try:
    Supervisor(services, Path(sys.argv[1]), cwd=Path("/"), say=say).run(lambda: say("all ready"))
except QbankError as error:
    say(f"error: {error}")
"""
# a program with a child of its own, which a kill -9 of the program would leave
PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
print("ready", child.pid, flush=True)
time.sleep(300)
"""
SLEEPER = "import time; print('ready', flush=True); time.sleep(300)"


@pytest.fixture
def supervise(tmp_path):
    started = []

    def run(**programs):
        arguments = [part for item in programs.items() for part in item]
        process = subprocess.Popen(
            [sys.executable, "-c", SUPERVISE, str(tmp_path), *arguments],
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def command_line():
    def run(*words):
        command = [sys.executable, "-c", "from qbank.cli import main; main()", *words]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return run


def _wait(condition, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def _family(pid):
    """The process and all its descendants that are alive."""
    found = [pid]
    for member in found:
        for task in Path(f"/proc/{member}/task").glob("*/children"):
            found += [int(child) for child in task.read_text().split()]
    return [member for member in found if server_supervisor.process_alive(member)]


def test_a_signal_stops_all_and_their_children(supervise):
    supervisor = supervise(one=PARENT, two=SLEEPER)
    assert supervisor.stdout.readline() == "all ready\n"
    family = _family(supervisor.pid)
    assert len(family) == 4
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(30) == 0
    _wait(lambda: not any(server_supervisor.process_alive(pid) for pid in family))


def test_the_dead_come_back(supervise):
    supervisor = supervise(one=PARENT)
    assert supervisor.stdout.readline() == "all ready\n"
    before = _family(supervisor.pid)
    os.kill(before[1], signal.SIGKILL)
    assert supervisor.stdout.readline() == "One ended (signal SIGKILL): starting it again\n"
    _wait(lambda: not any(server_supervisor.process_alive(pid) for pid in before[1:]))
    _wait(lambda: len(_family(supervisor.pid)) == 3)


def test_a_program_that_cannot_stay_up_ends_it_with_its_last_words(supervise, tmp_path):
    dying = "import sys, time; print('ready', flush=True); time.sleep(0.3); sys.exit('no luck')"
    supervisor = supervise(one=SLEEPER, two=dying)
    output = supervisor.communicate(timeout=60)[0]
    assert output.count("starting it again") == 5
    assert f"for the 6th time in 120 s; see {tmp_path / 'two.log'}: ready | no luck" in output


def test_a_program_that_does_not_start_is_an_error_with_its_last_words(supervise):
    supervisor = supervise(one=SLEEPER, two="import sys; sys.exit('port taken')")
    output = supervisor.communicate(timeout=60)[0]
    assert output.startswith("error: Two ended (exit code 1) while starting; see ")
    assert output.strip().endswith("port taken")


def test_programs_do_not_outlive_a_supervisor_that_was_killed(supervise):
    supervisor = supervise(one=SLEEPER, two=SLEEPER)
    assert supervisor.stdout.readline() == "all ready\n"
    family = _family(supervisor.pid)
    supervisor.kill()
    _wait(lambda: not any(server_supervisor.process_alive(pid) for pid in family[1:]))


def test_a_taken_default_port_is_passed_over_and_a_chosen_one_refused(settings, monkeypatch):
    for name in ("QBANK_API_PORT", "QBANK_CONSOLE_PORT"):
        monkeypatch.delenv(name, raising=False)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(QbankError, match=f"port {port} for api is taken"):
            available_services(settings, only=("api",), ports={"api": port})
        monkeypatch.setitem(sys.modules["qbank.serving.services"].DEFAULT_PORTS, "api", port)
        (service,) = available_services(settings, only=("api",))
        assert int(service.environment["QBANK_API_PORT"]) > port


def test_an_unknown_service_is_named(settings):
    with pytest.raises(QbankError, match="service 'kafka' is unknown: use dagit, daemon"):
        available_services(settings, only=("kafka",))


def test_dagster_gets_a_home_of_its_own(settings):
    environment = dagster_environment(settings)
    home = Path(environment["DAGSTER_HOME"])
    source = project_file("deploy/dagster/dagster.yaml")
    assert (home / "dagster.yaml").read_text() == source.read_text()
    assert f"/{settings.database}_dagster?" in environment["QBANK_DAGSTER_URL"]


def test_only_one_may_serve(settings, command_line):
    with (settings.home / "run" / "serve.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = command_line("serve")
    assert done.returncode == 2
    assert "qbank serve runs already" in done.stderr


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_everything_comes_up_and_goes_down(settings, monkeypatch):
    """The real programs: each answers, the database may be killed meanwhile, Ctrl-C leaves none."""
    monkeypatch.setenv("QBANK_ENV", "dev")  # elsewhere the API wants a secret of its own
    code = "from qbank.cli import main; main()"
    ports = [f"--{name}-port={_free_port()}" for name in ("dagit", "api", "console")]
    serve = subprocess.Popen(
        [sys.executable, "-c", code, "serve", *ports], stdout=subprocess.PIPE, text=True
    )
    try:
        lines = [serve.stdout.readline() for _ in range(6)]
        assert "Ctrl-C stops all" in lines[-1], lines
        addresses = [line.split()[-1] for line in lines if "http://" in line]
        assert len(addresses) == 3
        os.kill(
            server_supervisor.find_postmaster(settings.home / "postgres" / "data").pid,
            signal.SIGKILL,
        )
        _wait(lambda: embedded.is_running(settings))
        for address in addresses:
            assert httpx.get(address, timeout=30).status_code == 200
        family = _family(serve.pid)
        serve.send_signal(signal.SIGINT)
        assert serve.wait(60) == 0
        _wait(lambda: not any(server_supervisor.process_alive(pid) for pid in family))
    finally:
        serve.kill()
        serve.communicate()


def test_services_say_where_they_are(settings):
    services = available_services(settings)
    assert all(isinstance(service, Service) for service in services)
    assert [service.name for service in services] == ["dagit", "daemon", "api", "console"]
    assert all(service.health or service.ready_line for service in services)


def test_the_relay_comes_with_events_alone_and_everybody_writes_them(settings):
    services = available_services(settings, events=True)
    assert [service.name for service in services][-1] == "relay"
    assert {service.environment["QBANK_EVENTS"] for service in services} == {"true"}
    (relay,) = available_services(settings, only=("relay",))
    assert "QBANK_EVENTS" not in relay.environment


def test_events_that_nobody_would_hear_of_are_refused_at_once(settings, command_line):
    refused = command_line("serve", "--events")
    assert refused.returncode == 2
    assert "nobody reads along: set QBANK_RELAY_KAFKA_SERVERS or" in refused.stderr


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]
