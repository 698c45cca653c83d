"""What experiments can do, one feature at a time, and what comes of two together.

python -m tests.support.features writes docs/matrix.md.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

from tests.support.walk import Conduct, growth

from nextpoint_service.domain.conditionals import Condition, Conditional
from nextpoint_service.domain.constraint_rules import ConstraintDraft, TermDraft
from nextpoint_service.domain.definition import ExperimentDraft, change, define
from nextpoint_service.domain.errors import InvalidRequest
from nextpoint_service.domain.experiment import Engine, ExperimentType, Objective, Strategy
from nextpoint_service.domain.limits import Limits
from nextpoint_service.domain.linear_constraints import Comparison
from nextpoint_service.domain.metric_rules import MetricDraft
from nextpoint_service.domain.parameter_rules import ParameterDraft
from nextpoint_service.domain.prior_rules import PriorDraft
from nextpoint_service.domain.task_rules import TaskDraft

PAGE = Path(__file__).parents[2] / "docs/matrix.md"
COMMAND = "python -m tests.support.features"
TOTAL = 12
NOTHING_ELSE = Conduct()

BASE = ExperimentDraft(
    name="matrix",
    parameters=(
        ParameterDraft("a", "double", bounds=(0.0, 1.0)),
        ParameterDraft("b", "double", bounds=(0.0, 2.0)),
    ),
    metrics=(MetricDraft("m"),),
    budget=TOTAL,
)

Apply = Callable[[ExperimentDraft], ExperimentDraft]


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature, and how a definition gets it; of each kind an experiment has one at most.

    `last` are applied after all others.
    """

    name: str
    apply: Apply = field(default=lambda draft: draft)
    kind: str = ""
    conduct: Conduct = field(default_factory=Conduct)
    last: bool = False


def _parameter(name: str, type_: str, **fields: object) -> Apply:
    parameter = ParameterDraft(name, type_, **fields)
    return lambda draft: replace(draft, parameters=(*draft.parameters, parameter))


def _metrics(*metrics: MetricDraft) -> Apply:
    return lambda draft: replace(draft, metrics=(*draft.metrics, *metrics))


def _thresholds(draft: ExperimentDraft) -> ExperimentDraft:
    first, *others = draft.metrics
    second = MetricDraft("m2", Objective.MINIMIZE, threshold=0.9)
    return replace(draft, metrics=(replace(first, threshold=-0.9), *others, second))


def _search(draft: ExperimentDraft) -> ExperimentDraft:
    first, *others = draft.metrics
    limited = replace(first, strategy=Strategy.CONSTRAINT, threshold=-0.5)
    return replace(draft, metrics=(limited, *others))


def _constraint(comparison: Comparison, threshold: float, **weights: float) -> Apply:
    terms = tuple(TermDraft(*each) for each in weights.items())
    constraint = ConstraintDraft(comparison, terms, threshold)
    return lambda draft: replace(draft, constraints=(*draft.constraints, constraint))


def _on_whole_numbers(draft: ExperimentDraft) -> ExperimentDraft:
    for name in ("k", "l"):
        draft = _parameter(name, "int", bounds=(0.0, 6.0))(draft)
    return _constraint(Comparison.LESS_THAN, 7.5, k=1.0, l=2.0, a=1.0)(draft)


def _conditionals(draft: ExperimentDraft) -> ExperimentDraft:
    """Add a switch, a parameter under each of its values, and one under two of them."""
    switch = Conditional("kind", ("x", "y", "z"))
    draft = _under(("x", "y"), _parameter("kx", "double", bounds=(0.0, 1.0)))(draft)
    draft = _under(("y",), _parameter("ky", "int", bounds=(1.0, 5.0)))(draft)
    return replace(draft, conditionals=(*draft.conditionals, switch))


def _under(values: tuple[str, ...], apply: Apply) -> Apply:
    def conditioned(draft: ExperimentDraft) -> ExperimentDraft:
        *others, last = apply(draft).parameters
        condition = Condition("kind", values)
        return replace(draft, parameters=(*others, replace(last, conditions=(condition,))))

    return conditioned


def _as_grid(draft: ExperimentDraft) -> ExperimentDraft:
    """Give every numeric parameter a grid, and leave the budget to the service."""
    parameters = []
    for each in draft.parameters:
        low, high = each.bounds or (None, None)
        if low is not None and high is not None:
            middle = float(int((low + high) / 2)) if each.type == "int" else (low + high) / 2
            parameters.append(replace(each, bounds=None, grid=(low, middle, high)))
        else:
            parameters.append(each)
    flag = ParameterDraft("grid_flag", "bool")
    return replace(draft, type=ExperimentType.GRID, parameters=(*parameters, flag), budget=None)


def _normal(mean: float) -> PriorDraft:
    return PriorDraft("normal", {"mean": mean, "scale": 0.2})


_TASKS = (TaskDraft("full", 1.0), TaskDraft("tenth", 0.1))
_BETA = PriorDraft("beta", {"shape_a": 2.0, "shape_b": 5.0})

FEATURES = (
    Feature("type `random`", lambda draft: replace(draft, type=ExperimentType.RANDOM), "type"),
    Feature("type `grid`", _as_grid, "type", last=True),
    Feature("int", _parameter("n", "int", bounds=(1.0, 9.0))),
    Feature("categorical", _parameter("c", "categorical", categorical_values=("u", "v", "w"))),
    Feature(
        "ordered categorical",
        _parameter("o", "categorical", categorical_values=("s", "m", "l"), ordered=True),
    ),
    Feature("bool", _parameter("f", "bool")),
    Feature("logarithmic scale", _parameter("r", "double", bounds=(1e-4, 1.0), log=True)),
    Feature("logarithmic int", _parameter("q", "int", bounds=(1.0, 1024.0), log=True)),
    Feature("grid on a parameter", _parameter("g", "double", grid=(0.1, 0.5, 2.0))),
    Feature("normal prior", _parameter("p", "double", bounds=(0.0, 1.0), prior=_normal(0.3))),
    Feature("beta prior", _parameter("s", "double", bounds=(0.0, 4.0), prior=_BETA)),
    Feature("conditionals", _conditionals),
    Feature("linear inequality", _constraint(Comparison.LESS_THAN, 1.5, a=1.0, b=1.0)),
    Feature("linear equality", _constraint(Comparison.EQUAL, 1.0, a=1.0, b=0.5)),
    Feature("linear inequality on whole numbers", _on_whole_numbers),
    Feature("two optimized metrics", _metrics(MetricDraft("m2", Objective.MINIMIZE)), "optimized"),
    Feature("thresholds on optimized metrics", _thresholds, "optimized"),
    Feature(
        "five optimized metrics",
        _metrics(*(MetricDraft(f"m{number}") for number in range(2, 6))),
        "optimized",
    ),
    Feature("no optimized metric", _search, "optimized"),
    Feature(
        "constraint metric",
        _metrics(MetricDraft("limited", strategy=Strategy.CONSTRAINT, threshold=-0.5)),
    ),
    Feature("tasks", lambda draft: replace(draft, tasks=_TASKS)),
    Feature("several solutions", lambda draft: replace(draft, num_solutions=3)),
    Feature("engine `ax`", lambda draft: replace(draft, engine=Engine.AX)),
    Feature("stored metric", _metrics(MetricDraft("kept", strategy=Strategy.STORE))),
    Feature("no budget", lambda draft: replace(draft, budget=None)),
    Feature("parallel bandwidth", lambda draft: replace(draft, parallel_bandwidth=4)),
    Feature("noise known for some values", conduct=Conduct(noise=True)),
    Feature("failed observations", conduct=Conduct(failures=True)),
    Feature("queued suggestions", conduct=Conduct(queue=True)),
    Feature("observations of one's own", conduct=Conduct(own=True)),
    Feature("a parameter added while it runs", conduct=Conduct(update=True)),
)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two features together, in one experiment."""

    first: Feature
    second: Feature

    def __str__(self) -> str:
        return f"{self.first.name}, {self.second.name}"

    @property
    def exclusive(self) -> bool:
        """Whether they are two of a kind, of which an experiment has one."""
        return bool(self.first.kind) and self.first.kind == self.second.kind

    @property
    def draft(self) -> ExperimentDraft:
        """The definition that has both."""
        draft = BASE
        for each in sorted((self.first, self.second), key=lambda each: each.last):
            draft = each.apply(draft)
        return draft

    @property
    def conduct(self) -> Conduct:
        """What the user does."""
        one, other = self.first.conduct, self.second.conduct
        names = Conduct.__slots__
        return Conduct(**{name: getattr(one, name) or getattr(other, name) for name in names})

    @property
    def refusal(self) -> str:
        """Why the experiment, or its update, is refused; empty when it is not."""
        return refusal(self.draft, self.conduct)


def refusal(draft: ExperimentDraft, conduct: Conduct = NOTHING_ELSE) -> str:
    """Return why a definition, or its update, is refused; empty when it is not."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    try:
        experiment = define(draft, Limits(), "exp_1", now)
        if conduct.update:
            change(experiment, growth(draft), Limits(), now)
    except InvalidRequest as error:
        return "; ".join(f"`{each.field}` {each.description}" for each in error.violations)
    return ""


def pairs() -> Iterator[Pair]:
    """Yield every pair of features that an experiment can be asked to have."""
    for first, second in combinations(FEATURES, 2):
        if not (pair := Pair(first, second)).exclusive:
            yield pair


_MANNERS = {
    "logarithmic scale": {"log": True},
    "grid": {"bounds": None, "grid": (1.0, 2.0, 4.0)},
    "normal prior": {"prior": _normal(2.0)},
    "beta prior": {"prior": _BETA},
}
"""What a single numeric parameter can have."""


def one_parameter() -> Iterator[tuple[str, str, ExperimentDraft]]:
    """Yield every pair of what a parameter can have, and the definition that has both."""
    names = ("double", "int", *_MANNERS, "linear constraint")
    for first, second in combinations(names, 2):
        if {first, second} in ({"double", "int"}, {"normal prior", "beta prior"}):
            continue
        yield first, second, _with_parameter({first, second})


def _with_parameter(manners: set[str]) -> ExperimentDraft:
    fields: dict[str, object] = {"bounds": (1.0, 4.0)}
    for name in _MANNERS.keys() & manners:
        fields |= _MANNERS[name]
    type_ = "int" if "int" in manners else "double"
    draft = _parameter("x", type_, **fields)(BASE)
    if "linear constraint" in manners:
        draft = _constraint(Comparison.LESS_THAN, 4.0, a=1.0, x=1.0)(draft)
    return draft


def page() -> str:
    """Return docs/matrix.md."""
    reasons: dict[str, str] = {}

    def mark(reason: str) -> str:
        if not reason:
            return "✓"
        return reasons.setdefault(reason, f"({len(reasons) + 1})")

    lines = [*_INTRODUCTION, *_table(mark), "", *_ONE_PARAMETER]
    lines += [
        f"| {one} | {other} | {mark(refusal(draft))} |" for one, other, draft in one_parameter()
    ]
    lines += ["", "## Why", ""]
    lines += [f"- {number} {reason}" for reason, number in reasons.items()]
    return "\n".join(lines) + "\n"


def _table(mark: Callable[[str], str]) -> list[str]:
    numbers = [f"{number}" for number in range(1, len(FEATURES) + 1)]
    lines = [f"| | | {' | '.join(numbers)} |", "|---" * (len(FEATURES) + 2) + "|"]
    for row, first in enumerate(FEATURES):
        cells = []
        for column, second in enumerate(FEATURES):
            pair = Pair(*((first, second) if row < column else (second, first)))
            if row == column:
                cells.append(mark(refusal(first.apply(BASE))))
            else:
                cells.append("○" if pair.exclusive else mark(pair.refusal))
        lines.append(f"| {row + 1} | {first.name} | {' | '.join(cells)} |")
    return lines


_INTRODUCTION = [
    "# Which features go together",
    "",
    f"`{COMMAND}` writes this page, and a test compares it with what the service",
    f"says. Another test creates an experiment for every pair, makes {TOTAL} observations and",
    "checks each suggestion against the definition.",
    "",
    "✓ is supported, ○ are two of a kind, of which an experiment has one, and a number is the",
    "reason for which the experiment is refused when it is created, or its update.",
    "",
    "## In one experiment",
    "",
]
_ONE_PARAMETER = ["## On one parameter", "", "| | together with | |", "|---|---|---|"]


if __name__ == "__main__":
    PAGE.write_text(page())
