"""What the content of an item may be, wherever it comes from: authors, the API or a file."""

from __future__ import annotations

from typing import Final

MAX_NAME: Final = 255
MAX_MARKDOWN: Final = 20_000
# explanations, lead-ins, references, and what a picture shows
MAX_NOTE: Final = 2_000
MAX_URL: Final = 2_000
# readers' browsers fetch it: no other scheme
ASSET_URL: Final = r"^(https://|/)[^\s\x00]*$"
MIN_OPTIONS: Final = 2
MAX_OPTIONS: Final = 10
MAX_TAGS: Final = 50
MAX_ASSETS: Final = 20
MAX_REFERENCES: Final = 50
