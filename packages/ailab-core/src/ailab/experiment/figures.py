"""Curves of runs as a figure for a paper. matplotlib is imported when a figure is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Curve", "Look", "legend_columns", "mean_curve", "save_figure", "smooth"]

_MOST_POINTS = 4000
# Okabe and Ito's colours, which the colour-blind can tell apart too (https://jfly.uni-koeln.de/color/), without black.
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F")
_STYLES = ("-", "--", ":", "-.")
_LEGEND_SHARE = 0.5
"""Of the figure's height, at most."""


@dataclass(frozen=True)
class Curve:
    """One line: ``x`` and ``y`` of shape (n,), and the band around it, if any."""

    label: str
    x: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]
    low: npt.NDArray[np.float64] | None = None
    high: npt.NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Look:
    """How the figure looks: size in inches, font size in points, axes."""

    width: float = 3.5
    height: float = 2.4
    font: float = 8.0
    log_x: bool = False
    log_y: bool = False
    x_label: str = "step"
    y_label: str = ""
    title: str = ""
    legend: bool = True
    legend_title: str = ""


def smooth(y: npt.NDArray[np.float64], weight: float) -> npt.NDArray[np.float64]:
    """The exponential moving average, without the bias of its start: each value is the mean of those before it, one
    ``k`` steps back weighing ``weight**k``. NaN counts as missing. ``weight``: 0 (no smoothing) <= weight < 1.
    """
    if not weight:
        return y
    result = np.empty_like(y)
    total = count = 0.0
    for i, value in enumerate(y.tolist()):
        if value == value:
            total, count = total * weight + value, count * weight + 1.0
        result[i] = total / count if count else np.nan
    return result


def mean_curve(label: str, parts: Sequence[tuple[npt.NDArray[Any], npt.NDArray[np.float64]]]) -> Curve:
    """The mean over several runs at the steps that all of them have, and a band from the smallest to the largest.

    Args:
        parts: (x, y) of each run.

    Raises:
        ValueError: they have no step in common.
    """
    unique = [dict(zip(x.tolist(), y.tolist(), strict=True)) for x, y in parts]  # of a step logged twice, the last
    common = sorted(set.intersection(*(set(one) for one in unique)))
    if not common:
        raise ValueError(f"the runs of {label!r} have no step in common: there is no mean of them")
    table = np.array([[one[x] for x in common] for one in unique])
    return Curve(label, np.array(common, np.float64), table.mean(0), table.min(0), table.max(0))


def save_figure(curves: Sequence[Curve], path: Path, look: Look = Look()) -> None:
    """Draw the curves and write them; the ending of ``path`` says the format: svg, pdf or png (at 300 dots an inch).

    The same curves make the same bytes, so that a figure in version control changes only when its content does.

    Raises:
        ValueError: another ending.
        OSError: the file cannot be written.
    """
    form = path.suffix[1:].lower()
    if form not in ("svg", "pdf", "png"):
        raise ValueError(f"a figure is written as .svg, .pdf or .png, got {path.name!r}")
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.rcsetup import cycler

    style: Any = {
        "font.size": look.font,
        "axes.labelsize": look.font,
        "legend.fontsize": look.font - 1,
        "lines.linewidth": 1.0,
        "axes.xmargin": 0.0,
        "axes.prop_cycle": cycler(linestyle=_STYLES) * cycler(color=_COLORS),
        "axes.spines.top": False,
        "axes.spines.right": False,
        "pdf.fonttype": 42,  # TrueType, as publishers ask for
        "svg.fonttype": "none",  # text stays text
        "svg.hashsalt": "ailab",
    }
    dates: dict[str, Any] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {"Software": None}}
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(look.width, look.height), layout="constrained")
        FigureCanvasAgg(figure)
        _draw(figure.add_subplot(), curves, look)
        if look.legend and len(curves) > 1:
            columns = legend_columns(curves, look)
            if columns:  # above the axes, where it hides nothing
                figure.legend(
                    loc="outside upper center", ncols=columns, frameon=False, columnspacing=1.0,
                    title=look.legend_title or None, title_fontsize=look.font - 1,
                )  # fmt: skip
        figure.savefig(path, format=form, dpi=300, metadata=dates[form])


def _draw(axes: Axes, curves: Sequence[Curve], look: Look) -> None:
    for curve in curves:
        keep = _thinned(curve.y)
        (line,) = axes.plot(curve.x[keep], curve.y[keep], label=curve.label)
        if curve.low is not None and curve.high is not None:
            axes.fill_between(
                curve.x[keep], curve.low[keep], curve.high[keep], color=line.get_color(), alpha=0.2, linewidth=0
            )
    if look.log_x:
        axes.set_xscale("log")
    if look.log_y:
        axes.set_yscale("log")
    axes.set_xlabel(look.x_label)
    axes.set_ylabel(look.y_label)
    if look.title:
        axes.set_title(look.title)


def legend_columns(curves: Sequence[Curve], look: Look) -> int:
    """In how many columns the curves' labels fit above the axes; 0: they are too many to be told apart anyway."""
    longest = max(len(curve.label) for curve in curves)
    inches = (0.6 * longest + 4.0) * (look.font - 1) / 72  # of a label with the piece of line before it
    columns = max(1, min(len(curves), int(look.width / inches)))
    rows = -(-len(curves) // columns) + bool(look.legend_title)
    return columns if rows * 1.4 * look.font / 72 <= _LEGEND_SHARE * look.height else 0


def _thinned(y: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """The positions of at most about `_MOST_POINTS` values, each stretch's smallest and largest among them.

    A vector file of a million points is slow in every viewer and looks the same.
    """
    n = len(y)
    if n <= _MOST_POINTS:
        return np.arange(n)
    width = -(-n // (_MOST_POINTS // 2))
    padded = np.full(-(-n // width) * width, np.nan)
    padded[:n] = y
    table = padded.reshape(-1, width)
    starts = np.arange(len(table)) * width
    low = starts + np.where(np.isnan(table), np.inf, table).argmin(1)
    high = starts + np.where(np.isnan(table), -np.inf, table).argmax(1)
    kept = np.unique(np.concatenate((low, high, [0, n - 1])))
    return kept[kept < n]
