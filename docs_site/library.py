"""The reference of the library: its names by heading. mkdocstrings does the rest."""

from __future__ import annotations

import calibration

_HEAD = """# The library

Every public name of `calibration`, from its docstring: `import calibration as cal`. It needs NumPy,
Numba and SciPy alone. What the methods are, with equations and limits, is in
[calibration](../calibration/README.md).
"""
_HEADINGS = {
    "bank": "Item bank",
    "irt": "Estimation",
    "models": "Response models",
    "linking": "Linking and drift",
    "itemfit": "Item fit and DIF",
    "scoring": "Scoring",
    "cat": "Selection and simulation",
    "exposure": "Exposure control",
    "reestimation": "Re-estimation",
    "errors": "Errors",
}


def markdown() -> str:
    """The page, as headings with the objects that mkdocstrings is to show."""
    rooms: dict[str, list[str]] = {room: [] for room in _HEADINGS}
    for name in sorted(calibration.__all__, key=lambda name: (name[0].isupper(), name)):
        rooms[getattr(calibration, name).__module__.split(".")[1]].append(name)
    return _HEAD + "".join(
        f"\n## {_HEADINGS[room]}\n\n" + "\n".join(f"::: calibration.{name}\n" for name in names)
        for room, names in rooms.items()
        if names
    )
