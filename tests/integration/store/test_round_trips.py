"""What is written comes back as it was, to the bit and to the type."""

import sys
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nextpoint_service.domain.conditionals import Condition, Conditional
from nextpoint_service.domain.experiment import (
    Engine,
    ExperimentState,
    ExperimentType,
    Metric,
    Objective,
    Strategy,
)
from nextpoint_service.domain.linear_constraints import Comparison, LinearConstraint, Term
from nextpoint_service.domain.observation import Measurement
from nextpoint_service.domain.run import RunState
from nextpoint_service.domain.search_space import (
    BetaPrior,
    BoolParameter,
    CategoricalParameter,
    DoubleParameter,
    IntParameter,
    NormalPrior,
    SearchSpace,
)
from nextpoint_service.domain.suggestion import (
    Generator,
    Lease,
    Prediction,
    Provenance,
    SuggestionState,
)
from nextpoint_service.domain.tasks import Task

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
INTS = st.integers(-(2**53), 2**53)
TIMES = st.timedeltas(timedelta(0), timedelta(days=1_000_000)).map(
    lambda since: datetime(1970, 1, 1, tzinfo=UTC) + since
)
METADATA = st.dictionaries(TEXTS, TEXTS | FLOATS, max_size=4)
ASSIGNMENTS = st.dictionaries(TEXTS, TEXTS | FLOATS | INTS | st.booleans(), max_size=6)
VALUES = st.dictionaries(
    TEXTS, st.builds(Measurement, FLOATS, st.none() | st.floats(0, 1e308)), max_size=4
)

EXTREMES = {
    "smallest": 5e-324,
    "largest": sys.float_info.max,
    "most negative": -sys.float_info.max,
    "negative zero": -0.0,
    "not a decimal": 0.1 + 0.2,
    "one as float": 1.0,
    "one as int": 1,
    "one as text": "1",
    "true": True,
    "big": 2**53,
    "bigger": -(2**63),
    "ключ 🍞 \x00 \"'": "naïve \u202e text\n",
}

shared_fixtures = settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@contextmanager
def undone(connection):
    connection.execute("SAVEPOINT example")
    try:
        yield
    finally:
        connection.execute("ROLLBACK TO example")


def same(one, other):
    """Equal, and of equal types, and with the same sign of zero, and in the same order."""
    return repr(one) == repr(other)


def test_every_kind_of_parameter_metric_and_constraint_comes_back(tx, make):
    experiment = make.experiment(
        name="Brötchen 🥐",
        type=ExperimentType.RANDOM,
        space=SearchSpace(
            (
                DoubleParameter("x", 1e-300, 1e300, log=True),
                DoubleParameter("g", -0.0, 0.3, grid=(-0.0, 0.1, 0.30000000000000004)),
                DoubleParameter("p", -0.0, 0.3, prior=NormalPrior(0.1 + 0.2, 5e-324)),
                DoubleParameter("q", 0.0, 1.0, prior=BetaPrior(1 / 3, 1e6)),
                IntParameter("n", -(2**53), 2**53),
                IntParameter("m", 1, 64, log=True, grid=(1, 8, 64)),
                CategoricalParameter("c", ("b", "a", "ü"), ordered=True),
                BoolParameter("flag"),
                DoubleParameter("dx", 0.0, 1.0, default=-0.0),
                IntParameter("dn", 0, 9, default=0),
                CategoricalParameter("dc", ("b", "a"), default="a"),
                BoolParameter("dflag", default=False),
                DoubleParameter("cx", 0.0, 1.0, conditions=(Condition("kind", ("é", "b")),)),
                IntParameter("cn", 0, 9, conditions=(Condition("kind", ("b",)),)),
                CategoricalParameter("cc", ("b", "a"), conditions=(Condition("size", ("s",)),)),
                BoolParameter(
                    "cflag", conditions=(Condition("kind", ("b",)), Condition("size", ("l",)))
                ),
            ),
            (
                LinearConstraint(Comparison.EQUAL, (Term("x", 0.1), Term("n", -3.0)), 7.0),
                LinearConstraint(Comparison.LESS_THAN, (Term("x", 1.0),), -0.0),
                LinearConstraint(Comparison.GREATER_THAN, (Term("n", 1.0),), 5e-324),
            ),
            (Conditional("kind", ("é", "b")), Conditional("size", ("s", "l"))),
        ),
        metrics=(
            Metric("a", Objective.MINIMIZE, Strategy.OPTIMIZE, 0.1),
            Metric("b", Objective.MAXIMIZE, Strategy.CONSTRAINT, -1e308),
            Metric("c", Objective.MAXIMIZE, Strategy.STORE),
        ),
        budget=None,
        parallel_bandwidth=7,
        num_solutions=5,
        engine=Engine.AX,
        tasks=(Task("full", 1.0), Task("ein Drittel", 1 / 3), Task('"', 1e-6)),
        metadata={"owner": "Zoë", "share": 1 / 3},
        tags=("a", "b c"),
        state=ExperimentState.ARCHIVED,
        revision=2**40,
        updated=make.now + timedelta(microseconds=1),
    )

    tx.experiments.add(experiment)

    assert same(tx.experiments.get("exp_1"), experiment)


def test_a_saved_experiment_comes_back_changed(tx, make):
    experiment = make.experiment()
    tx.experiments.add(experiment)
    changed = replace(
        experiment,
        name="rolls",
        project="",
        budget=None,
        parallel_bandwidth=3,
        metadata={"a": 1.0},
        tags=("x",),
        state=ExperimentState.ARCHIVED,
        revision=9,
        updated=make.now + timedelta(days=1),
    )

    tx.experiments.save(changed)

    assert tx.experiments.get("exp_1") == changed


def test_learning_adds_1_to_the_revision(tx, make):
    tx.experiments.add(make.experiment(revision=4))

    tx.experiments.learn("exp_1")

    assert tx.experiments.get("exp_1").revision == 5


@given(st.fixed_dictionaries({"assignments": ASSIGNMENTS, "created": TIMES}))
@shared_fixtures
def test_any_suggestion_comes_back(connection, tx, make, changes):
    suggestion = make.suggestion(**changes)

    with undone(connection):
        tx.experiments.add(make.experiment())
        tx.suggestions.add(suggestion)

        assert same(tx.suggestions.get(suggestion.suggestion_id), suggestion)


@given(
    st.fixed_dictionaries(
        {
            "assignments": ASSIGNMENTS,
            "values": VALUES,
            "metadata": METADATA,
            "seconds": st.none() | st.floats(0, 1e9),
        }
    )
)
@shared_fixtures
def test_any_observation_comes_back(connection, tx, make, changes):
    observation = make.observation(**changes)

    with undone(connection):
        tx.experiments.add(make.experiment())
        tx.observations.add(observation)

        assert same(tx.observations.get(observation.observation_id), observation)


@given(
    st.fixed_dictionaries(
        {"metadata": METADATA, "name": TEXTS, "tags": st.lists(TEXTS, max_size=4).map(tuple)}
    )
)
@shared_fixtures
def test_any_experiment_comes_back(connection, tx, make, changes):
    experiment = make.experiment(**changes)

    with undone(connection):
        tx.experiments.add(experiment)

        assert same(tx.experiments.get("exp_1"), experiment)


def test_the_task_of_everything_comes_back(tx, make):
    tx.experiments.add(make.experiment())
    task = Task('ein "Drittel"', 1 / 3)
    suggestion = make.suggestion(task=task)
    tx.suggestions.add(suggestion)
    tx.runs.add(make.run(task=task))
    tx.observations.add(make.observation(task=task))

    assert same(tx.suggestions.get("sug_1"), suggestion)
    assert tx.runs.get("run_1").task == tx.observations.get("obs_1").task == task


def test_extreme_values_come_back_with_their_types(tx, make):
    tx.experiments.add(make.experiment())
    suggestion = make.suggestion(assignments=EXTREMES)

    tx.suggestions.add(suggestion)

    assert same(tx.suggestions.get("sug_1").assignments, EXTREMES)


def test_provenance_and_lease_come_back(tx, make):
    tx.experiments.add(make.experiment())
    suggestion = make.suggestion(
        state=SuggestionState.LEASED,
        lease=Lease("ōven 1", make.now, make.now + timedelta(days=30, microseconds=1)),
        attempt=3,
        provenance=Provenance(
            generator=Generator.MODEL,
            method="qLogNEHVI",
            seed=2**63 - 1,
            observation_count=12,
            pending_count=3,
            fallback_reason="",
            predictions={"taste": Prediction(-0.0, 5e-324)},
            acquisition_value=float("-inf"),
        ),
    )

    tx.suggestions.add(suggestion)

    assert same(tx.suggestions.get("sug_1"), suggestion)


def test_a_saved_suggestion_comes_back_changed(tx, make):
    tx.experiments.add(make.experiment())
    suggestion = make.suggestion()
    tx.suggestions.add(suggestion)
    leased = suggestion.lease_to("w", make.now, make.now + timedelta(seconds=30))

    tx.suggestions.save(leased)
    assert tx.suggestions.get("sug_1") == leased

    tx.suggestions.save(leased.release(1))
    assert tx.suggestions.get("sug_1") == leased.release(1)


def test_a_saved_observation_comes_back_changed(tx, make):
    tx.experiments.add(make.experiment())
    observation = make.observation()
    tx.observations.add(observation)
    changed = replace(
        observation,
        values={},
        failed=True,
        metadata={"why": "burnt"},
        updated=make.now.replace(year=2027),
    )

    tx.observations.save(changed)

    assert tx.observations.get("obs_1") == changed


def test_a_run_comes_back_active_and_ended(tx, make):
    tx.experiments.add(make.experiment())
    tx.suggestions.add(make.suggestion(state=SuggestionState.LEASED))
    run = make.run(name="första", metadata={"gpu": "a"}, values={"loss": Measurement(0.1, 0.0)})
    tx.runs.add(run)
    assert same(tx.runs.get("run_1"), run)

    tx.observations.add(make.observation(suggestion_id="sug_1", run_id="run_1"))
    ended = run.log({"taste": Measurement(1.0)}).complete("obs_1", make.now)
    tx.runs.save(ended)

    assert tx.runs.get("run_1") == ended
    assert tx.observations.get("obs_1").run_id == "run_1"


def test_a_run_of_a_deleted_observation_stays_ended_without_it(tx, make):
    tx.experiments.add(make.experiment())
    tx.suggestions.add(make.suggestion())
    tx.runs.add(make.run())
    tx.observations.add(make.observation(suggestion_id="sug_1", run_id="run_1"))
    tx.runs.save(make.run(run_id="run_1", suggestion_id="sug_1").complete("obs_1", make.now))

    tx.observations.delete("obs_1")

    run = tx.runs.get("run_1")
    assert (run.state, run.observation_id, run.ended) == (RunState.COMPLETED, None, make.now)
