"""The application as a server imports it: ``delivery_api.serve:app``.

What never lives here: anything but that; tests make their own with ``create_app``.
"""

from __future__ import annotations

from delivery_api.app import create_app
from qbank import logs

logs.configure()
app = create_app()
