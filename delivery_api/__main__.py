"""``python -m delivery_api``: the service under uvicorn, in as many processes as the settings say.

What never lives here: anything a request sees.
"""

from __future__ import annotations

import argparse
import ipaddress
import os
import resource
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from delivery_api.protocol import BoundedProtocol
from delivery_api.settings import ApiSettings
from qbank.errors import QbankError
from qbank.postgres.folders import make_home
from qbank.postgres.server_supervisor import process_alive
from qbank.settings import get_settings

# connections to Postgres, listening sockets, metrics, libraries
_OTHER_FILES = 200
# a worker that only starts on a busy machine answers late; at uvicorn's own five seconds it was
# killed for it, and the next one too
_SILENCE_S = 60


def main() -> int:
    """Serves until it is told to stop; the exit code is 2 where a setting is wrong."""
    try:
        # refused here, by the first process, and not by each worker in a loop
        api = ApiSettings.load()
    except QbankError as error:
        print(error, file=sys.stderr)
        return 2
    arguments = _arguments(api)
    if api.env == "dev" and not _is_loopback(arguments.host):
        print(
            f"--host (or QBANK_API_HOST) is {arguments.host!r} and QBANK_ENV is dev, where anybody"
            " may log in as anybody: listen on 127.0.0.1, or set QBANK_ENV=prod",
            file=sys.stderr,
        )
        return 2
    _allow_files(api.api_max_connections + _OTHER_FILES)
    # workers are started anew and read their settings from the environment
    os.environ["QBANK_API_WORKERS"] = str(arguments.workers)
    with _metrics_folder() as metrics:
        if arguments.workers > 1:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics)
        uvicorn.run(
            "delivery_api.serve:app",
            host=arguments.host,
            port=arguments.port,
            workers=arguments.workers,
            forwarded_allow_ips=api.api_forwarded_allow_ips,
            access_log=False,  # the app writes its own, with the request id
            server_header=False,
            http=BoundedProtocol,
            ws="none",
            timeout_keep_alive=api.api_keep_alive_s,
            timeout_graceful_shutdown=10,
            timeout_worker_healthcheck=_SILENCE_S,
            log_level="warning",
        )
    return 0


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _allow_files(wanted: int) -> None:
    """Raises the limit of open files, as far as the system lets it be; workers inherit it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


@contextmanager
def _metrics_folder() -> Iterator[Path]:
    """A folder that the workers of this process share; those of killed processes go."""
    settings = get_settings()
    make_home(settings)
    parent = settings.home / "run" / "api-metrics"
    own = parent / str(os.getpid())
    for left in parent.glob("*"):
        if left == own or not process_alive(int(left.name)):
            shutil.rmtree(left, ignore_errors=True)
    own.mkdir(parents=True)
    try:
        yield own
    finally:
        shutil.rmtree(own, ignore_errors=True)


def _arguments(api: ApiSettings) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="delivery_api", description=__doc__)
    parser.add_argument("--host", default=api.api_host)
    parser.add_argument("--port", type=int, default=api.api_port)
    parser.add_argument("--workers", type=int, default=api.api_workers)
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
