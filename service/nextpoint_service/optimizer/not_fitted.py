"""The error of a model that cannot be fitted; without NumPy, for the server knows it as well."""

NOTHING_IN_THE_SPACE = "no observation to learn from is in the search space as it is now"


class NotFitted(Exception):
    """No model can be fitted to the data; the message says why, to people."""
