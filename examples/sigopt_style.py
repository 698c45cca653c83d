"""SigOpt's own code, with a network of scikit-learn in place of Keras.

It speaks to the service at NEXTPOINT_ADDRESS. Start one first: scripts/serve
Run it with .venv/bin/python examples/sigopt_style.py
"""

import warnings

from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

import nextpoint

IMAGES, DIGITS = load_digits(return_X_y=True)
TRAIN_X, HOLDOUT_X, TRAIN_Y, HOLDOUT_Y = train_test_split(IMAGES / 16, DIGITS, random_state=0)


def train(params: nextpoint.Assignments) -> float:
    """Return the accuracy on what was held out."""
    network = MLPClassifier(
        hidden_layer_sizes=[params.hidden_layer_size],
        activation=params.activation_fn,
        max_iter=10,
        random_state=0,
    )
    with warnings.catch_warnings():
        # Ten rounds are what a network gets here, converged or not.
        warnings.simplefilter("ignore", ConvergenceWarning)
        network.fit(TRAIN_X, TRAIN_Y)
    return float(network.score(HOLDOUT_X, HOLDOUT_Y))


experiment = nextpoint.create_experiment(
    name="Keras Model Optimization (Python)",
    type="offline",
    parameters=[
        dict(name="hidden_layer_size", type="int", bounds=dict(min=32, max=128)),
        dict(name="activation_fn", type="categorical", categorical_values=["relu", "tanh"]),
    ],
    metrics=[dict(name="holdout_accuracy", objective="maximize")],
    parallel_bandwidth=1,
    budget=30,
)
for run in experiment.loop():
    with run:
        run.log_metric("holdout_accuracy", train(run.params))

experiment.refresh()
print(f"{experiment.progress.observation_count} runs of '{experiment.name}'")
for run in experiment.get_best_runs():
    print(f"best: {dict(run.params)} with {dict(run.values)}")
