"""How much is measured: sizes of each tier of `protogov emergence`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

TierName = Literal["smoke", "full", "self-test"]


@dataclass(frozen=True)
class Tier:
    """Sizes of a report.

    Attributes:
        name: of the tier.
        seeds: training seeds, at most.
        worlds: rows of a batch: divided among the training seeds; without any, as many tapes are the units.
        moments: shares of an episode after which it is forked, on calm and on stressed tapes alike.
        doses: of a push, in caps of the lever's change, each up and down.
        windows: hours after a fork over which outcomes are averaged.
        episodes: of each coalition.
        generations, population: of each search of the ladder.
        ladder_worlds: rows of the ladder.
        grid: constant strategies a lever, of the anchors of collusion.
        crisis_worlds: rows of a crisis in which decisions are attributed.
        muted: sales of an episode that are muted, at most.
        settings: constant settings that are tried as a way out of a crisis, a power of two.
        control_worlds: rows of the controls.
        sessions: of each planted learner of the self-test.
    """

    name: str
    seeds: int
    worlds: int
    moments: tuple[float, ...]
    episodes: int
    generations: int
    population: int
    ladder_worlds: int
    grid: int
    crisis_worlds: int
    muted: int
    settings: int
    control_worlds: int
    sessions: int
    doses: tuple[float, ...] = (1.0, 2.0)
    windows: tuple[int, ...] = (6, 24, 60)


TIERS: dict[str, Tier] = {
    # fixtures and their controls alone
    "self-test": Tier(
        "self-test", seeds=0, worlds=0, moments=(), episodes=0, generations=0, population=0, ladder_worlds=0, grid=0,
        crisis_worlds=0, muted=0, settings=0, control_worlds=0, sessions=10,
    ),
    # whether everything runs: nothing can be claimed of four units
    "smoke": Tier(
        "smoke", seeds=4, worlds=4, moments=(0.3,), episodes=4, generations=2, population=4, ladder_worlds=4, grid=5,
        crisis_worlds=4, muted=16, settings=8, control_worlds=4, sessions=10,
    ),
    # with 12 seeds 6 worlds each x 2 moments x calm and stress are 288 states, and 11 episodes each are 132
    "full": Tier(
        "full", seeds=12, worlds=72, moments=(0.2, 0.55), episodes=132, generations=20, population=10,
        ladder_worlds=48, grid=15, crisis_worlds=72, muted=64, settings=64, control_worlds=12, sessions=20,
    ),
}  # fmt: skip
