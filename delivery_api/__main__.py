"""``python -m delivery_api``: the service under uvicorn, in as many processes as the settings say.

What never lives here: anything a request sees.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile

import uvicorn

from delivery_api.settings import ApiSettings
from qbank.errors import QbankError


def main() -> int:
    """Serves until it is told to stop; the exit code is 2 where a setting is wrong."""
    try:
        # refused here, by the first process, and not by each worker in a loop
        api = ApiSettings.load()
    except QbankError as error:
        print(error, file=sys.stderr)
        return 2
    arguments = _arguments(api)
    # workers are started anew and read their settings from the environment
    os.environ["QBANK_API_WORKERS"] = str(arguments.workers)
    with tempfile.TemporaryDirectory(prefix="qbank-metrics-") as metrics:
        if arguments.workers > 1:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = metrics
        uvicorn.run(
            "delivery_api.serve:app",
            host=arguments.host,
            port=arguments.port,
            workers=arguments.workers,
            forwarded_allow_ips=api.api_forwarded_allow_ips,
            access_log=False,  # the app writes its own, with the request id
            server_header=False,
            timeout_graceful_shutdown=10,
            log_level="warning",
        )
    return 0


def _arguments(api: ApiSettings) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="delivery_api", description=__doc__)
    parser.add_argument("--host", default=api.api_host)
    parser.add_argument("--port", type=int, default=api.api_port)
    parser.add_argument("--workers", type=int, default=api.api_workers)
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
