"""Weighs what a model expects of a point with the priors of the parameters."""

from collections.abc import Mapping, Sequence
from typing import Any, assert_never

import torch
from botorch.acquisition.acquisition import AcquisitionFunction
from botorch.models.model import Model
from torch import Tensor

from nextpoint_service.domain.search_space import BetaPrior, NormalPrior, Prior
from nextpoint_service.optimizer.ascent import ThoroughAcquisition
from nextpoint_service.optimizer.priors import EDGE, Guide, beta_peak


class GuidedAcquisition(ThoroughAcquisition):
    """Ax's acquisition, whose function `options["guide"]` weighs.

    The columns of the guide are those of `options["names"]`.
    """

    def _construct_botorch_acquisition(
        self,
        botorch_acqf_class: type[AcquisitionFunction],
        botorch_acqf_options: dict[str, Any],
        model: Model,
    ) -> AcquisitionFunction:
        guide: Guide = self.options["guide"]
        names: Sequence[str] = self.options["names"]
        columns = self.search_space_digest.feature_names
        return GuidedFunction(
            super()._construct_botorch_acquisition(botorch_acqf_class, botorch_acqf_options, model),
            {columns.index(names[index]): prior for index, prior in guide.priors.items()},
            guide.exponent,
        )


class GuidedFunction(AcquisitionFunction):
    """The logarithm of an acquisition times a power of the priors' density.

    In everything else it is the function that it weighs: optimizers look at its baseline, its
    objective and its pending points.
    """

    def __init__(
        self, weighed: AcquisitionFunction, priors: Mapping[int, Prior], exponent: float
    ) -> None:
        super().__init__(weighed.model)
        self.weighed = weighed
        self._priors = priors
        self._exponent = exponent

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("weighed"), name)

    def set_X_pending(self, X_pending: Tensor | None = None) -> None:  # noqa: N802, N803  BoTorch's
        """Have the weighed function know the pending points."""
        self.weighed.set_X_pending(X_pending)

    def forward(self, X: Tensor) -> Tensor:  # noqa: N803  BoTorch's
        """Return the value at each set of points."""
        value: Tensor = self.weighed(X) + self._exponent * self._log_density(X).sum(dim=-1)
        return value

    def _log_density(self, points: Tensor) -> Tensor:
        total = torch.zeros_like(points[..., 0])
        for column, prior in self._priors.items():
            place = points[..., column]
            match prior:
                case NormalPrior(mean, scale):
                    total = total - 0.5 * ((place - mean) / scale) ** 2
                case BetaPrior(shape_a, shape_b):
                    inner = place.clamp(EDGE, 1.0 - EDGE)
                    total = total + (shape_a - 1.0) * inner.log()
                    total = total + (shape_b - 1.0) * torch.log1p(-inner) - beta_peak(prior)
                case _:
                    assert_never(prior)
        return total
