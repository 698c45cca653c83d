"""The parts of an experiment's definition, as values to write and to read."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class NormalPrior:
    """A belief that good values are normally distributed, cut off at the bounds.

    Attributes:
        mean: The value that is expected most, within the bounds.
        scale: The standard deviation.
    """

    mean: float
    scale: float


@dataclass(frozen=True, slots=True)
class BetaPrior:
    """A belief that the place of good values between the bounds has a beta distribution.

    Attributes:
        shape_a: How much is expected near the upper end.
        shape_b: How much is expected near the lower end.
    """

    shape_a: float
    shape_b: float


Prior: TypeAlias = NormalPrior | BetaPrior


@dataclass(frozen=True, slots=True)
class Double:
    """A real parameter.

    Example:
        ``Double("dropout", 0.0, 0.5)``, ``Double("lr", 1e-5, 1e-1, log=True)``,
        ``Double("momentum", grid=[0.8, 0.9, 0.99])`` or
        ``Double("decay", 0.0, 1.0, prior=NormalPrior(0.9, 0.05))``

    Attributes:
        name: The key in every mapping of assignments.
        min: The smallest value, inclusive.
        max: The largest value, inclusive.
        log: Whether it is searched on a logarithmic scale.
        grid: The only values that it takes; then there are no bounds to give.
        prior: Where good values are expected; not together with ``log`` or ``grid``.
        default_value: What observations made before it was there are taken to have had. Required
            when an update adds it.
        conditions: The values of conditionals under which it is there, such as
            ``{"kernel": ["rbf", "poly"]}``. None means always, in an update as before.
    """

    name: str
    min: float | None = None
    max: float | None = None
    _: KW_ONLY
    log: bool = False
    grid: Sequence[float] | None = None
    prior: Prior | None = None
    default_value: float | None = None
    conditions: Mapping[str, str | Sequence[str]] | None = None


@dataclass(frozen=True, slots=True)
class Int:
    """A whole-numbered parameter.

    Example:
        ``Int("layers", 1, 8)``

    Attributes:
        name: The key in every mapping of assignments.
        min: The smallest value, inclusive.
        max: The largest value, inclusive.
        log: Whether it is searched on a logarithmic scale.
        grid: The only values that it takes; then there are no bounds to give.
        default_value: What observations made before it was there are taken to have had. Required
            when an update adds it.
        conditions: The values of conditionals under which it is there, such as
            ``{"kernel": ["rbf", "poly"]}``. None means always, in an update as before.
    """

    name: str
    min: int | None = None
    max: int | None = None
    _: KW_ONLY
    log: bool = False
    grid: Sequence[int] | None = None
    default_value: int | None = None
    conditions: Mapping[str, str | Sequence[str]] | None = None


@dataclass(frozen=True, slots=True)
class Categorical:
    """A parameter that takes one of several strings.

    Example:
        ``Categorical("size", ["small", "medium", "large"], ordered=True)``

    Attributes:
        name: The key in every mapping of assignments.
        values: The strings.
        ordered: Whether their order means something.
        default_value: What observations made before it was there are taken to have had. Required
            when an update adds it.
        conditions: The values of conditionals under which it is there, such as
            ``{"kernel": ["rbf", "poly"]}``. None means always, in an update as before.
    """

    name: str
    values: Sequence[str]
    _: KW_ONLY
    ordered: bool = False
    default_value: str | None = None
    conditions: Mapping[str, str | Sequence[str]] | None = None


@dataclass(frozen=True, slots=True)
class Bool:
    """A parameter that is True or False.

    Attributes:
        name: The key in every mapping of assignments.
        default_value: What observations made before it was there are taken to have had. Required
            when an update adds it.
        conditions: The values of conditionals under which it is there, such as
            ``{"kernel": ["rbf", "poly"]}``. None means always, in an update as before.
    """

    name: str
    _: KW_ONLY
    default_value: bool | None = None
    conditions: Mapping[str, str | Sequence[str]] | None = None


@dataclass(frozen=True, slots=True)
class UnknownParameter:
    """A parameter of a type that this version of the client does not know; only ever read.

    Attributes:
        name: The key in every mapping of assignments.
    """

    name: str


@dataclass(frozen=True, slots=True)
class Conditional:
    """A switch on which it depends which parameters there are.

    Example:
        ``Conditional("kernel", ["linear", "rbf"])``, with
        ``Double("gamma", 1e-4, 1.0, log=True, conditions={"kernel": "rbf"})``

    Attributes:
        name: The key in every mapping of assignments.
        values: The strings that it takes.
    """

    name: str
    values: Sequence[str]


Parameter: TypeAlias = Double | Int | Categorical | Bool


@dataclass(frozen=True, slots=True)
class Metric:
    """What is measured at a point.

    Example:
        ``Metric("accuracy")`` or
        ``Metric("latency_ms", objective="minimize", strategy="constraint", threshold=20)``

    Attributes:
        name: The name in every mapping of values.
        objective: Which direction is better.
        strategy: ``optimize`` makes it as good as possible, ``constraint`` has it reach its
            threshold, ``store`` keeps it and ignores it.
        threshold: The value that is good enough, inclusive. Required for ``constraint``, allowed
            on optimized metrics when there are several.
    """

    name: str
    _: KW_ONLY
    objective: Literal["maximize", "minimize"] = "maximize"
    strategy: Literal["optimize", "constraint", "store"] = "optimize"
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """One of several ways to evaluate, of which the cheaper ones say less.

    Example:
        ``Task("a tenth of the data", 0.1)``

    Attributes:
        name: What says how to evaluate.
        cost: What one evaluation costs, as a share of a full one: more than 0, at most 1.
    """

    name: str
    cost: float


@dataclass(frozen=True, slots=True)
class LinearConstraint:
    """A weighted sum of parameters that every suggestion keeps on one side of a threshold.

    Example:
        ``LinearConstraint({"a": 1, "b": 2}, "<=", 1.0)`` for a + 2 b ≤ 1

    Attributes:
        weights: The factor of each parameter in the sum, by name.
        relation: How the sum is compared with the threshold.
        threshold: What it is compared with.
    """

    weights: Mapping[str, float]
    relation: Literal["<=", ">=", "=="]
    threshold: float
