"""Assignments: the values of one point."""

from collections.abc import Mapping

Value = float | int | str | bool
Assignments = Mapping[str, Value]

LARGEST_INT = 2**53
"""Up to here every language's floating-point numbers hold whole numbers exactly."""
