"""Draws definitions with all features together, from the plain to the extreme, one for a seed."""

import math
import random
from collections.abc import Callable
from dataclasses import replace

from tests.support.walk import Conduct

from nextpoint_service.domain.conditionals import Condition, Conditional
from nextpoint_service.domain.constraint_rules import ConstraintDraft, TermDraft
from nextpoint_service.domain.definition import ExperimentDraft
from nextpoint_service.domain.experiment import Engine, ExperimentType, Objective, Strategy
from nextpoint_service.domain.linear_constraints import Comparison
from nextpoint_service.domain.metric_rules import MetricDraft
from nextpoint_service.domain.parameter_rules import ParameterDraft
from nextpoint_service.domain.prior_rules import PriorDraft
from nextpoint_service.domain.task_rules import TaskDraft

_LARGEST = 2**53
_LOWS = (0.0, -1.0, 1e-6, 3.7, -1e5)
_WIDTHS = (1e-8, 1e-3, 1.0, 1.0, 7.3, 100.0, 1e6, 1e300)
_INT_ENDS = (-_LARGEST, -1000, -3, 0, 1, 2, 5, 12, 100, 10**6, _LARGEST)
_WEIGHTS = (1.0, 1.0, -1.0, 2.0, 0.1, -3.5, 1e-4, 1e4)
_WORDS = ("rye", "oat", "wheat", "spelt", "ß", "a b", "0", "true")
_COMPARISONS = (Comparison.LESS_THAN, Comparison.GREATER_THAN, Comparison.EQUAL)


def definition(seed: int) -> tuple[ExperimentDraft, Conduct]:
    """Return a faultless definition, and what its user does."""
    draw = random.Random(seed)  # noqa: S311 -- nothing secret
    type_ = draw.choices([*ExperimentType], [7, 2, 1])[0]
    is_grid = type_ is ExperimentType.GRID
    kinds = (_gridded, _categorical, _bool) if is_grid else _KINDS
    parameters = tuple(
        draw.choice(kinds)(f"p{number} {draw.choice(_WORDS)}", draw)
        for number in range(draw.randint(2, 6))
    )
    metrics = _metrics(draw)
    optimized = sum(each.strategy is Strategy.OPTIMIZE for each in metrics)
    sole = optimized == 1
    unlimited = sole and len(metrics) == 1 and draw.random() < 0.5
    several = sole and not unlimited and draw.random() < 0.3
    by_ax = optimized > 0 and not several and type_ is ExperimentType.OPTIMIZED
    constraints = _constraints(parameters, draw)
    conditionals: tuple[Conditional, ...] = ()
    if not is_grid and not several and draw.random() < 0.3:
        conditionals = _conditionals(draw)
        parameters = _conditioned(parameters, constraints, conditionals, draw)
    unconstrained = all(each.strategy is not Strategy.CONSTRAINT for each in metrics)
    has_tasks = (
        type_ is ExperimentType.OPTIMIZED
        and sole
        and unconstrained
        and not (unlimited or several)
        and draw.random() < 0.5
    )
    draft = ExperimentDraft(
        name=f"seed {seed}",
        parameters=parameters,
        metrics=metrics,
        constraints=constraints,
        conditionals=conditionals,
        type=type_,
        budget=None if is_grid or unlimited else draw.randint(20, 60),
        parallel_bandwidth=draw.choice([None, 1, 4]),
        num_solutions=draw.randint(1, 4) if several else None,
        engine=Engine.AX if by_ax and not has_tasks and draw.random() < 0.2 else Engine.AUTO,
        tasks=_tasks(draw) if has_tasks else (),
    )
    conduct = Conduct(*(draw.random() < 0.3 for _ in Conduct.__slots__))
    return draft, replace(conduct, update=conduct.update and not is_grid)


def _conditionals(draw: random.Random) -> tuple[Conditional, ...]:
    return tuple(
        Conditional(f"switch {number}", tuple(draw.sample(_WORDS, draw.randint(2, 3))))
        for number in range(draw.randint(1, 2))
    )


def _conditioned(
    parameters: tuple[ParameterDraft, ...],
    constraints: tuple[ConstraintDraft, ...],
    conditionals: tuple[Conditional, ...],
    draw: random.Random,
) -> tuple[ParameterDraft, ...]:
    """Return the parameters with conditions on some, neither the first nor the constrained."""
    free = {term.name for each in constraints for term in each.terms} | {parameters[0].name}
    return tuple(
        each if each.name in free else replace(each, conditions=_conditions(conditionals, draw))
        for each in parameters
    )


def _conditions(
    conditionals: tuple[Conditional, ...], draw: random.Random
) -> tuple[Condition, ...]:
    chosen = draw.sample(conditionals, draw.randint(0, len(conditionals)))
    return tuple(
        Condition(each.name, tuple(draw.sample(each.values, draw.randint(1, 2)))) for each in chosen
    )


def _tasks(draw: random.Random) -> tuple[TaskDraft, ...]:
    costs = draw.sample([1e-6, 0.01, 0.1, 1 / 3, 0.5, 0.999], draw.randint(1, 3))
    return tuple(TaskDraft(f"{cost:g}", cost) for cost in (*costs, 1.0))


def _double(name: str, draw: random.Random) -> ParameterDraft:
    low = draw.choice(_LOWS)
    high = low + draw.choice(_WIDTHS)
    # So near to a large number there is no other one.
    high = high if high - low >= 1e-8 else low + 1.0
    return ParameterDraft(name, "double", bounds=(low, high))


def _believed(name: str, draw: random.Random) -> ParameterDraft:
    parameter = _double(name, draw)
    low, high = _ends(parameter)
    mean = low + draw.random() * (high - low)
    normal = PriorDraft("normal", {"mean": mean, "scale": draw.choice([1e-3, 0.3, 1e3])})
    shapes = {"shape_a": draw.choice([0.1, 1.0, 7.0]), "shape_b": draw.choice([0.5, 2.0])}
    return replace(parameter, prior=draw.choice([normal, PriorDraft("beta", shapes)]))


def _scaled(name: str, draw: random.Random) -> ParameterDraft:
    bounds = draw.choice([(1e-300, 1e-6), (1e-6, 1e300), (1e-5, 1e-1), (1.0, 1.1)])
    return ParameterDraft(name, "double", bounds=bounds, log=True)


def _int(name: str, draw: random.Random) -> ParameterDraft:
    low, high = sorted(draw.sample(_INT_ENDS, 2))
    return ParameterDraft(name, "int", bounds=(float(low), float(high)))


def _scaled_int(name: str, draw: random.Random) -> ParameterDraft:
    high = draw.choice([2.0, 1024.0, float(_LARGEST)])
    return ParameterDraft(name, "int", bounds=(1.0, high), log=True)


def _gridded(name: str, draw: random.Random) -> ParameterDraft:
    if draw.random() < 0.5:
        grid = tuple(map(float, draw.sample(range(-9, 99), draw.randint(2, 5))))
        return ParameterDraft(name, "int", grid=grid)
    grid = tuple(draw.sample([1e-9, 0.1, 0.5, 1.0, 2.25, 1e9], draw.randint(2, 5)))
    return ParameterDraft(name, "double", grid=grid, log=draw.random() < 0.5)


def _categorical(name: str, draw: random.Random) -> ParameterDraft:
    values = tuple(draw.sample(_WORDS, draw.randint(2, 6)))
    ordered = draw.random() < 0.5
    return ParameterDraft(name, "categorical", categorical_values=values, ordered=ordered)


def _bool(name: str, _draw: random.Random) -> ParameterDraft:
    return ParameterDraft(name, "bool")


_KINDS: tuple[Callable[[str, random.Random], ParameterDraft], ...] = (
    _double,
    _double,
    _int,
    _int,
    _believed,
    _scaled,
    _scaled_int,
    _gridded,
    _categorical,
    _bool,
)


def _metrics(draw: random.Random) -> tuple[MetricDraft, ...]:
    optimized = draw.choice([0, 1, 1, 1, 2, 3, 5])
    bounded = optimized > 1 and draw.random() < 0.5
    metrics = [
        MetricDraft(f"m{number}", draw.choice([*Objective]), threshold=0.0 if bounded else None)
        for number in range(optimized)
    ]
    limits = [Strategy.CONSTRAINT] * draw.choice([0, 0, 1, 2] if optimized else [1, 2, 3])
    for number, strategy in enumerate([*limits, *draw.choice([[], [Strategy.STORE]])]):
        threshold = draw.uniform(-1, 1) if strategy is Strategy.CONSTRAINT else None
        metrics.append(MetricDraft(f"n{number}", draw.choice([*Objective]), strategy, threshold))
    return tuple(metrics)


def _constraints(
    parameters: tuple[ParameterDraft, ...], draw: random.Random
) -> tuple[ConstraintDraft, ...]:
    """Return up to three constraints, at most one of them an equality, which a point satisfies."""
    linear = [each for each in parameters if each.bounds is not None and not each.log]
    if len(linear) < 2:
        return ()
    place = {each.name: _inside(each, draw) for each in linear}
    count = draw.choice([0, 0, 1, 2, 3])
    comparisons = [draw.choice(_COMPARISONS[:2]) for _ in range(count)]
    if comparisons and draw.random() < 0.3:
        comparisons[0] = Comparison.EQUAL
    made = [_constraint(linear, place, each, draw) for each in comparisons]
    return tuple(each for each in made if math.isfinite(each.threshold or 0.0))


def _constraint(
    linear: list[ParameterDraft],
    place: dict[str, float],
    comparison: Comparison,
    draw: random.Random,
) -> ConstraintDraft:
    chosen = draw.sample(linear, draw.randint(2, len(linear)))
    terms = tuple(TermDraft(each.name, draw.choice(_WEIGHTS)) for each in chosen)
    products = [(each.weight or 0.0) * place[each.name] for each in terms]
    slack = draw.choice([0.1, 0.5]) * max(map(abs, products))
    away = {Comparison.LESS_THAN: slack, Comparison.GREATER_THAN: -slack, Comparison.EQUAL: 0.0}
    return ConstraintDraft(comparison, terms, math.fsum(products) + away[comparison])


def _inside(parameter: ParameterDraft, draw: random.Random) -> float:
    low, high = _ends(parameter)
    if parameter.type == "int":
        return float(draw.randint(int(low), int(high)))
    return min(max(low + draw.random() * (high - low), low), high)


def _ends(parameter: ParameterDraft) -> tuple[float, float]:
    low, high = parameter.bounds or (None, None)
    assert low is not None
    assert high is not None
    return low, high
