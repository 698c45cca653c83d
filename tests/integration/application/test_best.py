"""The best observations, by what was observed and by what a model expects."""

import pytest

from nextpoint_service.application.analysis import Ranking
from nextpoint_service.application.idempotency import NOT_REPEATED
from nextpoint_service.application.ports import Page
from nextpoint_service.domain.errors import ExperimentNotFound, TooFewObservations
from nextpoint_service.domain.experiment import Strategy
from nextpoint_service.domain.metric_rules import MetricDraft
from nextpoint_service.domain.parameter_rules import ParameterDraft
from nextpoint_service.domain.report import ObservationDraft, ValueDraft

ALL = Page(100)


async def best(service, experiment, ranking, page=ALL):
    return [each for _, each in await service.analysis.best(experiment, ranking, page)]


async def test_a_lucky_value_is_the_best_observed_and_not_the_best_by_the_model(service):
    experiment = await service.define()
    for value in (1.0, 9.0, 2.0):
        await service.report_own(experiment, value, x=0.25)
    for value in (6.0, 7.0):
        await service.report_own(experiment, value, x=0.75)

    (observed,) = await best(service, experiment, Ranking.OBSERVED)
    (expected,) = await best(service, experiment, Ranking.MODEL)

    assert observed.observation.values["taste"].value == 9.0
    assert not observed.predictions
    # Of points that are expected to be equally good the earliest, as it was observed.
    assert expected.observation.values["taste"].value == 6.0
    assert expected.predictions["taste"].mean == 6.5


async def test_thresholds_are_about_what_the_model_expects(service):
    crisp = MetricDraft("crust", strategy=Strategy.CONSTRAINT, threshold=1.0)
    experiment = await service.define(metrics=(MetricDraft("taste"), crisp), budget=10)
    for crust in (0.0, 1.5):
        values = (ValueDraft("taste", 1.0), ValueDraft("crust", crust))
        draft = ObservationDraft(assignments={"x": 0.5}, values=values)
        await service.observations.create(experiment, draft, NOT_REPEATED)

    assert len(await best(service, experiment, Ranking.OBSERVED)) == 1
    assert await best(service, experiment, Ranking.MODEL) == []


async def test_a_model_needs_two_successes(service):
    experiment = await service.define()
    await service.report_own(experiment, x=0.5)
    failed = ObservationDraft(assignments={"x": 0.1}, failed=True)
    await service.observations.create(experiment, failed, NOT_REPEATED)

    with pytest.raises(TooFewObservations) as refused:
        await best(service, experiment, Ranking.MODEL)

    assert (refused.value.metadata["needed"], refused.value.metadata["found"]) == ("2", "1")


async def test_a_model_needs_two_successes_in_the_space_of_now(service):
    experiment = await service.define()
    for x in (0.2, 0.4, 0.8):
        await service.report_own(experiment, x=x)
    upper = ParameterDraft("x", "double", bounds=(0.5, 1.0))
    await service.change(experiment, parameters=(upper,))

    with pytest.raises(TooFewObservations) as refused:
        await best(service, experiment, Ranking.MODEL)

    assert refused.value.metadata["found"] == "1"


@pytest.mark.parametrize("ranking", Ranking)
async def test_an_unknown_experiment_is_not_found(service, ranking):
    with pytest.raises(ExperimentNotFound):
        await best(service, "exp_7", ranking)
