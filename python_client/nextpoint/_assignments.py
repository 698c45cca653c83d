"""One point of a search space, as a read-only mapping."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

ParameterValue: TypeAlias = float | int | str | bool


# A user knows the type of each parameter and a type checker does not: with the union as the type
# of a value, every use of one would need a cast.
class Assignments(Mapping[str, Any]):
    """The value of every conditional, and every parameter that is there under them, by name.

    It is a mapping, and has the names as attributes as well: ``params["lr"]`` is ``params.lr``.
    It cannot be changed, and compares equal to a dict with the same items. A parameter that
    shares its name with a method of mappings, such as ``items``, is reached by key only.
    """

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, ParameterValue]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401  see the class
        try:
            return self._values[name]
        except KeyError:
            raise KeyError(self._unknown(name)) from None

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  see the class
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(self._unknown(name)) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __hash__(self) -> int:
        return hash(frozenset(self._values.items()))

    def __repr__(self) -> str:
        return f"Assignments({self._values!r})"

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._values]

    def _unknown(self, name: object) -> str:
        return f"no parameter {name!r}; there are: {', '.join(self._values)}"

    # Copies and pickles are made anew; the default would ask `__getattr__` of an empty instance.
    def __reduce__(self) -> tuple[type[Assignments], tuple[dict[str, ParameterValue]]]:
        return Assignments, (self._values,)
