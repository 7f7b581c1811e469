"""Play both worlds of a phenomenon on the same seeds and say whether it appears and vanishes as claimed.

The rule. Effect = value with the mechanism less value with the switch, seed by seed. It **appears** when the whole 95%
interval of the mean effect (Student's t over seeds) lies above the smallest effect of interest. It **vanishes** when
the value under the switch is exactly 0 in every episode, or, where the phenomenon states a band, when the whole 95%
interval of its mean lies within the band (a test of equivalence, not a failure to find a difference). A claim holds
when both are so.
"""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from protogov.envs.config import WorldConfig
from protogov.experiments.core.play import tape_seeds
from protogov.experiments.core.statistics import Interval, student_t
from protogov.experiments.errors import BadInput
from protogov.experiments.phenomena.phenomenon import Floats, Measure, Phenomenon, Sample, Seeds

BATCH = 64  # worlds in one simulator: enough for the compiled code, and both cores have work
FEWEST_SEEDS = 8


@dataclass(frozen=True)
class Comparison:
    """One measure in both worlds.

    Attributes:
        measure: which.
        active, switched: mean with its 95% interval, with the mechanism and with the switch.
        effect: of the paired difference.
        largest_switched: largest absolute value in any episode under the switch.
    """

    measure: Measure
    active: Interval
    switched: Interval
    effect: Interval
    largest_switched: float


@dataclass(frozen=True)
class Finding:
    """What a run found of one phenomenon.

    Attributes:
        phenomenon: which.
        seeds: U64 [n], the same in all worlds.
        active, switched: with the mechanism and with the switch.
        shown: the further worlds of its figure.
        comparisons: one a measure; the verdict hangs on the first.
    """

    phenomenon: Phenomenon
    seeds: Seeds
    active: Sample
    switched: Sample
    shown: dict[str, Sample]
    comparisons: tuple[Comparison, ...]

    @property
    def main(self) -> Comparison:
        """The comparison that the verdict hangs on."""
        return self.comparisons[0]

    @property
    def appears(self) -> bool:
        """The whole interval of the effect lies above the smallest effect of interest."""
        return self.main.effect.low > self.phenomenon.smallest

    @property
    def vanishes(self) -> bool:
        """Exactly zero in every episode, or the whole interval of the mean within the band."""
        if self.phenomenon.band == 0.0:
            return self.main.largest_switched == 0.0
        found = self.main.switched
        return max(abs(found.low), abs(found.high)) <= self.phenomenon.band

    @property
    def holds(self) -> bool:
        """Whether the claim held."""
        return self.appears and self.vanishes

    @property
    def verdict(self) -> str:
        """In words."""
        if self.holds:
            return "appears, vanishes"
        appears = "appears" if self.appears else "DOES NOT APPEAR"
        return f"{appears}, {'vanishes' if self.vanishes else 'DOES NOT VANISH'}"


def compare(measure: Measure, active: Floats, switched: Floats) -> Comparison:
    """Both worlds' values of one measure, float64 [n] each, in the same order of seeds."""
    return Comparison(
        measure,
        student_t(active),
        student_t(switched),
        student_t(active - switched),
        float(np.abs(switched).max()),
    )


def run_phenomena(
    phenomena: Sequence[Phenomenon], num_seeds: int = 256, *, jobs: int = 1, show: bool = False
) -> list[Finding]:
    """Play every world of every phenomenon on the same seeds.

    Args:
        phenomena: what to look for.
        num_seeds: episodes in each world.
        jobs: batches that run at the same time, each on a thread of its own (the kernels let go of Python's lock).
        show: a progress bar.

    Raises:
        BadInput: too few seeds for an interval, or no job.
        CheckFailed: the books of a world do not balance.
    """
    if num_seeds < FEWEST_SEEDS:
        raise BadInput(f"seeds is {num_seeds}; a whole number of at least {FEWEST_SEEDS} is accepted")
    if jobs < 1:
        raise BadInput(f"jobs is {jobs}; a whole number of at least 1 is accepted")
    seeds = tape_seeds(num_seeds)
    slices = [seeds[at : at + BATCH] for at in range(0, num_seeds, BATCH)]
    worlds = {one.name: _worlds_of(one) for one in phenomena}
    total = num_seeds * sum(len(configs) for configs in worlds.values())
    with (
        tqdm(total=total, desc="phenomena", unit="episode", disable=not show, mininterval=0.5) as bar,
        ThreadPoolExecutor(jobs) as pool,
    ):

        def submit(one: Phenomenon, config: WorldConfig, piece: Seeds) -> Future[Sample]:
            future = pool.submit(one.play, config, one.scenario, piece)
            future.add_done_callback(lambda _: bar.update(piece.size))
            return future

        futures = {
            (one.name, world): [submit(one, config, piece) for piece in slices]
            for one in phenomena
            for world, config in worlds[one.name].items()
        }
        try:
            samples = {at: Sample.joined([future.result() for future in row]) for at, row in futures.items()}
        except BaseException:
            pool.shutdown(cancel_futures=True)  # a world failed or the user has seen enough: start no more
            raise
    return [_found(one, seeds, {world: samples[one.name, world] for world in worlds[one.name]}) for one in phenomena]


_ACTIVE, _SWITCHED = "with the mechanism", "with the switch"


def _worlds_of(one: Phenomenon) -> dict[str, WorldConfig]:
    shown = {name: change.apply(one.config) for name, change in one.shown.items()}
    return {_ACTIVE: one.config, _SWITCHED: one.switch.apply(one.config), **shown}


def _found(one: Phenomenon, seeds: Seeds, samples: dict[str, Sample]) -> Finding:
    active, switched = samples.pop(_ACTIVE), samples.pop(_SWITCHED)
    comparisons = tuple(
        compare(measure, active.columns[measure.name], switched.columns[measure.name]) for measure in one.measures
    )
    return Finding(one, seeds, active, switched, samples, comparisons)
