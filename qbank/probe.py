"""Whether a program answers: asked by the supervisor, and by health checks of containers.

As a command, ``python -m qbank.probe URL`` ends with 0 where it does and 1 where not.
"""

from __future__ import annotations

import sys
import urllib.error
import urllib.request


def answers(url: str, timeout_s: float = 2.0) -> bool:
    """Whether the URL answers 200 in time."""
    try:
        with urllib.request.urlopen(url, timeout=timeout_s) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m qbank.probe URL")
    sys.exit(0 if answers(sys.argv[1], timeout_s=5.0) else f"{sys.argv[1]} does not answer")
