"""The application as a server imports it: ``delivery_api.serve:app``.

What never lives here: anything but that; tests make their own with ``create_app``.
"""

from __future__ import annotations

import multiprocessing
import os

from delivery_api.app import create_app
from qbank import logs
from qbank.postgres.server_supervisor import die_with_parent

logs.configure()
if int(os.environ.get("QBANK_API_WORKERS", "1")) > 1:
    # one of several workers: where the process that minds them is killed, nobody would stop them
    die_with_parent()
    minder = multiprocessing.parent_process()
    if minder is not None and not minder.is_alive():
        raise SystemExit(1)  # it was killed while this one was starting
app = create_app()
