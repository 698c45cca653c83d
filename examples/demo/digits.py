"""What the demo tunes: a small neural network that reads handwritten digits."""

import math
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, StandardScaler

PIXELS, CLASSES, FOLDS = 64, 10, 4
GOOD_ENOUGH = 0.8

PARAMETERS: list[Mapping[str, object]] = [
    dict(name="hidden_1", type="int", bounds=dict(min=4, max=48)),
    dict(name="hidden_2", type="int", bounds=dict(min=4, max=48)),
    dict(name="activation", type="categorical", categorical_values=["relu", "tanh", "logistic"]),
    dict(
        name="learning_rate",
        type="double",
        bounds=dict(min=1e-4, max=1e-1),
        transformation="log",
    ),
    dict(name="alpha", type="double", bounds=dict(min=1e-6, max=1.0), transformation="log"),
    dict(name="standardize", type="bool"),
]
METRICS: list[Mapping[str, object]] = [
    dict(name="accuracy", objective="maximize", threshold=GOOD_ENOUGH),
    dict(name="weights", objective="minimize"),
]
# The network narrows: its second layer is not wider than its first.
LINEAR_CONSTRAINTS: list[Mapping[str, object]] = [
    dict(
        type="greater_than",
        terms=[dict(name="hidden_1", weight=1), dict(name="hidden_2", weight=-1)],
        threshold=0,
    )
]


def narrows(point: Mapping[str, Any]) -> bool:
    """Whether the point satisfies the linear constraint."""
    return bool(point["hidden_1"] >= point["hidden_2"])


def evaluate(point: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """Return accuracy and size of the network, each with its standard deviation."""
    images, digits = load_digits(return_X_y=True)
    network = make_pipeline(
        StandardScaler() if point["standardize"] else MaxAbsScaler(),
        MLPClassifier(
            hidden_layer_sizes=(point["hidden_1"], point["hidden_2"]),
            activation=point["activation"],
            learning_rate_init=point["learning_rate"],
            alpha=point["alpha"],
            batch_size=64,
            max_iter=30,
            random_state=0,
        ),
    )
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    with warnings.catch_warnings():
        # Thirty rounds are what a network gets here, converged or not.
        warnings.simplefilter("ignore", ConvergenceWarning)
        scores = cross_val_score(network, images, digits, cv=folds)
    return {
        "accuracy": (float(np.mean(scores)), float(np.std(scores, ddof=1) / math.sqrt(FOLDS))),
        "weights": (float(size(point["hidden_1"], point["hidden_2"])), 0.0),
    }


def size(hidden_1: int, hidden_2: int) -> int:
    """Return how many numbers the network learns."""
    return (PIXELS + 1) * hidden_1 + (hidden_1 + 1) * hidden_2 + (hidden_2 + 1) * CLASSES
