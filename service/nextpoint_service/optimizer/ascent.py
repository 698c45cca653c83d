"""Ax's acquisition, whose maximum is looked for around the best points as well.

Its peak near these is narrow: samples of the whole space miss it, and a search that begins at them
ends elsewhere.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from ax.core.search_space import SearchSpaceDigest
from ax.generators.torch.botorch_modular.acquisition import Acquisition
from ax.generators.torch.utils import extract_objectives
from ax.generators.torch_base import TorchOptConfig
from botorch.acquisition.acquisition import AcquisitionFunction
from botorch.acquisition.logei import qLogProbabilityOfFeasibility
from botorch.exceptions.errors import CandidateGenerationError, InfeasibilityError
from botorch.generation.gen import gen_candidates_scipy
from botorch.models.model import Model
from botorch.optim.initializers import sample_points_around_best
from torch import Tensor

Row = tuple[Tensor, Tensor, float]
"""A linear constraint: columns, their weights, and what the weighted sum is at least, or equals."""

_SCALES = (0.1, 0.03, 0.01, 0.003, 0.001)
"""How far from the best points to look, as shares of the ranges."""
_EACH = 16
_TOGETHER = 20
"""Points that are looked at in one go: with many objectives each takes much memory."""
_WIDE = 1.1
"""How far below the best that is known a threshold is that nobody said, as a share of the range."""
_NARROW = 0.75
"""The same for a search that leaves out the ends of the frontier."""
_STEPS = 60
_TOLERANCE = 1e-8


class ThoroughAcquisition(Acquisition):
    """Ax's acquisition; what it returns is never worse than what is around the best points.

    The frontier's ends, as far as anything is known, count where `options["widely"]` says so.
    """

    def optimize(  # type: ignore[override]  # the generator says everything by name
        self,
        n: int,
        search_space_digest: SearchSpaceDigest,
        **options: Any,  # noqa: ANN401  what Ax makes of it
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return points, one after the other, the value of each, and weights, which are 1."""
        pending = self.acqf.X_pending
        tried = [each for each in (self.X_observed, pending) if each is not None]
        points: list[Tensor] = []
        values: list[Tensor] = []
        for _ in range(n):
            if points:
                self._condition_on_prev_candidates(torch.cat(points), pending)
            around = Surroundings(
                self.acqf,
                search_space_digest,
                options.get("inequality_constraints") or [],
                options.get("equality_constraints") or [],
                options.get("fixed_features") or {},
                options.get("rounding_func"),
            )
            try:
                found, _, _ = super().optimize(1, search_space_digest, **options)
            except (CandidateGenerationError, InfeasibilityError):
                # Of a region that is thin, or empty at most whole numbers, Ax finds no point.
                found = around.points()
                if not len(found):
                    raise
            point, value = around.improved(found, [*tried, *points])
            points.append(point)
            values.append(value)
        return torch.cat(points), torch.stack(values), torch.ones(n, dtype=self.dtype)

    def _construct_botorch_acquisition(
        self,
        botorch_acqf_class: type[AcquisitionFunction],
        botorch_acqf_options: dict[str, Any],
        model: Model,
    ) -> AcquisitionFunction:
        """Return the function; the options are those of what Ax was expected to maximize."""
        # A point may satisfy a threshold, and its value no more once Ax has drawn in extremes.
        if issubclass(botorch_acqf_class, qLogProbabilityOfFeasibility):
            botorch_acqf_options = {}
        return super()._construct_botorch_acquisition(
            botorch_acqf_class, botorch_acqf_options, model
        )

    def _update_objective_thresholds(self, torch_opt_config: TorchOptConfig) -> None:
        """Know a threshold of every objective, from what is known where nobody said one.

        Ax infers it from the frontier, of which there may be nothing that is expected to satisfy
        the constraints, or a single point: then nothing but what is better than that in everything
        would count, and the search would stay.
        """
        said = self._objective_thresholds
        super()._update_objective_thresholds(torch_opt_config)
        if not torch_opt_config.is_moo or self.X_observed is None:
            return
        columns, weights = extract_objectives(self._objective_weights)
        missing = torch.full((len(columns),), torch.nan, dtype=self.dtype)
        said = missing if said is None else said
        if not said.isnan().any():
            return
        inferred = missing if self._objective_thresholds is None else self._objective_thresholds
        with torch.no_grad():
            known = self._model.posterior(self.X_observed)
        means = known.mean[:, columns] * weights  # type: ignore[attr-defined]  # Gaussian
        best = means.max(dim=0).values
        ranges = best - means.min(dim=0).values
        inferred = torch.where(inferred.isnan(), best - _WIDE * ranges, inferred)
        inferred = torch.minimum(
            inferred, best - (_WIDE if self.options["widely"] else _NARROW) * ranges
        )
        self._objective_thresholds = torch.where(said.isnan(), inferred, said)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an acquisition is around the best points of a search space.

    Weighted sums are at least what `inequalities` say, and equal to what `equalities` say.
    """

    acquisition: AcquisitionFunction
    digest: SearchSpaceDigest
    inequalities: list[Row]
    equalities: list[Row]
    fixed: dict[int, float]
    rounded: Callable[[Tensor], Tensor] | None

    def improved(self, found: Tensor, tried: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Return the best of a point, those around the best, and a top above these; and its value.

        Points that were tried, a row each, are left out.
        """
        points = torch.cat([found, self._untried(self.points(), tried)])
        values = self.values(points)
        best = int(values.argmax())
        if best > 0:
            top = self._untried(self._climbed(points[best : best + 1]), tried)
            points = torch.cat([points[best : best + 1], top])
            values = self.values(points)
            best = int(values.argmax())
        return points[best : best + 1], values[best]

    def points(self) -> Tensor:
        """Return feasible points around the best at several scales, a row each."""
        bounds = torch.tensor(self.digest.bounds, dtype=torch.double).t()
        # What has one value has no range to be scaled by.
        wide = torch.stack(
            [bounds[0], torch.where(bounds[0] < bounds[1], bounds[1], bounds[0] + 1)]
        )
        made = [
            sample_points_around_best(self.acquisition, _EACH, scale, wide) for scale in _SCALES
        ]
        points = torch.cat([each for each in made if each is not None])
        for column, value in self.fixed.items():
            points[:, column] = value
        return self._settled(self._moved(points))

    def values(self, points: Tensor) -> Tensor:
        """Return the acquisition at each of the points."""
        with torch.no_grad():
            pieces = torch.split(points, _TOGETHER)
            return torch.cat([self.acquisition(some[:, None]) for some in pieces])

    def _moved(self, points: Tensor) -> Tensor:
        """Return the points with discrete columns at one of their values, some at another one."""
        for column, choices in self.digest.discrete_choices.items():
            values = torch.tensor([*choices], dtype=points.dtype)
            nearest = (points[:, column, None] - values).abs().argmin(dim=1)
            others = torch.randint(len(values), nearest.shape)
            moves = torch.rand(len(points)) * len(self.digest.discrete_choices) < 0.5
            points[:, column] = values[torch.where(moves, others, nearest)]
        return points

    def _settled(self, points: Tensor) -> Tensor:
        """Return what is left of the points after equalities, rounding and inequalities."""
        if self.equalities:
            matrix = torch.zeros(len(self.equalities), points.shape[1], dtype=points.dtype)
            for row, (columns, weights, _) in enumerate(self.equalities):
                matrix[row, columns] = weights.to(points)
            matrix[:, [*self.digest.discrete_choices]] = 0.0
            missing = torch.stack(
                [
                    total - points[:, columns] @ weights.to(points)
                    for columns, weights, total in self.equalities
                ]
            )
            points = points + (torch.linalg.pinv(matrix) @ missing).t()
        bounds = torch.tensor(self.digest.bounds, dtype=points.dtype).t()
        inside = ((points >= bounds[0]) & (points <= bounds[1])).all(dim=1)
        points = points[inside]
        if self.rounded is not None and len(points):
            points = self.rounded(points)
        return points[self._holds(points)]

    def _holds(self, points: Tensor) -> Tensor:
        held = torch.ones(len(points), dtype=torch.bool)
        for columns, weights, least in self.inequalities:
            held &= points[:, columns] @ weights.to(points) >= least - _TOLERANCE
        for columns, weights, total in self.equalities:
            held &= (points[:, columns] @ weights.to(points) - total).abs() <= _TOLERANCE
        return held

    def _untried(self, points: Tensor, tried: list[Tensor]) -> Tensor:
        for each in tried:
            points = points[~(points[:, None] == each[None]).all(dim=2).any(dim=1)]
        return points

    def _climbed(self, start: Tensor) -> Tensor:
        """Return the top above a point, along the columns that are real numbers."""
        still = {column: float(start[0, column]) for column in self.digest.discrete_choices}
        still |= self.fixed
        if len(still) == start.shape[1]:
            return start
        # A sum of what stays is as it was; BoTorch would refuse one that rounding took too far.
        unequal, equal = (
            [row for row in rows if not still.keys() >= {*row[0].tolist()}]
            for rows in (self.inequalities, self.equalities)
        )
        bounds = torch.tensor(self.digest.bounds, dtype=start.dtype).t()
        top, _ = gen_candidates_scipy(
            start[None],
            self.acquisition,
            bounds[0],
            bounds[1],
            inequality_constraints=unequal or None,
            equality_constraints=equal or None,
            options={"maxiter": _STEPS},
            fixed_features=still or None,
        )
        return self._settled(top[0].detach())
