"""What models of our own learn from the observations of an experiment."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from nextpoint_service.domain.experiment import Experiment
from nextpoint_service.domain.observation import Observation
from nextpoint_service.domain.search_space import Assignments
from nextpoint_service.domain.suggestion import Prediction
from nextpoint_service.optimizer.encoding import NotEncodable, encode
from nextpoint_service.optimizer.fit import Data
from nextpoint_service.optimizer.outcomes import chosen, data_of, outcomes_of
from nextpoint_service.optimizer.places import Places, places_of
from nextpoint_service.optimizer.posterior import posterior
from nextpoint_service.optimizer.region import Array
from nextpoint_service.optimizer.surrogate import Surrogate, surrogate_of

_CHUNK = 256
"""Rows that are looked at in one go; more do not fit into the cache."""


@dataclass(frozen=True, slots=True)
class Learned:
    """Models of the outcomes, and the observations that they know, with their rows.

    `indexes` are their places among all observations.
    """

    places: Places
    observations: tuple[Observation, ...]
    indexes: NDArray[np.int64]
    rows: Array
    surrogates: tuple[Surrogate, ...]


def learn(experiment: Experiment, observations: Sequence[Observation], most: int) -> Learned:
    """Return what is learned from at most so many observations that have a place in the space."""
    places = places_of(experiment.space)
    outcomes = outcomes_of(experiment, observations)
    index_of = {id(each): index for index, each in enumerate(observations)}
    found = []
    for each in chosen(outcomes, observations, most):
        with suppress(NotEncodable):
            found.append((each, encode(places.axes, each.assignments)))
    kept = [each for each, _ in found]
    rows = places.embedded([each for _, each in found])
    data = data_of(outcomes, kept)
    surrogates = []
    for outcome in outcomes:
        own = [each for each in data if each.outcome == outcome.name]
        surrogates.append(
            surrogate_of(
                outcome,
                rows[[each.observation for each in own]],
                np.array([each.value for each in own]),
                np.array([each.stddev for each in own]),
                places.group,
            )
        )
    indexes = np.array([index_of[id(each)] for each in kept], dtype=np.int64)
    return Learned(places, tuple(kept), indexes, rows, tuple(surrogates))


def rows_at(places: Places, points: Iterable[Assignments]) -> Array:
    """Return the rows of the points that have a place in the space."""
    found = []
    for each in points:
        with suppress(NotEncodable):
            found.append(encode(places.axes, each))
    return places.embedded(found)


def believing(learned: Learned, rows: Array) -> Learned:
    """Return the models as if what they expect at the rows had been measured there."""
    if not len(rows):
        return learned
    return replace(learned, surrogates=tuple(_believing(each, rows) for each in learned.surrogates))


def _believing(surrogate: Surrogate, rows: Array) -> Surrogate:
    known = surrogate.data
    noise = None
    if known.noise is not None:
        noise = np.append(known.noise, np.full(len(rows), np.median(known.noise)))
    values = np.append(known.values, surrogate.posterior.means_at(rows)[:, 0])
    data = Data(np.vstack([known.points, rows]), values, known.group, noise)
    return replace(surrogate, data=data, posterior=posterior(data, surrogate.learned))


def log_satisfaction(learned: Learned, rows: Array) -> Array:
    """Return the logarithm of how likely each row satisfies all constraints and does not fail."""
    total = np.zeros(len(rows))
    for each in learned.surrogates:
        if each.outcome.floor is not None:
            for first in range(0, len(rows), _CHUNK):
                piece = slice(first, first + _CHUNK)
                moments = each.posterior.moments(rows[piece])
                total[piece] += log_ndtr((moments.means[:, 0] - each.floor) / moments.stddev)
    return total


def predictions(learned: Learned, rows: Array) -> list[dict[str, Prediction]]:
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
