import numpy as np
import pytest

from nextpoint_service.domain.search_space import BetaPrior, DoubleParameter, NormalPrior
from nextpoint_service.optimizer.priors import log_density, unit_priors

# Loading Ax takes ten seconds, and many more on a machine that has much to do.
pytestmark = [pytest.mark.timeout(240), pytest.mark.filterwarnings("ignore")]

PARAMETERS = (
    DoubleParameter("a", -3.0, 7.0, prior=NormalPrior(1.0, 2.0)),
    DoubleParameter("free", 0.0, 1.0),
    DoubleParameter("b", 0.0, 4.0, prior=BetaPrior(0.5, 3.0)),
)


def test_the_acquisition_is_weighed_with_the_density_that_points_are_drawn_from():
    # The libraries are not loaded unless this test is run.
    import torch  # noqa: PLC0415
    from botorch.acquisition.analytic import PosteriorMean  # noqa: PLC0415
    from botorch.models import SingleTaskGP  # noqa: PLC0415

    from nextpoint_service.optimizer.guidance import GuidedFunction  # noqa: PLC0415

    priors = unit_priors(PARAMETERS)
    places = torch.rand(20, 1, 3, dtype=torch.float64)
    model = SingleTaskGP(places[:5, 0], places[:5, 0, :1])
    weighed = PosteriorMean(model)

    value = GuidedFunction(weighed, priors, 0.25)(places)

    added = (value - weighed(places)).detach().numpy()
    assert np.abs(added - 0.25 * log_density(priors, places[:, 0].numpy())).max() < 1e-9
