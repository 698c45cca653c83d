"""What the demo shows at the end: the Pareto frontier as a table and as a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from rich.box import SIMPLE_HEAD
from rich.table import Table

import digits
import nextpoint

BEST, OTHER = "#d1495b", "#30638e"
STEPS = [0.05, 0.1, 0.2, 0.5, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99]
SIZES = [300, 500, 1000, 2000, 4000, 8000]


@dataclass(frozen=True, slots=True)
class Point:
    """An observation, who made its assignments, and whether no other one beats it."""

    observation: nextpoint.Observation
    by_model: bool
    on_frontier: bool

    @property
    def accuracy(self) -> float:
        """The cross-validated accuracy, from 0 to 1."""
        return self.observation.values["accuracy"]

    @property
    def weights(self) -> float:
        """How many numbers the network learns."""
        return self.observation.values["weights"]


def table(points: Sequence[Point]) -> Table:
    """Return the frontier as a table, the most accurate first."""
    shown = Table(
        title="The Pareto frontier", box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True
    )
    for heading in ("accuracy", "weights", "layers", "rate", "alpha"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for heading in ("activation", "scaled", "by model"):
        shown.add_column(heading, no_wrap=True)
    for point in frontier(points):
        at = point.observation.assignments
        shown.add_row(
            f"{point.accuracy:.1%} ± {point.observation.stddevs['accuracy']:.1%}",
            f"{point.weights:,.0f}",
            f"{at['hidden_1']} → {at['hidden_2']}",
            f"{at['learning_rate']:.4f}",
            f"{at['alpha']:.0e}",
            str(at["activation"]),
            "yes" if at["standardize"] else "no",
            "yes" if point.by_model else "no",
        )
    return shown


def picture(points: Sequence[Point], path: Path) -> None:
    """Draw all points and the frontier."""
    with mpl.rc_context({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(8, 5), dpi=150, layout="constrained")
        axes = figure.subplots()
        _draw_frontier(axes, frontier(points))
        _draw_points(axes, points, by_model=False, marker="s", label="space-filling")
        _draw_points(axes, points, by_model=True, marker="o", label="model")
        _draw_threshold(axes)
        _scale(axes)
        axes.set_title("Networks that read digits", loc="left")
        axes.set_xlabel("weights, fewer are better (logarithmic)")
        axes.set_ylabel("cross-validated accuracy (logit)")
        axes.legend(
            loc="lower right",
            bbox_to_anchor=(1, 1),
            ncols=3,
            frameon=False,
            columnspacing=1.2,
            handletextpad=0.4,
        )
        figure.savefig(path)


def frontier(points: Sequence[Point]) -> list[Point]:
    """Return the points of the frontier, the most accurate first."""
    chosen = [point for point in points if point.on_frontier]
    return sorted(chosen, key=lambda point: -point.accuracy)


def _draw_frontier(axes: Axes, best: Sequence[Point]) -> None:
    axes.step(
        [point.weights for point in best],
        [point.accuracy for point in best],
        where="pre",
        color=BEST,
        linewidth=1.5,
        label="Pareto frontier",
        zorder=2,
    )


def _draw_points(
    axes: Axes, points: Sequence[Point], *, by_model: bool, marker: str, label: str
) -> None:
    made = [point for point in points if point.by_model == by_model]
    for on_frontier, color in ((False, OTHER), (True, BEST)):
        shown = [point for point in made if point.on_frontier == on_frontier]
        axes.scatter(
            [point.weights for point in shown],
            [point.accuracy for point in shown],
            s=50,
            c=color,
            edgecolors="white",
            linewidths=0.8,
            marker=marker,
            label=None if on_frontier else f"{label} ({len(made)})",
            zorder=3,
        )


def _draw_threshold(axes: Axes) -> None:
    axes.axhline(digits.GOOD_ENOUGH, color="#888888", linewidth=1, linestyle=":")
    axes.annotate(
        f"threshold {digits.GOOD_ENOUGH:.0%}",
        (1, digits.GOOD_ENOUGH),
        xycoords=("axes fraction", "data"),
        xytext=(0, 3),
        textcoords="offset points",
        ha="right",
        color="#666666",
    )


def _scale(axes: Axes) -> None:
    # The interesting part is between 90 and 99 %, and still every point is to be seen.
    axes.set_yscale("logit")
    axes.yaxis.set_major_locator(FixedLocator(STEPS))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0%}"))
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(SIZES))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
    axes.grid(color="#e5e5e5", linewidth=0.6)
    axes.set_axisbelow(True)
