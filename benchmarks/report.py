"""Prints the table of the results of quality.py, and draws their curves."""

import argparse
import sys
from collections import defaultdict
from pathlib import Path
from statistics import mean, median, quantiles

from quality import ROOT, is_whole, read

Cell = tuple[int, str, str]


def main() -> None:
    """Print a table for each number of workers; with --curves draw a picture as well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "results",
        type=Path,
        nargs="?",
        default=ROOT / "build/benchmarks/quality.jsonl",
        help="JSON lines (build/benchmarks/quality.jsonl)",
    )
    parser.add_argument("--curves", type=Path, help="a PNG to write")
    arguments = parser.parse_args()
    cells = _cells(read(arguments.results))
    if not cells:
        sys.exit(f"no results in {arguments.results}")
    for workers in sorted({each[0] for each in cells}):
        _print(cells, workers)
    if arguments.curves:
        _draw(cells, arguments.curves)


def _cells(results: list[dict]) -> dict[Cell, list[dict]]:
    cells = defaultdict(list)
    for each in results:
        if is_whole(each):
            problem = f"{each['problem']} ({each['budget']})"
            cells[each["workers"], problem, each["system"]].append(each)
    return cells


def _print(cells: dict[Cell, list[dict]], workers: int) -> None:
    problems = list(dict.fromkeys(each[1] for each in cells if each[0] == workers))
    systems = list(dict.fromkeys(each[2] for each in cells if each[0] == workers))
    print(f"\nWorkers: {workers}; median [quartiles] of what is missing to the best, (seeds)\n")
    print("| problem (evaluations) |", " | ".join(systems), "|")
    print("|---|" + "---|" * len(systems))
    ranks = defaultdict(list)
    for problem in problems:
        row = {each: cells.get((workers, problem, each), []) for each in systems}
        ordered = sorted((_final(runs), system) for system, runs in row.items() if runs)
        for value, system in ordered:
            ranks[system].append(1 + sum(other < value for other, _ in ordered))
        print(f"| {problem} |", " | ".join(_text(each) for each in row.values()), "|")
    print("| median rank |", " | ".join(_one(median, ranks[each]) for each in systems), "|")
    print("| mean rank |", " | ".join(_one(mean, ranks[each]) for each in systems), "|")
    for name, value in (("CPU ms a suggestion", _cpu), ("wall ms a suggestion", _wall)):
        row = [median(_values(cells, workers, each, value)) for each in systems]
        print(f"| {name} |", " | ".join(f"{each:.3g}" for each in row), "|")


def _values(cells, workers, system, value):
    return [
        value(run) for cell, runs in cells.items() if cell[::2] == (workers, system) for run in runs
    ]


def _cpu(run: dict) -> float:
    return 1000.0 * float(run["cpu"])


def _wall(run: dict) -> float:
    return 1000.0 * median(run["walls"])


def _final(runs: list[dict]) -> float:
    return median(each["scores"][-1] for each in runs)


def _text(runs: list[dict]) -> str:
    if not runs:
        return "-"
    finals = [each["scores"][-1] for each in runs]
    low, _, high = quantiles(finals, n=4, method="inclusive") if len(finals) > 1 else finals * 3
    return f"{median(finals):.3g} [{low:.2g}, {high:.2g}] ({len(finals)})"


def _one(statistic, values) -> str:
    return f"{statistic(values):.2g}" if values else "-"


def _draw(cells: dict[Cell, list[dict]], path: Path) -> None:
    import matplotlib as mpl  # noqa: PLC0415  # only this needs it

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    problems = list(dict.fromkeys(each[1] for each in cells))
    series = list(dict.fromkeys((each[0], each[2]) for each in cells))
    columns = 4
    rows = -(-len(problems) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(14, 2.4 * rows), squeeze=False, layout="constrained"
    )
    for problem, panel in zip(problems, axes.flat, strict=False):
        for number, (workers, system) in enumerate(series):
            if runs := cells.get((workers, problem, system)):
                curves = zip(*(each["scores"] for each in runs), strict=True)
                panel.semilogy(
                    [max(median(each), 1e-7) for each in curves],
                    color=f"C{number}",
                    linestyle="-" if workers == 1 else "--",
                    label=f"{system}, {workers} worker{'s' if workers > 1 else ''}",
                )
        panel.set_title(problem, fontsize=9)
        panel.tick_params(labelsize=7)
    lines = {each.get_label(): each for panel in axes.flat for each in panel.get_lines()}
    figure.legend(lines.values(), lines.keys(), loc="outside upper center", ncols=5, fontsize=9)
    figure.supxlabel("evaluations", fontsize=9)
    figure.supylabel("missing to the best value, median", fontsize=9)
    figure.savefig(path, dpi=70)


if __name__ == "__main__":
    main()
