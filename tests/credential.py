"""A real licensure examination, where its file is at hand (it is not part of the product)."""

import os
from pathlib import Path

_PLACES = (
    Path(os.environ.get("QBANK_CREDENTIAL_DATA", "absent")),
    Path(__file__).resolve().parents[2] / "shared/data/credential_form1_long.csv.gz",
)
FILE = next((place for place in _PLACES if place.is_file()), None)
