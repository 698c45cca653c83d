"""How fast an experiment goes, and what follows from it for its points."""

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, field
from statistics import fmean, median

WAIT_SHARE = 0.1
"""Which share of an evaluation a call waits for a fresh point, when it says nothing."""
_REMEMBERED_ROUNDS = 5
_REMEMBERED_HAND_OUTS = 64
_RECENT_EVALUATIONS = 4
"""For how many evaluations it counts that a point was asked for: workers come and go."""


@dataclass(slots=True)
class Pace:
    """How long the evaluations of an experiment take, and its models; 0 where it is not known."""

    evaluation_seconds: float = 0.0
    waited_for_turn: float = 0.0
    """How many seconds the last turn at the models had to be waited for."""
    _rounds: deque[tuple[float, int]] = field(
        default_factory=lambda: deque(maxlen=_REMEMBERED_ROUNDS)
    )
    _asked: dict[float | None, float] = field(default_factory=dict)
    _handed_out: deque[tuple[float, float]] = field(
        default_factory=lambda: deque(maxlen=_REMEMBERED_HAND_OUTS)
    )

    def took(self, seconds: float, points: int) -> None:
        """Note how long a round of the model took that made so many points."""
        self._rounds.append((seconds, max(1, points)))

    def asked(self, now: float, max_wait: float | None) -> None:
        """Note that a call would wait so long for a fresh point; None if it does not say."""
        self._asked[max_wait] = now
        self._asked = {wait: at for wait, at in self._asked.items() if at >= now - self._reach}

    def handed_out(self, now: float, waited: float = 0.0) -> None:
        """Note that a point was handed out, for which a call had waited so many seconds."""
        self._handed_out.append((now, waited))

    @property
    def round_seconds(self) -> float:
        """How long a round of the model takes."""
        return median(seconds for seconds, _ in self._rounds) if self._rounds else 0.0

    @property
    def point_seconds(self) -> float:
        """How long a round takes for each point that it makes."""
        return median(seconds / points for seconds, points in self._rounds) if self._rounds else 0.0

    @property
    def workers(self) -> float:
        """How many evaluate or wait for a point at the same time, on average: the law of Little."""
        recent = self._recent
        if len(recent) < 2:
            return 1.0
        span = recent[-1][0] - recent[0][0]
        others = len(recent) - 1
        return max(1.0, min(others, others * self._busy_seconds / span if span else others))

    def patience(self, max_wait: float | None) -> float:
        """How long a call waits for a fresh point; if it does not say, a share of an evaluation."""
        return WAIT_SHARE * self.evaluation_seconds if max_wait is None else max_wait

    @property
    def ahead(self) -> int:
        """How many points to have ready: the most that were handed out in the time of a round.

        It is 0 where nothing is to be made ahead: where calls wait for a fresh point anyway, since
        the model is quick, or where evaluations are quicker than the model.
        """
        if self.workers * self._least_point_seconds >= self.evaluation_seconds:
            return 0
        if self._least_patience >= self._fresh_seconds:
            return 0
        return self._most_within(self.round_seconds)

    @property
    def _least_patience(self) -> float:
        """How long the least patient of late waits for a fresh point."""
        return min(map(self.patience, self._asked), default=self.patience(None))

    @property
    def _fresh_seconds(self) -> float:
        """How long a call waits for a fresh point: half of a round that is under way, and its own.

        The more points others ask for in a round, up to one, the likelier one is under way: the law
        of Little again. Evaluations have to take time.
        """
        others = (self.workers - 1.0) * self.round_seconds / self._busy_seconds
        return self.round_seconds * (1.0 + 0.5 * min(1.0, others))

    @property
    def _busy_seconds(self) -> float:
        """How long a worker evaluates, and waits for the point before that.

        The wait for the first that counts was before that was handed out, when nothing is counted.
        """
        waits = [waited for _, waited in self._recent[1:]]
        return self.evaluation_seconds + (fmean(waits) if waits else 0.0)

    @property
    def _recent(self) -> list[tuple[float, float]]:
        """When points were handed out lately, and for how long calls had waited for them."""
        if not self._handed_out:
            return []
        oldest = self._handed_out[-1][0] - self._reach
        return [each for each in self._handed_out if each[0] >= oldest]

    @property
    def _reach(self) -> float:
        """How long it counts that a point was asked for: a few evaluations, and waits."""
        waited = self._handed_out[-1][1] if self._handed_out else 0.0
        return _RECENT_EVALUATIONS * (self.evaluation_seconds + waited)

    @property
    def _least_point_seconds(self) -> float:
        return min((seconds / points for seconds, points in self._rounds), default=0.0)

    def _most_within(self, seconds: float) -> int:
        times = [time for time, _ in self._recent]
        ends = (bisect_left(times, begin + seconds) for begin in times)
        return max((end - start for start, end in enumerate(ends)), default=1)
