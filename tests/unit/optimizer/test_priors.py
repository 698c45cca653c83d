import numpy as np
import pytest
from scipy import stats
from tests.unit.optimizer.problems import a_problem, at_most, equals

from nextpoint_service.application.optimizer_port import Phase
from nextpoint_service.domain.search_space import (
    BetaPrior,
    DoubleParameter,
    IntParameter,
    NormalPrior,
    SearchSpace,
)
from nextpoint_service.optimizer import space_filling
from nextpoint_service.optimizer.priors import log_density, spread, unit_priors

LOW, HIGH = -3.0, 7.0
PRIORS = [
    (NormalPrior(1.0, 2.0), stats.truncnorm(-2.0, 3.0, loc=1.0, scale=2.0)),
    (NormalPrior(HIGH, 0.5), stats.truncnorm(-20.0, 0.0, loc=HIGH, scale=0.5)),
    (BetaPrior(2.0, 5.0), stats.beta(2.0, 5.0, loc=LOW, scale=HIGH - LOW)),
    (BetaPrior(0.5, 0.5), stats.beta(0.5, 0.5, loc=LOW, scale=HIGH - LOW)),
]
EXTREMES = [
    *(NormalPrior(mean, scale) for mean in (LOW, 0.0, HIGH) for scale in (5e-324, 1.0, 1e308)),
    *(BetaPrior(a, b) for a in (1e-300, 0.5, 1.0, 1e6) for b in (1e-300, 0.5, 1.0, 1e6)),
]


def believed(prior, name="a"):
    return DoubleParameter(name, LOW, HIGH, prior=prior)


def drawn(space, count, phase=Phase.SPACE_FILLING):
    proposals = space_filling.propose(a_problem(space, count=count, phase=phase))
    assert all(space.contains(each.assignments) for each in proposals)
    return proposals


@pytest.mark.parametrize(
    ("phase", "methods"),
    [
        (Phase.RANDOM, {"uniform, by prior"}),
        (Phase.SPACE_FILLING, {"centre, by prior", "scrambled Sobol, by prior"}),
    ],
)
@pytest.mark.parametrize(("prior", "expected"), PRIORS)
def test_points_are_distributed_as_the_prior_says(prior, expected, phase, methods):
    space = SearchSpace((believed(prior), DoubleParameter("b", 0.0, 1.0)))

    made = drawn(space, 400, phase)

    assert stats.kstest([each.assignments["a"] for each in made], expected.cdf).pvalue > 0.01
    assert stats.kstest([each.assignments["b"] for each in made], "uniform").pvalue > 0.01
    assert {each.provenance.method for each in made} == methods


def test_the_space_filling_points_are_more_even_than_random_ones():
    prior, expected = PRIORS[0]
    space = SearchSpace((believed(prior),))

    gaps = [
        stats.kstest([each.assignments["a"] for each in drawn(space, 64, phase)], expected.cdf)
        for phase in (Phase.SPACE_FILLING, Phase.RANDOM)
    ]

    assert gaps[0].statistic < gaps[1].statistic / 2


@pytest.mark.parametrize("phase", [Phase.RANDOM, Phase.SPACE_FILLING])
def test_a_constraint_cuts_the_distribution_off(phase):
    prior, expected = PRIORS[0]
    # Of every value of `a` as much is left, up to 1.
    space = SearchSpace(
        (believed(prior), DoubleParameter("b", 0.0, 1.0)), (at_most(1.0, a=1.0, b=1e-9),)
    )

    made = [each.assignments["a"] for each in drawn(space, 400, phase)]

    assert stats.kstest(made, lambda x: expected.cdf(x) / expected.cdf(1.0)).pvalue > 0.01


@pytest.mark.parametrize("phase", [Phase.RANDOM, Phase.SPACE_FILLING])
def test_the_walk_through_a_thin_region_follows_the_priors(phase):
    # On the line a = b the product of two normals is a normal again, narrower by sqrt(2).
    one, other = NormalPrior(0.0, 1.0), NormalPrior(3.0, 1.0)
    space = SearchSpace((believed(one), believed(other, "b")), (equals(0.0, a=1.0, b=-1.0),))

    made = drawn(space, 400, phase)

    expected = stats.norm(1.5, np.sqrt(0.5))
    assert stats.kstest([each.assignments["a"] for each in made], expected.cdf).pvalue > 0.01
    assert {each.provenance.method for each in made} == {"hit-and-run, by prior"}


def test_whole_numbers_beside_a_prior_stay_equally_likely():
    space = SearchSpace((believed(BetaPrior(2.0, 5.0)), IntParameter("n", 1, 4)))

    made = [each.assignments["n"] for each in drawn(space, 400)]

    assert all(abs(made.count(number) - 100) < 10 for number in range(1, 5))


@pytest.mark.parametrize("prior", EXTREMES)
def test_extreme_priors_have_places_and_densities(prior):
    priors = unit_priors([believed(prior)])

    places = spread(priors, np.linspace(1e-10, 1.0 - 1e-10, 1001)[:, None])
    density = log_density(priors, np.linspace(0.0, 1.0, 1001)[:, None])

    assert ((places >= 0.0) & (places <= 1.0)).all()
    assert np.isfinite(density).all()
    assert density.max() <= 1e-6


@pytest.mark.parametrize(("prior", "expected"), PRIORS)
def test_the_density_is_that_of_the_prior_relative_to_its_peak(prior, expected):
    places = np.linspace(0.01, 0.99, 99)

    density = log_density(unit_priors([believed(prior)]), places[:, None])

    theirs = expected.logpdf(LOW + (HIGH - LOW) * places)
    assert np.ptp(density - theirs) < 1e-9
    assert density.max() <= 0.0
