from dataclasses import replace

import pytest

# The libraries take seconds to load, and are not loaded unless this test is run.
pytestmark = [pytest.mark.timeout(240), pytest.mark.filterwarnings("ignore")]

CASES = ["real", "mixed", "inequality", "equality", "two objectives"]


def surroundings(case):
    import torch  # noqa: PLC0415
    from ax.core.search_space import SearchSpaceDigest  # noqa: PLC0415
    from botorch.acquisition.logei import qLogNoisyExpectedImprovement  # noqa: PLC0415
    from botorch.acquisition.multi_objective.logei import (  # noqa: PLC0415
        qLogNoisyExpectedHypervolumeImprovement,
    )
    from botorch.models import SingleTaskGP  # noqa: PLC0415
    from botorch.sampling import SobolQMCNormalSampler  # noqa: PLC0415

    # It keeps BoTorch from compiling a kernel for a minute.
    import nextpoint_service.optimizer.model  # noqa: F401, PLC0415
    from nextpoint_service.optimizer.ascent import Surroundings  # noqa: PLC0415

    torch.manual_seed(5)
    sampler = SobolQMCNormalSampler(torch.Size([16]))
    places = torch.rand(12, 3, dtype=torch.float64)
    if case == "mixed":
        places[:, 2] = (4 * places[:, 2]).floor()
    if case == "equality":
        places[:, 1] = 1.0 - places[:, 0]
    height = -((places - 0.4) ** 2).sum(dim=1, keepdim=True)
    if case == "two objectives":
        model = SingleTaskGP(places, torch.cat([height, -height * places[:, :1]], dim=1))
        floor = torch.tensor([-1.0, -1.0], dtype=torch.float64)
        acquisition = qLogNoisyExpectedHypervolumeImprovement(model, floor, places, sampler)
    else:
        acquisition = qLogNoisyExpectedImprovement(SingleTaskGP(places, height), places, sampler)
    least = 1.0 if case == "equality" else 0.8
    row = (torch.tensor([0, 1]), torch.tensor([1.0, 1.0], dtype=torch.float64), least)
    around = Surroundings(
        acquisition,
        SearchSpaceDigest(
            ["x", "y", "z"],
            [(0.0, 1.0), (0.0, 1.0), (0.0, 3.0) if case == "mixed" else (0.0, 1.0)],
            ordinal_features=[2] if case == "mixed" else [],
            discrete_choices={2: [0.0, 1.0, 2.0, 3.0]} if case == "mixed" else {},
        ),
        inequalities=[row] if case == "inequality" else [],
        equalities=[row] if case == "equality" else [],
        fixed={},
        rounded=None,
    )
    return around, places


@pytest.mark.parametrize("case", CASES)
def test_no_point_around_the_best_is_better_than_what_is_found(case):
    import torch  # noqa: PLC0415

    around, places = surroundings(case)
    corner = torch.tensor([[1.0, 0.0, 0.0]], dtype=torch.float64)
    torch.manual_seed(1)
    looked_at = around.points()
    torch.manual_seed(1)

    point, value = around.improved(corner, [places])

    assert len(looked_at) > 10
    assert value >= around.values(torch.cat([corner, looked_at])).max()
    assert value > around.values(corner)[0]
    assert value == pytest.approx(float(around.values(point)[0]))


@pytest.mark.parametrize("case", CASES)
def test_points_around_the_best_and_the_top_above_them_are_in_the_space(case):
    import torch  # noqa: PLC0415

    around, places = surroundings(case)
    corner = torch.tensor([[1.0, 0.0, 0.0]], dtype=torch.float64)
    top, _ = around.improved(corner, [places])

    for x, y, z in [*around.points(), *top]:
        assert min(x, y, z) >= 0.0
        assert max(x, y) <= 1.0
        assert z in (0.0, 1.0, 2.0, 3.0) if case == "mixed" else z <= 1.0
        assert case != "inequality" or x + y >= 0.8 - 1e-8
        assert case != "equality" or abs(x + y - 1.0) <= 1e-8


def test_a_sum_of_what_stays_may_be_rounded_past_its_bound():
    import torch  # noqa: PLC0415

    around, places = surroundings("mixed")
    one = torch.tensor([1.0], dtype=torch.float64)
    rows = [(torch.tensor([2]), sign * one, sign * 1.0 + 1e-12) for sign in (-1, 1)]
    around = replace(around, inequalities=rows)
    start = torch.tensor([[1.0, 0.0, 1.0]], dtype=torch.float64)

    top, value = around.improved(start, [places])

    assert top[0, 2] == 1.0
    assert value > around.values(start)[0]


def test_what_was_tried_is_left_out():
    import torch  # noqa: PLC0415

    around, places = surroundings("real")
    corner = torch.tensor([[1.0, 0.0, 0.0]], dtype=torch.float64)
    torch.manual_seed(1)
    looked_at = around.points()
    torch.manual_seed(1)

    point, _ = around.improved(corner, [places, looked_at])

    assert torch.equal(point, corner)
