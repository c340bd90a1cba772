"""Charts as pictures, the same bytes for the same numbers.

What never lives here: which charts there are.
"""

from __future__ import annotations

import io

from qbank.reporting.document import Chart

_INK, _BLUE, _GREY = "#1f2933", "#2563a8", "#9aa5b1"


def picture(chart: Chart, form: str) -> bytes:
    """The chart as "svg" or "png"."""
    import matplotlib  # half a second that other commands need not pay
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(
        {"svg.hashsalt": chart.name, "svg.fonttype": "none", "font.size": 9}
    ):
        figure = Figure(figsize=(6.2, 3.0), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        for line, colour in zip(chart.lines, (_BLUE, _GREY, _INK), strict=False):
            if line.points:
                axes.plot(line.x, line.y, "o", color=colour, markersize=3, alpha=0.6)
            else:
                axes.plot(line.x, line.y, color=colour, linewidth=1.6)
        axes.set_xlabel(chart.x)
        axes.set_ylabel(chart.y)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_ylim(bottom=0)
        if len(chart.lines) > 1:
            axes.legend([line.label for line in chart.lines], frameon=False)
        out = io.BytesIO()
        # without the hour of drawing
        figure.savefig(out, format=form, dpi=150, metadata={"Date": None} if form == "svg" else {})
    return out.getvalue()
