"""What the demo shows at the end: the Pareto frontier as a table and as a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from rich.table import Table

import digits
import nextpoint

STEPS = [0.05, 0.1, 0.2, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99]
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
    shown = Table(title="Pareto frontier: nothing is both more accurate and smaller")
    for heading in ("accuracy", "weights", "layers", "learning rate", "alpha"):
        shown.add_column(heading, justify="right")
    for heading in ("activation", "standardize", "made by"):
        shown.add_column(heading)
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
            "the model" if point.by_model else "the start",
        )
    return shown


def picture(points: Sequence[Point], path: Path) -> None:
    """Draw all points and the frontier."""
    with mpl.rc_context({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(8, 5), dpi=150, layout="constrained")
        axes = figure.subplots()
        best = frontier(points)
        axes.step(
            [point.weights for point in best],
            [point.accuracy for point in best],
            where="pre",
            color="#d1495b",
            linewidth=1.5,
            label="Pareto frontier",
            zorder=2,
        )
        _scatter(
            axes, [point for point in points if not point.by_model], "space-filling start", "s"
        )
        _scatter(axes, [point for point in points if point.by_model], "model", "o")
        axes.axhline(digits.GOOD_ENOUGH, color="#888888", linewidth=1, linestyle=":")
        axes.annotate(
            f"threshold {digits.GOOD_ENOUGH:.0%}",
            (0.01, digits.GOOD_ENOUGH),
            xycoords=("axes fraction", "data"),
            xytext=(0, 3),
            textcoords="offset points",
            color="#666666",
        )
        axes.set_title("Networks that read digits", loc="left")
        axes.set_xlabel("weights, fewer are better (logarithmic)")
        axes.set_ylabel("cross-validated accuracy (logit)")
        _scale(axes)
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, frameon=False)
        figure.savefig(path)


def frontier(points: Sequence[Point]) -> list[Point]:
    """Return the points of the frontier, the most accurate first."""
    chosen = [point for point in points if point.on_frontier]
    return sorted(chosen, key=lambda point: -point.accuracy)


def _scatter(axes: Axes, points: Sequence[Point], label: str, marker: str) -> None:
    axes.scatter(
        [point.weights for point in points],
        [point.accuracy for point in points],
        s=[52 if point.on_frontier else 30 for point in points],
        c=["#d1495b" if point.on_frontier else "#30638e" for point in points],
        alpha=0.85,
        linewidths=0,
        marker=marker,
        label=f"{label} ({len(points)})",
        zorder=3,
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
