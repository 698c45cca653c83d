"""The problems that systems are compared on; everything in them is minimized."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

from nextpoint_service.optimizer.hypervolume import hypervolume

Value = float | int | str | bool
Point = Mapping[str, Value]
Values = dict[str, float]

DIGITS_KERNELS = ("rbf", "poly", "sigmoid")
DIGITS_LOG_C = (-5, 11)
DIGITS_LOG_GAMMA = (-16, 2)
_TABLE = Path(__file__).parent / "tables/digits.json"


@dataclass(frozen=True)
class Parameter:
    """One dimension: `kind` is double, int, categorical or bool; `values` are a categorical's."""

    name: str
    kind: str
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ceiling:
    """A weighted sum of parameters that must not exceed the bound."""

    weights: Mapping[str, float]
    bound: float


@dataclass(frozen=True)
class Problem:
    """A function and what is known about its best values.

    The function returns None where an evaluation fails. `limits` are metrics and what they may be
    at most. With one objective `best` is its least value and `worst` stands for nothing found; with
    several `best` is the hypervolume that the frontier encloses with `reference`.
    """

    name: str
    parameters: tuple[Parameter, ...]
    function: Callable[[Point], Values | None]
    objectives: tuple[str, ...]
    best: float
    budget: int
    worst: float = 0.0
    limits: Mapping[str, float] = field(default_factory=dict)
    linear: tuple[Ceiling, ...] = ()
    noise: float = 0.0
    reference: tuple[float, ...] = ()

    def measure(self, point: Point, random: np.random.Generator) -> Values | None:
        """Return what a worker measures at the point, noise included; None when it fails."""
        values = self.function(point)
        if values is None:
            return None
        return {
            name: value + self.noise * float(random.standard_normal())
            for name, value in values.items()
        }

    def satisfied(self, point: Point) -> bool:
        """Whether the linear constraints hold."""
        return all(above <= 1e-6 for above in self._above(point))

    def missed(self, point: Point, values: Values) -> list[float]:
        """Return for each limit and each linear constraint what is above it; 0 and less is none."""
        above = [values[name] - limit for name, limit in self.limits.items()]
        return above + self._above(point)

    def _above(self, point: Point) -> list[float]:
        return [
            sum(weight * float(point[name]) for name, weight in row.weights.items()) - row.bound
            for row in self.linear
        ]

    def scores(self, points: Sequence[Point], measured: Sequence[Values | None]) -> list[float]:
        """Return after each evaluation how far the best point, or the frontier, is from the best.

        The best point is the one that was measured as best; its score is its value without noise.
        """
        return (
            self._regrets(points, measured)
            if len(self.objectives) == 1
            else self._gaps(points, measured)
        )

    def _regrets(self, points: Sequence[Point], measured: Sequence[Values | None]) -> list[float]:
        (objective,) = self.objectives
        least, regret, regrets = math.inf, self.worst - self.best, []
        for point, values in zip(points, measured, strict=True):
            if values is not None and self._counts(point, values) and values[objective] < least:
                least = values[objective]
                exact = self.function(point)
                assert exact is not None
                regret = exact[objective] - self.best
            regrets.append(max(regret, 0.0))
        return regrets

    def _gaps(self, points: Sequence[Point], measured: Sequence[Values | None]) -> list[float]:
        gains: list[tuple[float, ...]] = []
        gaps = []
        volume = 0.0
        for point, values in zip(points, measured, strict=True):
            if values is not None and self._counts(point, values):
                pairs = zip(self.objectives, self.reference, strict=True)
                gain = tuple(most - values[name] for name, most in pairs)
                if min(gain) > 0.0:
                    gains.append(gain)
                    volume = hypervolume(gains, until=math.inf)
            gaps.append(max(self.best - volume, 0.0))
        return gaps

    def _counts(self, point: Point, values: Values) -> bool:
        within = all(values[name] <= limit for name, limit in self.limits.items())
        return within and self.satisfied(point)


def problems() -> dict[str, Problem]:
    """Return every problem by its name."""
    return {each.name: each for each in (*_single(), *_kinds(), *_several())}


def _single() -> list[Problem]:
    return [
        _unit("hartmann3", 3, _hartmann3, -3.86278, budget=40, worst=0.0),
        _unit("hartmann6", 6, _hartmann6, -3.32237, budget=60, worst=0.0),
        _box("branin", (("x0", -5.0, 10.0), ("x1", 0.0, 15.0)), _branin, 0.397887, 40, worst=300.0),
        _box("ackley5", _cube(5, -32.768, 32.768), _moved(_ackley, 16.0), 0.0, 60, worst=23.0),
        _box("levy10", _cube(10, -10.0, 10.0), _moved(_levy, 5.0), 0.0, 80, worst=300.0),
        _box("levy20", _cube(20, -10.0, 10.0), _moved(_levy, 5.0), 0.0, 100, worst=600.0),
        _box("rosenbrock4", _cube(4, -5.0, 10.0), _rosenbrock, 0.0, 60, worst=1e6),
        _box("michalewicz5", _cube(5, 0.0, math.pi), _michalewicz, -4.687658, 60, worst=0.0),
    ]


def _kinds() -> list[Problem]:
    branin = (("x0", -5.0, 10.0), ("x1", 0.0, 15.0))
    six = tuple(Parameter(f"x{index}", "double") for index in range(6))
    ones = {f"x{index}": 1.0 for index in range(6)}
    return [
        _box("branin_noisy", branin, _branin, 0.397887, 50, worst=300.0, noise=5.0),
        _unit("hartmann6_noisy", 6, _hartmann6, -3.32237, budget=60, worst=0.0, noise=0.3),
        Problem(
            "hartmann6_linear",
            six,
            _named(_hartmann6),
            ("f",),
            best=-2.594731,
            budget=60,
            linear=(Ceiling(ones, 1.5), Ceiling({"x5": 1.0, "x0": -1.0}, 0.5)),
        ),
        Problem("branin_failing", _doubles(branin), _failing, ("f",), 0.397887, 40, worst=300.0),
        Problem(
            "mixed",
            (
                *six[:3],
                Parameter("count", "int", 0, 10),
                Parameter("kind", "categorical", values=("a", "b", "c", "d")),
                Parameter("flag", "bool"),
            ),
            _mixed,
            ("f",),
            best=-3.296511,
            budget=60,
        ),
        Problem(
            "rates",
            tuple(Parameter(f"x{index}", "double", 1e-6, 1.0, log=True) for index in range(4)),
            _rates,
            ("f",),
            best=0.0,
            budget=50,
            worst=100.0,
        ),
        Problem(
            "digits",
            (
                Parameter("kernel", "categorical", values=DIGITS_KERNELS),
                Parameter("log_c", "int", DIGITS_LOG_C[0], DIGITS_LOG_C[1] - 1),
                Parameter("log_gamma", "int", DIGITS_LOG_GAMMA[0], DIGITS_LOG_GAMMA[1] - 1),
            ),
            _digits,
            ("f",),
            best=min(_table()),
            budget=40,
            worst=1.0,
        ),
        Problem(
            "gramacy",
            six[:2],
            _gramacy,
            ("f",),
            best=0.599788,
            budget=40,
            worst=2.0,
            limits={"c": 0.0, "d": 0.0},
        ),
    ]


def _several() -> list[Problem]:
    unit = tuple(Parameter(f"x{index}", "double") for index in range(6))
    two = ("f", "g")
    return [
        Problem(
            "branin_currin", unit[:2], _branin_currin, two, 59.36011, 40, reference=(18.0, 6.0)
        ),
        Problem("zdt1", unit, _zdt1, two, 121.0 - 1.0 / 3.0, 50, reference=(11.0, 11.0)),
        Problem("dtlz2", unit, _dtlz2(2), two, 1.21 - math.pi / 4, 50, reference=(1.1,) * 2),
        Problem(
            "dtlz2_3",
            unit,
            _dtlz2(3),
            ("f", "g", "h"),
            1.331 - math.pi / 6,
            50,
            reference=(1.1,) * 3,
        ),
        Problem(
            "dtlz2_4",
            unit,
            _dtlz2(4),
            ("f", "g", "h", "i"),
            1.4641 - math.pi**2 / 32,
            50,
            reference=(1.1,) * 4,
        ),
        Problem(
            "c2dtlz2",
            unit[:4],
            _c2dtlz2,
            two,
            0.382334,
            50,
            limits={"c": 0.0},
            reference=(1.1,) * 2,
        ),
    ]


Box = Sequence[tuple[str, float, float]]


def _cube(size: int, low: float, high: float) -> Box:
    return [(f"x{index}", low, high) for index in range(size)]


def _doubles(box: Box) -> tuple[Parameter, ...]:
    return tuple(Parameter(name, "double", low, high) for name, low, high in box)


def _box(
    name: str,
    box: Box,
    function: Callable[[np.ndarray], float],
    best: float,
    budget: int,
    *,
    worst: float,
    noise: float = 0.0,
) -> Problem:
    return Problem(
        name, _doubles(box), _named(function), ("f",), best, budget, worst=worst, noise=noise
    )


def _unit(
    name: str,
    size: int,
    function: Callable[[np.ndarray], float],
    best: float,
    *,
    budget: int,
    worst: float,
    noise: float = 0.0,
) -> Problem:
    return _box(name, _cube(size, 0.0, 1.0), function, best, budget, worst=worst, noise=noise)


def _named(function: Callable[[np.ndarray], float]) -> Callable[[Point], Values]:
    return lambda point: {"f": float(function(_vector(point)))}


def _vector(point: Point) -> np.ndarray:
    return np.array([float(point[f"x{index}"]) for index in range(len(point))])


def _moved(function: Callable[[np.ndarray], float], reach: float) -> Callable[[np.ndarray], float]:
    """Return the function with its best point away from the centre, where some systems begin."""
    return lambda x: function(x - reach * _off_centre(len(x)))


def _off_centre(size: int) -> np.ndarray:
    """Return for each dimension another number between -1 and 1."""
    return 2.0 * (np.arange(1, size + 1) * (math.sqrt(5.0) - 1.0) / 2.0 % 1.0) - 1.0


def _branin(x: np.ndarray) -> float:
    valley = x[1] - 5.1 / (4 * math.pi**2) * x[0] ** 2 + 5 / math.pi * x[0] - 6
    return valley**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x[0]) + 10


_ALPHA = np.array([1.0, 1.2, 3.0, 3.2])
_A3 = np.array([[3.0, 10, 30], [0.1, 10, 35], [3.0, 10, 30], [0.1, 10, 35]])
_P3 = 1e-4 * np.array(
    [[3689, 1170, 2673], [4699, 4387, 7470], [1091, 8732, 5547], [381, 5743, 8828]]
)
_A6 = np.array(
    [
        [10, 3, 17, 3.5, 1.7, 8],
        [0.05, 10, 17, 0.1, 8, 14],
        [3, 3.5, 1.7, 10, 17, 8],
        [17, 8, 0.05, 10, 0.1, 14],
    ]
)
_P6 = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)


def _hartmann3(x: np.ndarray) -> float:
    return -float(_ALPHA @ np.exp(-(_A3 * (x - _P3) ** 2).sum(axis=1)))


def _hartmann6(x: np.ndarray) -> float:
    return -float(_ALPHA @ np.exp(-(_A6 * (x - _P6) ** 2).sum(axis=1)))


def _ackley(x: np.ndarray) -> float:
    far = -20 * math.exp(-0.2 * math.sqrt(float((x**2).mean())))
    return far - math.exp(float(np.cos(2 * math.pi * x).mean())) + 20 + math.e


def _levy(x: np.ndarray) -> float:
    w = 1 + (x - 1) / 4
    middle = (w[:-1] - 1) ** 2 * (1 + 10 * np.sin(math.pi * w[:-1] + 1) ** 2)
    last = (w[-1] - 1) ** 2 * (1 + math.sin(2 * math.pi * w[-1]) ** 2)
    return math.sin(math.pi * w[0]) ** 2 + float(middle.sum()) + last


def _rosenbrock(x: np.ndarray) -> float:
    return float((100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum())


def _michalewicz(x: np.ndarray) -> float:
    order = np.arange(1, len(x) + 1)
    return -float((np.sin(x) * np.sin(order * x**2 / math.pi) ** 20).sum())


def _failing(point: Point) -> Values | None:
    x = _vector(point)
    if (x[0] - 9.4) ** 2 + (x[1] - 2.5) ** 2 < 9.0 or x[1] > 13.0:
        return None
    return {"f": _branin(x)}


_PLACES = {"a": 0.9, "b": 0.3, "c": 0.6, "d": 0.05}


def _mixed(point: Point) -> Values:
    x = [float(point[name]) for name in ("x0", "x1", "x2")]
    whole = [int(point["count"]) / 10.0, _PLACES[str(point["kind"])]]
    last = 0.65 if point["flag"] else 0.3
    return {"f": _hartmann6(np.array([*x, *whole, last]))}


def _rates(point: Point) -> Values:
    u = np.log10(_vector(point)) + np.array([2.0, 3.5, 1.0, 4.5])
    bent = u[0] + 0.3 * u[1] ** 2
    return {"f": float(2 * bent**2 + u[1] ** 2 + (u[2] - 0.5 * u[0]) ** 2 + 0.3 * u[3] ** 2)}


@cache
def _table() -> list[float]:
    errors: list[float] = json.loads(_TABLE.read_text())
    return errors


def _digits(point: Point) -> Values:
    row = DIGITS_KERNELS.index(str(point["kernel"]))
    row = row * (DIGITS_LOG_C[1] - DIGITS_LOG_C[0]) + int(point["log_c"]) - DIGITS_LOG_C[0]
    width = DIGITS_LOG_GAMMA[1] - DIGITS_LOG_GAMMA[0]
    return {"f": _table()[row * width + int(point["log_gamma"]) - DIGITS_LOG_GAMMA[0]]}


def _gramacy(point: Point) -> Values:
    x, y = float(point["x0"]), float(point["x1"])
    return {
        "f": x + y,
        "c": 1.5 - x - 2 * y - 0.5 * math.sin(2 * math.pi * (x**2 - 2 * y)),
        "d": x**2 + y**2 - 1.5,
    }


def _branin_currin(point: Point) -> Values:
    x, y = float(point["x0"]), float(point["x1"])
    rest = 1.0 if y == 0.0 else 1.0 - math.exp(-1.0 / (2.0 * y))
    rational = (2300 * x**3 + 1900 * x**2 + 2092 * x + 60) / (100 * x**3 + 500 * x**2 + 4 * x + 20)
    return {"f": _branin(np.array([15 * x - 5, 15 * y])), "g": rest * rational}


def _zdt1(point: Point) -> Values:
    x = _vector(point)
    g = 1 + 9 * float(x[1:].mean())
    return {"f": float(x[0]), "g": g * (1 - math.sqrt(x[0] / g))}


def _dtlz2(objectives: int) -> Callable[[Point], Values]:
    names = "fghi"[:objectives]

    def values(point: Point) -> Values:
        x = _vector(point)
        angles = x[: objectives - 1] * math.pi / 2
        rest = x[objectives - 1 :]
        radius = 1 + float(((rest - 0.5 - 0.3 * _off_centre(len(rest))) ** 2).sum())
        result = {}
        for index, name in enumerate(names):
            value = radius * float(np.cos(angles[: objectives - 1 - index]).prod())
            result[name] = value * math.sin(angles[objectives - 1 - index]) if index else value
        return result

    return values


def _c2dtlz2(point: Point) -> Values:
    values = _dtlz2(2)(point)
    f = np.array([values["f"], values["g"]])
    corner = min((f[0] - 1) ** 2 + f[1] ** 2, (f[1] - 1) ** 2 + f[0] ** 2) - 0.2**2
    middle = float(((f - 1 / math.sqrt(2)) ** 2).sum()) - 0.2**2
    return {**values, "c": min(corner, middle)}
