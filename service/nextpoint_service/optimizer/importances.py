"""Which parameters move a metric: the importances of extremely randomized trees.

Geurts, Ernst and Wehenkel (2006), "Extremely randomized trees": every parameter proposes one
random split of a node, the best of them is made, and what it takes from the variance is credited
to its parameter. Trees need no scale of their own and see what no smooth model does.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nextpoint_service.application.optimizer_port import Importances, Studied
from nextpoint_service.domain.assignments import Value
from nextpoint_service.domain.observation import Observation
from nextpoint_service.domain.search_space import BoolParameter, CategoricalParameter, Parameter
from nextpoint_service.optimizer.arrays import Array

_TREES = 100
_TREES_TOGETHER = 1000
"""Of many metrics each has fewer trees, so that all of them take seconds."""
_SMALLEST_SPLIT = 5
_SMALLEST_SHARE = 0.02
"""A node of fewer observations than that, or than this share of all, is a leaf: noise splits it."""


def importances_of(studied: Studied, *, most_observations: int) -> Importances:
    """Return by metric and parameter the share in the variance that the trees explain.

    Of more observations than asked for, some from all times are looked at. What tasks explain is
    left out.
    """
    observations = _thinned(studied.observations, most_observations)
    parameters = studied.experiment.space.parameters
    columns = [_column(each, observations) for each in parameters]
    unordered = np.array(
        [isinstance(each, CategoricalParameter) and not each.ordered for each in parameters]
    )
    if studied.experiment.tasks:
        columns.append(_costs(observations))
        unordered = np.append(unordered, False)
    features = np.stack(columns, axis=1)
    metrics = studied.experiment.metrics
    trees = min(_TREES, _TREES_TOGETHER // len(metrics))
    found = {}
    for index, metric in enumerate(metrics):
        values = np.array([each.values[metric.name].value for each in observations])
        random = np.random.default_rng((studied.seed, index))
        credit = _credit(features, unordered, values, random, trees=trees)[: len(parameters)]
        total = credit.sum()
        shares = credit / total if total else credit
        names = (parameter.name for parameter in parameters)
        found[metric.name] = dict(zip(names, shares.tolist(), strict=True))
    return found


def _thinned(observations: Sequence[Observation], most: int) -> Sequence[Observation]:
    if len(observations) <= most:
        return observations
    return [observations[len(observations) * each // most] for each in range(most)]


def _column(parameter: Parameter, observations: Sequence[Observation]) -> Array:
    """Return where the observations lie; those that lack the parameter lie below all others."""
    values = [each.assignments.get(parameter.name) for each in observations]
    places = [math.nan if value is None else _place(parameter, value) for value in values]
    column = np.array(places)
    present = column[~np.isnan(column)]
    if not len(present):
        return np.zeros(len(observations))
    width = max(float(present.max() - present.min()), 1.0)
    column[np.isnan(column)] = present.min() - width
    return column


def _place(parameter: Parameter, value: Value) -> float:
    match parameter:
        case CategoricalParameter(values=values):
            # A value that was removed since is one more.
            return float(values.index(str(value)) if value in values else len(values))
        case BoolParameter():
            return float(value)
    number = float(value)
    return math.log(number) if parameter.log and number > 0.0 else number


def _costs(observations: Sequence[Observation]) -> Array:
    return np.array([1.0 if each.task is None else each.task.cost for each in observations])


def _credit(
    features: Array,
    unordered: NDArray[np.bool_],
    values: Array,
    random: np.random.Generator,
    *,
    trees: int,
) -> Array:
    scale = float(np.abs(values).max())
    # Squares of huge values would overflow, and the scale of a metric means nothing here.
    scaled = values / scale if scale else values
    credit = np.zeros(features.shape[1])
    for _ in range(trees):
        places = features.copy()
        for column in np.flatnonzero(unordered):
            places[:, column] = _shuffled(features[:, column], random)
        credit += _grown(places, scaled - scaled.mean(), random)
    return credit


def _shuffled(column: Array, random: np.random.Generator) -> Array:
    """Return the column with new numbers for its values, so that a split takes any of them."""
    distinct, place = np.unique(column, return_inverse=True)
    return np.asarray(random.permutation(len(distinct))[place], dtype=float)


def _grown(features: Array, values: Array, random: np.random.Generator) -> Array:
    """Grow a tree; return by how much each parameter's splits lowered the sum of squares."""
    credit = np.zeros(features.shape[1])
    smallest = max(_SMALLEST_SPLIT, _SMALLEST_SHARE * len(values))
    nodes = [np.arange(len(values))]
    while nodes:
        rows = nodes.pop()
        here, there = features[rows], values[rows]
        if len(rows) < smallest or np.ptp(there) == 0.0:
            continue
        low, high = here.min(axis=0), here.max(axis=0)
        left = here <= low + (high - low) * random.random(len(low))
        gains = _gains(left, there)
        column = int(gains.argmax())
        if gains[column] <= 0.0:
            continue
        credit[column] += gains[column]
        nodes += [rows[left[:, column]], rows[~left[:, column]]]
    return credit


def _gains(left: NDArray[np.bool_], values: Array) -> Array:
    """Return for each split, one a column, by how much it lowers the sum of squares."""
    count, total = len(values), values.sum()
    counts = left.sum(axis=0)
    sums = values @ left
    parted = (counts > 0) & (counts < count)
    one, other = np.where(parted, counts, 1), np.where(parted, count - counts, 1)
    gains = sums**2 / one + (total - sums) ** 2 / other - total**2 / count
    return np.where(parted, gains, 0.0)
