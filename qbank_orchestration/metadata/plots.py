"""Small PNG plots for Dagit, as Markdown with the image inside.

What never lives here: numbers that the result does not hold.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIZE = (5.6, 2.8)  # inches at 90 dpi: legible in the side panel, about 20 kB
# left, bottom, width, height of the axes; to find them, a layout engine would draw all twice
_AXES = (0.125, 0.17, 0.85, 0.785)


def convergence(history: Sequence[Mapping[str, Any]], tau: float) -> dg.MetadataValue:
    """Largest exposure rate and overlap by iteration, with the target."""
    figure, axes = _axes()
    steps = [entry["iter"] for entry in history]
    axes.plot(steps, [entry["max_exp"] for entry in history], marker="o", label="max P(A)")
    axes.plot(steps, [entry["overlap"] for entry in history], marker=".", label="overlap")
    axes.axhline(tau, color="grey", linestyle="--", linewidth=1, label="τ")
    axes.set(xlabel="iteration", ylabel="rate", ylim=(0, 1.02))
    axes.legend(fontsize=8)
    return _markdown(figure, "convergence")


def exposures(rates: Sequence[float], tau: float) -> dg.MetadataValue:
    """Exposure rate of each item, most exposed first, with the target."""
    figure, axes = _axes()
    axes.fill_between(range(len(rates)), sorted(rates, reverse=True), step="mid", alpha=0.6)
    axes.axhline(tau, color="grey", linestyle="--", linewidth=1)
    axes.set(xlabel="items, most exposed first", ylabel="exposure rate")
    return _markdown(figure, "item exposure")


def predicted_and_observed(
    predicted: npt.NDArray[np.float64],
    observed: npt.NDArray[np.float64],
    parted: npt.NDArray[np.bool_],
) -> dg.MetadataValue:
    """Observed against predicted exposure rate of each item; those that part stand out."""
    figure, axes = _axes()
    largest = float(max(predicted.max(initial=0.0), observed.max(initial=0.0)))
    axes.plot([0, largest], [0, largest], color="grey", linestyle="--", linewidth=1)
    axes.scatter(predicted[~parted], observed[~parted], s=6, alpha=0.5, label="as predicted")
    axes.scatter(predicted[parted], observed[parted], s=10, color="tab:red", label="not")
    axes.set(xlabel="predicted rate", ylabel="observed rate")
    axes.legend(fontsize=8)
    return _markdown(figure, "predicted and observed exposure")


def difficulties(b: Sequence[float], a: Sequence[float]) -> dg.MetadataValue:
    """Discrimination against difficulty of the calibrated items."""
    figure, axes = _axes()
    axes.scatter(b, a, s=6, alpha=0.5)
    axes.set(xlabel="b", ylabel="a")
    return _markdown(figure, "item parameters")


def _axes() -> tuple[Any, Axes]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # no global state, no display
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE, dpi=90)
    FigureCanvasAgg(figure)
    return figure, figure.add_axes(_AXES)


def _markdown(figure: Any, title: str) -> dg.MetadataValue:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    data = base64.b64encode(buffer.getvalue()).decode()
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{data})")
