"""Measures a support vector machine at every point of a grid and writes the table of a problem."""

import json
from itertools import product
from pathlib import Path

from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score
from sklearn.svm import SVC

from problems import DIGITS_KERNELS, DIGITS_LOG_C, DIGITS_LOG_GAMMA

TABLE = Path(__file__).parent / "tables/digits.json"


def main() -> None:
    """Write the error of each point: kernels slowest, then C, then gamma."""
    images, digits = load_digits(return_X_y=True)
    errors = []
    for kernel, log_c, log_gamma in product(
        DIGITS_KERNELS, range(*DIGITS_LOG_C), range(*DIGITS_LOG_GAMMA)
    ):
        model = SVC(C=2.0**log_c, gamma=2.0**log_gamma, kernel=kernel)
        accuracy = cross_val_score(model, images[::3], digits[::3], cv=3).mean()
        errors.append(round(1.0 - float(accuracy), 6))
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text(json.dumps(errors) + "\n")


if __name__ == "__main__":
    main()
