"""What models of our own learn from the observations of an experiment."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from nextpoint_service.domain.assignments import Assignments
from nextpoint_service.domain.experiment import Experiment
from nextpoint_service.domain.observation import Observation
from nextpoint_service.domain.suggestion import Prediction
from nextpoint_service.optimizer.arrays import Array, in_pieces
from nextpoint_service.optimizer.dominance import least_dominated_first
from nextpoint_service.optimizer.encoding import encodable
from nextpoint_service.optimizer.fidelity import moved_to_full, place_of, with_place
from nextpoint_service.optimizer.layout import Layout, layout_of
from nextpoint_service.optimizer.not_fitted import NOTHING_IN_THE_SPACE, NotFitted
from nextpoint_service.optimizer.outcomes import chosen, data_of, outcomes_of
from nextpoint_service.optimizer.surrogate import Surrogate, surrogate_of
from nextpoint_service.optimizer.transfer import surrogate_with_tasks

PENALTY = 10.0
"""What a constraint that is missed by one standard deviation costs, in those of the metric."""


@dataclass(frozen=True, slots=True)
class Models:
    """Models of the outcomes, and the observations that they know, with their rows.

    `indexes` are their places among all observations. With tasks rows have a column more than the
    layout: see `fidelity`.
    """

    layout: Layout
    observations: tuple[Observation, ...]
    indexes: NDArray[np.int64]
    rows: Array
    surrogates: tuple[Surrogate, ...]

    @property
    def optimized(self) -> Surrogate:
        """Return the model of what is optimized, of which there is one."""
        return next(each for each in self.surrogates if each.outcome.optimized)

    @property
    def has_tasks(self) -> bool:
        """Whether the rows have the column of the task."""
        return bool(self.rows.shape[1] > self.layout.width)

    @property
    def succeeded(self) -> Array:
        """Return the rows of the observations that did not fail."""
        succeeded = [not each.failed for each in self.observations]
        return np.asarray(self.rows[np.array(succeeded, dtype=bool)])


def learn(experiment: Experiment, observations: Sequence[Observation], most: int) -> Models:
    """Return what is learned from at most so many observations that have a place in the space.

    Raises NotFitted.
    """
    layout = layout_of(experiment.space)
    outcomes = outcomes_of(experiment, observations)
    index_of = {id(each): index for index, each in enumerate(observations)}
    taught = chosen(outcomes, observations, most)
    found = [
        (taught[index], encoded)
        for index, encoded in encodable(layout.axes, (each.assignments for each in taught))
    ]
    if not found:
        raise NotFitted(NOTHING_IN_THE_SPACE)
    # The full ones first, so that searches find them by their indexes.
    found.sort(key=lambda each: not each[0].is_full)
    kept = [each for each, _ in found]
    rows = layout.embedded([each for _, each in found])
    group = layout.group
    if tasks := experiment.tasks:
        rows = with_place(rows, np.array([place_of(tasks, each.task) for each in kept]))
        group = np.append(group, len(layout.axes))
    data = data_of(outcomes, kept)
    surrogates = []
    for outcome in outcomes:
        own = [each for each in data if each.outcome == outcome.name]
        there = rows[[each.observation for each in own]]
        if tasks and outcome.metric is None:
            # Where a cheap evaluation fails, so does a full one, and most likely the other way.
            there = moved_to_full(there)
        values = np.array([each.value for each in own])
        stddevs = np.array([each.stddev for each in own])
        model_of = surrogate_with_tasks if tasks and outcome.optimized else surrogate_of
        surrogates.append(model_of(outcome, there, values, stddevs, group))
    indexes = np.array([index_of[id(each)] for each in kept], dtype=np.int64)
    return Models(layout, tuple(kept), indexes, rows, tuple(surrogates))


def rows_at(layout: Layout, points: Iterable[Assignments]) -> Array:
    """Return the rows of the points that have a place in the space."""
    return layout.embedded([encoded for _, encoded in encodable(layout.axes, points)])


def believing(learned: Models, rows: Array) -> Models:
    """Return the models as if what they expect at the rows had been measured there."""
    return replace(learned, surrogates=tuple(each.believing(rows) for each in learned.surrogates))


def modest(learned: Models) -> tuple[Surrogate, ...]:
    """Return the models as if, where evaluations fail, nothing outstanding had been measured.

    Towards an edge beyond which they fail a metric may get better and better: what is expected
    beyond it would outweigh any probability to fail. Failures where success is likely all the same
    suppose nothing.
    """
    success = next((each for each in learned.surrogates if each.outcome.metric is None), None)
    if success is None:
        return learned.surrogates
    failed = np.array([each.failed for each in learned.observations], dtype=bool)
    rows = learned.rows[failed]
    if learned.has_tasks:
        # Nothing outstanding of a full evaluation, whichever failed.
        rows = moved_to_full(rows)
    rows = rows[success.posterior.means_at(rows)[:, 0] < success.floor]
    return tuple(
        each.supposing_no_more(rows) if each.outcome.optimized else each
        for each in learned.surrogates
    )


def log_satisfaction(learned: Models, rows: Array) -> Array:
    """Return the logarithm of how likely each row satisfies all constraints and does not fail."""
    return in_pieces(partial(_log_satisfaction, learned), rows)


def _log_satisfaction(learned: Models, rows: Array) -> Array:
    total = np.zeros(len(rows))
    for each in learned.surrogates:
        if each.outcome.floor is not None:
            moments = each.posterior.moments(rows)
            total += log_ndtr((moments.means[:, 0] - each.floor) / moments.stddev)
    return total


def merit(learned: Models, rows: Array) -> Array:
    """Return what is expected of the only optimized metric, less where constraints are missed."""
    return np.asarray(_merits(learned, rows).sum(axis=0))


def _merits(learned: Models, rows: Array) -> Array:
    """Return that of each optimized metric: metrics x rows."""
    penalty = np.zeros(len(rows))
    merits = []
    for each in learned.surrogates:
        means = each.posterior.means_at(rows)[:, 0]
        if each.outcome.optimized:
            merits.append(means)
        elif each.outcome.floor is not None:
            penalty += PENALTY * np.maximum(each.floor - means, 0.0)
    return np.array(merits) - penalty


def best_first(learned: Models, rows: Array) -> Array:
    """Return the rows in another order: those first that have most merit.

    Of two objectives those that fewest others dominate.
    """
    merits = _merits(learned, rows)
    return np.asarray(rows[least_dominated_first(merits)])


def predictions(learned: Models, rows: Array) -> list[dict[str, Prediction]]:
    """Return what is expected of the metrics at each row."""
    found: list[dict[str, Prediction]] = [{} for _ in rows]
    for each in learned.surrogates:
        if each.outcome.metric is None:
            continue
        moments = each.posterior.moments(rows)
        for prediction, mean, stddev in zip(
            found, moments.means[:, 0], moments.stddev, strict=True
        ):
            middle, spread = each.in_own_unit(float(mean), float(stddev))
            prediction[each.outcome.metric.name] = Prediction(each.outcome.sign * middle, spread)
    return found
