import math
import os
from dataclasses import replace
from functools import partial
from itertools import combinations

import pytest
from tests.integration.optimizer.processes import processor_seconds
from tests.unit.optimizer.problems import (
    BELIEVED,
    EVERYTHING,
    ODD_DATA,
    SOME,
    SQUARE,
    at_least,
    at_most,
    distance,
    equals,
    modelled,
    observed,
    peak,
    points,
    seen,
)

from nextpoint_service.domain.experiment import Engine, Metric, Objective, Strategy
from nextpoint_service.domain.search_space import (
    BetaPrior,
    BoolParameter,
    CategoricalParameter,
    DoubleParameter,
    IntParameter,
    NormalPrior,
    SearchSpace,
)
from nextpoint_service.domain.suggestion import Generator
from nextpoint_service.optimizer.axes import key
from nextpoint_service.optimizer.settings import OptimizerSettings

# Loading Ax takes ten seconds, and many more on a machine that has much to do.
pytestmark = pytest.mark.timeout(240)

Y = Metric("y")
CONSTRAINT = Metric("c", strategy=Strategy.CONSTRAINT, threshold=0.5)
model = partial(modelled, engine=Engine.AX)


async def within_the_time_box(pool, problem):
    """Return points for which a service has time, by the clock of the processor.

    Other work of the machine has that run at its own speed, and the pool of the tests waits longer.
    """
    began = processor_seconds(os.getpid())
    proposals = await pool.propose(problem)
    assert processor_seconds(os.getpid()) - began < OptimizerSettings().time_box_seconds
    return proposals


async def the_point(pool, problem):
    (proposal,) = await within_the_time_box(pool, problem)
    assert proposal.provenance.generator is Generator.MODEL, proposal.provenance
    assert problem.experiment.space.contains(proposal.assignments)
    return proposal.assignments


async def test_the_peak_is_found(pool):
    made = [observed(point, y=peak(point)) for point in points(SQUARE, 10)]

    assert distance(await the_point(pool, model(observations=made)), 0.3, 0.7) < 0.1


async def test_less_is_better_where_it_is_minimized(pool):
    made = [observed(point, y=-peak(point)) for point in points(SQUARE, 10)]
    metrics = [Metric("y", Objective.MINIMIZE)]

    found = await the_point(pool, model(observations=made, metrics=metrics))

    assert distance(found, 0.3, 0.7) < 0.1


async def test_the_provenance_tells_what_the_model_expects(pool):
    metrics = [Metric("y", Objective.MINIMIZE), CONSTRAINT, Metric("s", strategy=Strategy.STORE)]
    made = [
        observed(point, y=50 - peak(point), c=1.0 + point["a"], s=1.0)
        for point in points(SQUARE, 10)
    ]

    (proposal,) = await within_the_time_box(
        pool, model(observations=made, metrics=metrics, pending=[{"a": 0.0, "b": 0.0}])
    )

    provenance = proposal.provenance
    assert provenance.method == "Ax qLogNoisyExpectedImprovement"
    assert (provenance.observation_count, provenance.pending_count) == (10, 1)
    assert provenance.predictions.keys() == {"y", "c"}
    assert provenance.predictions["y"].mean == pytest.approx(50, abs=0.2)
    assert provenance.predictions["c"].mean == pytest.approx(1 + proposal.assignments["a"], abs=0.2)
    assert math.isfinite(provenance.acquisition_value)


@pytest.mark.parametrize("space", [EVERYTHING, BELIEVED])
async def test_every_kind_of_parameter_and_a_constraint(pool, space):
    made = [observed(point, y=point["double"]) for point in points(space, 8)]

    proposals = await within_the_time_box(pool, model(space, made, count=2))

    assert {each.provenance.generator for each in proposals} == {Generator.MODEL}
    assert all(space.contains(each.assignments) for each in proposals)


@pytest.mark.parametrize(
    "space",
    [
        SearchSpace(SQUARE.parameters, (equals(1.0, a=1.0, b=1.0),)),
        SearchSpace(SQUARE.parameters, (at_least(0.6, a=1.0, b=-1.0),)),
        SearchSpace(
            (IntParameter("a", 0, 10), IntParameter("b", 0, 10)), (equals(8.0, a=2.0, b=1.0),)
        ),
        SearchSpace(
            (IntParameter("a", 0, 10), IntParameter("b", 0, 10)), (at_most(8.0, a=2.0, b=1.0),)
        ),
    ],
)
async def test_linear_constraints_hold(pool, space):
    made = [observed(point, y=peak(point)) for point in points(space, 4)]

    await the_point(pool, model(space, made))


async def test_the_edge_of_a_region_of_whole_numbers_is_searched(pool):
    # In these weights the sums on the edge are rounded to both sides of it.
    space = SearchSpace(
        (IntParameter("a", 1, 100), IntParameter("b", 0, 100), DoubleParameter("c", 0.0, 1.0)),
        (at_most(0.0174, a=0.0001, b=0.0001),),
    )
    made = [observed(point, y=float(point["a"] + point["b"])) for point in points(space, 12)]

    found = await the_point(pool, model(space, made, seed=1))

    assert found["a"] + found["b"] > 172


async def test_a_constraint_metric_keeps_the_search_where_it_is_satisfied(pool):
    made = [observed(point, y=point["a"], c=1 - point["a"]) for point in points(SQUARE, 12)]

    free = await the_point(pool, model(observations=made))
    kept = await the_point(pool, model(observations=made, metrics=[Y, CONSTRAINT]))

    assert free["a"] > 0.9
    assert kept["a"] < 0.6


async def test_a_frontier_of_a_single_point_does_not_hold_the_search(pool):
    def outcome(a, b):
        distance = 1 + 9 * b
        return {"y": a, "z": distance * (1 - math.sqrt(a / distance))}

    places = [(0.0, 0.0), (0.0, 0.1), (0.5, 0.5), (0.2, 0.8), (0.9, 0.3), (0.7, 0.6), (0.3, 0.4)]
    made = [observed({"a": a, "b": b}, **outcome(a, b)) for a, b in places]
    metrics = [Metric(name, Objective.MINIMIZE) for name in "yz"]

    (proposal,) = await within_the_time_box(pool, model(observations=made, metrics=metrics))

    assert proposal.assignments["a"] > 0.05


async def test_thresholds_move_the_search_along_the_frontier(pool):
    made = [observed(point, y=point["a"], z=1 - point["a"] ** 2) for point in points(SQUARE, 8)]

    async def place(**thresholds):
        metrics = [Metric(name, threshold=thresholds.get(name)) for name in "yz"]
        return (await the_point(pool, model(observations=made, metrics=metrics)))["a"]

    assert await place(y=0.8) >= 0.75
    assert await place(z=0.8) <= 0.55


async def test_several_objectives_are_searched_for_their_frontier(pool):
    made = [observed(point, y=point["a"], z=-point["a"]) for point in points(SQUARE, 6)]

    (proposal,) = await within_the_time_box(
        pool, model(observations=made, metrics=[Y, Metric("z")])
    )

    assert proposal.provenance.method == "Ax qLogNoisyExpectedHypervolumeImprovement"


DIMENSIONS = 9
CUBE = SearchSpace(tuple(DoubleParameter(f"x{index}", 0.0, 1.0) for index in range(DIMENSIONS)))


def sphere(point, count):
    """The problem DTLZ2 of Deb et al. (2002), whose frontier is a part of a sphere."""
    units = [point[f"x{index}"] for index in range(DIMENSIONS)]
    angles = [unit * math.pi / 2 for unit in units[: count - 1]]
    radius = 1 + sum((unit - 0.5) ** 2 for unit in units[count - 1 :])
    lengths = [
        radius * math.prod(map(math.cos, angles[: count - 1 - each])) for each in range(count)
    ]
    return {
        f"f{each}": length * (math.sin(angles[count - 1 - each]) if each else 1.0)
        for each, length in enumerate(lengths)
    }


@pytest.mark.parametrize("count", range(2, 9))
async def test_two_to_eight_objectives_are_optimized_within_the_time_box(pool, count):
    made = [observed(point, **sphere(point, count)) for point in points(CUBE, 24)]
    metrics = [Metric(f"f{each}", Objective.MINIMIZE, threshold=2.5) for each in range(count)]

    (proposal,) = await within_the_time_box(pool, model(CUBE, made, metrics=metrics))

    assert proposal.provenance.method == (
        "Ax qLogNoisyExpectedHypervolumeImprovement" if count <= 4 else "Ax qLogNParEGO"
    ), proposal.provenance
    assert proposal.provenance.predictions.keys() == {each.name for each in metrics}


@pytest.mark.parametrize("count", [3, 4])
async def test_three_or_four_objectives_without_thresholds_are_weighed_anew_for_each_point(
    pool, count
):
    made = [observed(point, **sphere(point, count)) for point in points(CUBE, 24)]
    metrics = [Metric(f"f{each}", Objective.MINIMIZE) for each in range(count)]

    proposals = await within_the_time_box(pool, model(CUBE, made, metrics=metrics, count=3))

    assert {each.provenance.method for each in proposals} == {"Ax qLogNParEGO"}
    aims = [
        tuple(each.provenance.predictions[metric.name].mean for metric in metrics)
        for each in proposals
    ]
    assert max(math.dist(one, other) for one, other in combinations(aims, 2)) > 0.7


@pytest.mark.parametrize("count", [3, 4])
async def test_a_large_frontier_of_three_or_four_objectives_does_not_take_too_long(pool, count):
    shell = [{**point, "x7": 0.5, "x8": 0.5} for point in points(CUBE, 60)]
    made = [observed(point, **sphere(point, count)) for point in shell]
    metrics = [Metric(f"f{each}", Objective.MINIMIZE, threshold=2.5) for each in range(count)]

    await the_point(pool, model(CUBE, made, metrics=metrics))


async def test_three_objectives_are_not_improved_until_the_constraint_is_satisfied(pool):
    made = [
        observed(point, y=point["a"], z=point["b"], w=1.0, c=0.3 * point["a"])
        for point in points(SQUARE, 8)
    ]
    metrics = [Y, Metric("z"), Metric("w"), CONSTRAINT]

    (proposal,) = await within_the_time_box(pool, model(observations=made, metrics=metrics))

    assert proposal.provenance.method == "Ax qLogProbabilityOfFeasibility"


async def test_the_only_point_that_reaches_the_thresholds_may_have_lost_its_place(pool):
    kinds = CategoricalParameter("kind", ("x", "y", "z"))
    space = replace(SQUARE, parameters=(*SQUARE.parameters, kinds))
    made = [observed(each, y=0.1, z=each["a"], w=each["b"]) for each in points(space, 8)]
    removed = observed({"a": 0.5, "b": 0.5, "kind": "gone"}, y=1.0, z=1.0, w=1.0)
    metrics = [Metric("y", threshold=0.5), Metric("z"), Metric("w")]

    (proposal,) = await within_the_time_box(pool, model(space, [*made, removed], metrics=metrics))

    assert proposal.provenance.method == "Ax qLogProbabilityOfFeasibility"


@pytest.mark.parametrize("threshold", [0.5, None])
async def test_two_objectives_with_one_threshold_where_no_point_satisfies_the_constraint(
    pool, threshold
):
    made = [
        observed(point, y=point["a"], z=point["b"], c=0.3 * point["a"])
        for point in points(SQUARE, 8)
    ]
    metrics = [Metric("y", threshold=threshold), Metric("z"), CONSTRAINT]

    (proposal,) = await within_the_time_box(pool, model(observations=made, metrics=metrics))

    assert proposal.provenance.method == "Ax qLogProbabilityOfFeasibility"


async def test_a_region_that_is_a_single_value_in_some_dimensions(pool):
    space = SearchSpace(
        (
            IntParameter("few", -5, 95),
            DoubleParameter("double", 3.0, 103.0),
            CategoricalParameter("kind", tuple("abcdefgh")),
            BoolParameter("flag"),
        ),
        (
            equals(9.493751592237913, double=2.0, few=0.5),
            equals(1.9937515922379125, double=2.0, few=-1.0),
            at_least(-14.501562101940522, few=-3.25, double=0.5),
        ),
    )
    made = [
        observed(point, y=float(point["flag"]), z=float(point["kind"] < "d"))
        for point in points(space, 6)
    ]

    await the_point(pool, model(space, made, metrics=[Y, Metric("z")]))


async def test_every_kind_of_parameter_with_two_objectives_and_points_under_way(pool):
    some = points(EVERYTHING, 12)
    observations = [
        observed(some[0]),
        *(observed(each, y=each["double"], z=-each["step"], c=1.0) for each in some[1:9]),
    ]

    await the_point(
        pool,
        model(
            EVERYTHING,
            observations,
            pending=tuple(some[9:]),
            metrics=(Y, Metric("z"), CONSTRAINT),
        ),
    )


def believing(prior):
    return SearchSpace((replace(SQUARE.parameters[0], prior=prior), SQUARE.parameters[1]))


@pytest.mark.parametrize(
    ("prior", "low", "high"),
    [(NormalPrior(0.2, 0.03), 0.1, 0.3), (BetaPrior(40.0, 5.0), 0.8, 1.0)],
)
async def test_where_little_is_known_the_search_follows_the_priors(pool, prior, low, high):
    made = seen(lambda _, point: point["b"], points(SQUARE, 4))

    proposals = await within_the_time_box(pool, model(believing(prior), made, count=2))

    assert all(low < each.assignments["a"] < high for each in proposals)
    assert {each.provenance.method for each in proposals} == {
        "Ax qLogNoisyExpectedImprovement, by prior"
    }


async def test_priors_hold_while_no_point_satisfies_the_constraints(pool):
    made = [observed(point, y=1.0, c=0.0) for point in points(SQUARE, 4)]
    space = believing(NormalPrior(0.2, 0.03))

    found = await the_point(pool, model(space, made, metrics=[Y, CONSTRAINT]))

    assert 0.1 < found["a"] < 0.3


async def test_what_is_measured_overcomes_a_wrong_prior(pool):
    space = believing(NormalPrior(0.9, 0.1))
    made = seen(lambda _, point: peak(point), points(space, 10))
    more = seen(lambda _, point: peak(point), points(SQUARE, 40))

    assert distance(await the_point(pool, model(space, [*made, *more])), 0.3, 0.7) < 0.1


async def test_priors_and_linear_constraints_hold_together(pool):
    parameters = believing(NormalPrior(0.2, 0.03)).parameters
    space = SearchSpace(parameters, (at_least(0.5, a=1.0, b=-1.0),))
    made = seen(lambda _, point: point["b"], points(space, 4))

    assert (await the_point(pool, model(space, made)))["a"] < 0.6


async def test_the_search_keeps_away_from_where_evaluations_fail(pool):
    made = [
        observed(point) if point["a"] > 0.6 else observed(point, y=point["a"])
        for point in points(SQUARE, 16)
    ]

    found = await the_point(pool, model(observations=made))

    assert 0.4 < found["a"] < 0.7


async def test_pending_points_are_kept_away_from(pool):
    made = [observed(point, y=peak(point)) for point in points(SQUARE, 10)]
    first = await the_point(pool, model(observations=made))

    second = await the_point(pool, model(observations=made, pending=[first]))

    assert distance(first, second["a"], second["b"]) > 1e-3


async def test_a_failed_point_is_never_proposed_again(pool):
    space = SearchSpace((IntParameter("n", 0, 3),))
    made = [observed({"n": 0}, y=0.0), observed({"n": 1}, y=1.0), observed({"n": 2})]

    assert await the_point(pool, model(space, made)) == {"n": 3}


async def test_known_noise_reaches_the_model(pool):
    def with_noise(stddev):
        return [observed(point, y=(peak(point), stddev)) for point in points(SQUARE, 16)]

    quiet = await within_the_time_box(pool, model(observations=with_noise(0.0)))
    noisy = await within_the_time_box(pool, model(observations=with_noise(1.0)))

    spread = [each[0].provenance.predictions["y"].stddev for each in (quiet, noisy)]
    assert spread[1] > 3 * spread[0]


async def test_observations_outside_the_space_take_part(pool):
    made = [observed(point, y=point["a"] / 100) for point in points(SQUARE, 6)]
    outside = [observed({"a": -0.3 - 0.02 * index, "b": 0.5}, y=5.0) for index in range(3)]

    assert (await the_point(pool, model(observations=made)))["a"] > 0.5
    assert (await the_point(pool, model(observations=[*made, *outside])))["a"] < 0.3


async def test_observations_that_do_not_fit_are_left_out(pool):
    space = SearchSpace((*SQUARE.parameters, CategoricalParameter("c", ("u", "v"))))
    made = [observed(point, y=peak(point)) for point in points(space, 6)]
    strange = [observed({"a": 0.5, "b": 0.5, "c": "w"}, y=1.0), observed({"a": 0.5}, y=1.0)]

    problem = model(space, [*strange, *made], pending=[{"q": 1}])

    assert (await within_the_time_box(pool, problem))[0].provenance.generator is Generator.MODEL


async def test_equal_problems_have_equal_answers(pool):
    made = [observed(point, y=point["double"]) for point in points(EVERYTHING, 6)]
    problem = model(EVERYTHING, made)

    assert await within_the_time_box(pool, problem) == await pool.propose(problem)


@pytest.mark.parametrize("observations", ODD_DATA.values(), ids=ODD_DATA)
async def test_odd_data_yield_a_point_of_the_model(pool, observations):
    await the_point(pool, model(observations=observations))


@pytest.mark.parametrize("observations", [[], [observed(each) for each in SOME]])
async def test_without_a_success_a_space_filling_point_stands_in(pool, observations):
    (proposal,) = await within_the_time_box(pool, model(observations=observations))

    assert proposal.provenance.generator is Generator.SPACE_FILLING
    assert proposal.provenance.fallback_reason


async def test_an_exhausted_space_repeats_a_point(pool):
    space = SearchSpace((BoolParameter("u"), BoolParameter("v")))
    made = [observed({"u": u, "v": v}, y=1.0) for u in (True, False) for v in (True, False)]

    (proposal,) = await within_the_time_box(pool, model(space, made))

    assert space.contains(proposal.assignments)
    assert proposal.provenance.fallback_reason


async def test_a_batch_has_different_points(pool):
    made = [observed(point, y=peak(point)) for point in points(SQUARE, 8)]

    proposals = await within_the_time_box(pool, model(observations=made, count=3))

    assert len({key(each.assignments) for each in proposals}) == len(proposals) == 3
