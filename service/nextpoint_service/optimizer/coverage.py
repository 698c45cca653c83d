"""Makes points that cover the region in which all constraints are satisfied.

Malkomes, Cheng, Lee and McCourt (2021), "Beyond the Pareto efficient frontier: constraint active
search for multiobjective experimental design": the next point is the one within whose radius the
largest volume is expected that satisfies the constraints and that no point covers yet. Here only
points that satisfy them cover, so that it counts as much as the point itself is expected to.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from nextpoint_service.application.optimizer_port import Problem
from nextpoint_service.domain.observation import is_eligible
from nextpoint_service.domain.suggestion import Proposal
from nextpoint_service.optimizer.arrays import Array
from nextpoint_service.optimizer.candidates import CENTRES, around, spread_out
from nextpoint_service.optimizer.encoding import AxisKind
from nextpoint_service.optimizer.layout import Layout
from nextpoint_service.optimizer.learning import Models, log_satisfaction, rows_at
from nextpoint_service.optimizer.priors import USUAL_BUDGET, Guide
from nextpoint_service.optimizer.search import Found, guide_of, propose_by

_SPREAD = 1024
_AROUND = 6
_FINALISTS = 48
_BALL = 64
_REFINED = 4
_SMALLEST_SHARE = 1e-4
"""The least share of the space that is taken to satisfy the constraints."""
_WIDEST = 0.9
"""The largest radius: another category is at a distance of 1, and has to be covered by itself."""
_HALVINGS = 10
_COVERED = 0.05
"""Where no point gains more than this share of what it could, the radius is too large."""
_TINY = 1e-300


def propose(problem: Problem, *, most_observations: int) -> list[Proposal]:
    """Return points from which most uncovered volume is expected; equal problems, equal points.

    The radius is such that as many balls as the budget has observations fill the volume that is
    expected to satisfy the constraints, and smaller where that is covered already.
    """
    return propose_by(_search, problem, most_observations=most_observations)


@dataclass(frozen=True, slots=True)
class _Gain:
    """How much a point is expected to cover; `ball` are places around it, for a radius of 1."""

    learned: Models
    guide: Guide
    covering: Array
    ball: Array
    radius: float

    def likelihood(self, rows: Array) -> Array:
        """Return the logarithm of how likely each row satisfies the constraints."""
        return log_satisfaction(self.learned, rows) + self.guide.weights(rows)

    def values(self, rows: Array) -> Array:
        """Return the logarithm of the share of the ball around each row that it would cover."""
        layout = self.learned.layout
        balls = (rows[:, None, :] + self.radius * self.ball).reshape(-1, layout.width)
        inside = ((balls >= 0.0) & (balls <= 1.0))[:, layout.free].all(axis=1)
        balls = layout.snapped(balls)
        inside &= layout.holds(balls)
        inside &= _distance(balls, self.covering) > self.radius
        gains = np.zeros(len(balls))
        if inside.any():
            gains[inside] = np.exp(log_satisfaction(self.learned, balls[inside]))
        covered = gains.reshape(len(rows), len(self.ball)).mean(axis=1)
        return np.asarray(self.likelihood(rows) + np.log(covered + _TINY))


def _search(problem: Problem, learned: Models, random: np.random.Generator) -> Found:
    layout = learned.layout
    guide = guide_of(problem, layout)
    satisfying = rows_at(
        layout,
        [
            each.assignments
            for each in problem.observations
            if is_eligible(problem.experiment, each)
        ],
    )
    everywhere = spread_out(layout, guide.priors, count=_SPREAD, random=random)
    centres = _centres(learned, satisfying, random)
    rows = np.vstack([everywhere, around(layout, centres, each=_AROUND, random=random)])
    gain = _Gain(
        learned,
        guide,
        np.vstack([satisfying, rows_at(layout, problem.pending)]),
        _ball(layout, random),
        _radius(problem, layout, log_satisfaction(learned, everywhere)),
    )
    likely = gain.likelihood(rows)
    for _ in range(_HALVINGS):
        found, values = _best(gain, rows, likely)
        if values[0] > 2.0 * likely.max() + math.log(_COVERED):
            break
        gain = replace(gain, radius=gain.radius / 2.0)
    near = around(layout, found[:_REFINED], each=1, random=random)
    rows = np.vstack([found, near])
    order = np.argsort(-np.concatenate([values, gain.values(near)]), kind="stable")
    return Found(rows[order], gain.values, "GP expected coverage improvement")


def _best(gain: _Gain, rows: Array, likelihood: Array) -> tuple[Array, Array]:
    """Return the most promising rows and their values; balls are looked into for a few of them."""
    room = np.minimum(_distance(rows, gain.covering) / (2.0 * gain.radius), 1.0)
    finalists = np.argsort(-(likelihood + np.log(room + 1e-6)), kind="stable")[:_FINALISTS]
    values = gain.values(rows[finalists])
    order = np.argsort(-values, kind="stable")
    return rows[finalists[order]], values[order]


def _centres(learned: Models, satisfying: Array, random: np.random.Generator) -> Array:
    """Return where to look around: some that satisfy the constraints, or nearly do."""
    if len(satisfying):
        return satisfying[random.permutation(len(satisfying))[:CENTRES]]
    likely = log_satisfaction(learned, learned.rows)
    return learned.rows[np.argsort(-likely, kind="stable")[:CENTRES]]


def _radius(problem: Problem, layout: Layout, likelihood: Array) -> float:
    """Return the radius of balls that fill what is expected to satisfy the constraints."""
    numeric = [each for each in layout.axes if each.kind is not AxisKind.CHOICE]
    dimension = len(numeric)
    if not dimension:
        return _WIDEST / 2.0
    share = max(float(np.exp(likelihood).mean()), _SMALLEST_SHARE)
    copies = sum(math.log(each.count) for each in layout.axes if each.kind is AxisKind.CHOICE)
    unit_ball = 0.5 * dimension * math.log(math.pi) - math.lgamma(0.5 * dimension + 1.0)
    budget = math.log(problem.experiment.budget or USUAL_BUDGET)
    return min(math.exp((math.log(share) + copies - budget - unit_ball) / dimension), _WIDEST)


def _ball(layout: Layout, random: np.random.Generator) -> Array:
    """Return steps within the ball of radius 1, which keep categories and equalities."""
    choices = [each.kind is AxisKind.CHOICE for each in layout.axes]
    moving = ~np.array(choices)[layout.group]
    steps = random.standard_normal((_BALL, layout.width)) * moving
    if (bounded := layout.bounded) is not None:
        axes = bounded.inside.axes
        flat = axes @ np.linalg.pinv(axes)
        steps[:, bounded.columns] = steps[:, bounded.columns] @ flat.T
    lengths = np.linalg.norm(steps, axis=1, keepdims=True)
    dimension = max(int(moving.sum()), 1)
    reach = random.random((_BALL, 1)) ** (1.0 / dimension)
    return np.asarray(steps / np.maximum(lengths, _TINY) * reach)


def _distance(rows: Array, others: Array) -> Array:
    """Return for each row how far the nearest of the others is."""
    if not len(others):
        return np.full(len(rows), np.inf)
    squares = (rows**2).sum(axis=1)[:, None] + (others**2).sum(axis=1) - 2.0 * rows @ others.T
    return np.asarray(np.sqrt(np.maximum(squares.min(axis=1), 0.0)))
