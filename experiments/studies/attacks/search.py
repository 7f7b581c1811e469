"""The attacker's search: CMA-ES from every channel, picked on other tapes, paid on others again.

The attacker knows the governor and the law of the market, not the tape. The three sets of tapes are apart: those of a
search are new in every generation, those on which its offers are compared, and those on which the chosen plan is paid.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from protogov.agents.tuning.evolution import evolve
from protogov.envs.config import WorldConfig
from protogov.experiments.core.fresh_tapes import FIRST_PICKING, Effort, search_tapes
from protogov.experiments.core.play import FIRST_SCORING, open_worlds, play
from protogov.experiments.core.statistics import Floats
from protogov.experiments.core.tables import Table
from protogov.experiments.studies.attacks.plans import NOTHING, SIZE, STARTS, Attack, decode, start_of
from protogov.experiments.studies.audit.play import tape_range
from protogov.experiments.studies.audit.suites import find_suite
from protogov.experiments.studies.emergence.subjects import Subject
from protogov.experiments.studies.rivalry.cells import PARTIES, WELFARE

WARM = "warm"  # a search that starts from a plan


@dataclass(frozen=True)
class Hunt:
    """A piece: one search.

    Attributes:
        market: source of the tapes.
        governors: who governs.
        budget: most capital [USD].
        start: a channel, or `WARM`.
        generations, population, tapes: of the search; tapes are those of a generation.
        picked: tapes on which its offers are compared.
        number: of the search; searches with other numbers see other tapes.
        warm: the vector from which a warm search starts.
    """

    market: str
    governors: Subject
    budget: float
    start: str
    generations: int
    population: int
    tapes: int
    picked: int
    number: int
    warm: tuple[float, ...] = ()


@dataclass(frozen=True)
class Trial:
    """A piece: a plan on tapes that no search saw, beside the same tapes without an attack."""

    market: str
    governors: Subject
    attack: tuple[tuple[str, float], ...]
    count: int

    def plan(self) -> Attack:
        """The plan."""
        values = dict(self.attack)
        whole = ("onset", "push_hours", "grief_hours")
        return Attack(**{name: int(value) if name in whole else value for name, value in values.items()})  # type: ignore[arg-type]


def fields_of(attack: Attack) -> tuple[tuple[str, float], ...]:
    """A plan as a job holds it."""
    return tuple(asdict(attack).items())


def played(config: WorldConfig, market: str, who: Subject, attack: Attack, seeds: np.ndarray) -> dict[str, Floats]:
    """Episodes with an attack, F64[n] each: the attackers' profit [USD], and W and `PARTIES` [bp of K0]."""
    world = open_worlds(attack.world(config), attack.on(find_suite(market)), seeds)
    totals = {name: np.zeros(len(seeds)) for name in (WELFARE, *PARTIES)}
    for step in play(world, who.governors(config, len(seeds)), seeds):
        terms = world.all_terms()[:, 0]
        for name, total in totals.items():
            for term, weight in ({WELFARE: 1.0} if name == WELFARE else PARTIES[name]).items():
                total += weight * terms[term]
        profit = step.records["attacker_profit"][:, 0]
    return {"profit": np.array(profit), **totals, "k0": world.worlds["venues"]["opening_value"][:, 0].copy()}


def hunt(config: WorldConfig, job: Hunt) -> Table:
    """One row: the vector of the best offer of a search, and its profit where offers are compared [USD]."""
    effort = Effort(job.generations, job.population, job.tapes)
    seeds = np.array(search_tapes(job.number, effort), np.uint64).reshape(job.generations, job.tapes)
    cash = pool_cash(config, job.market)

    def profit(point: Floats, on: np.ndarray) -> float:
        attack = decode(point, job.budget, config.episode_hours, cash)
        if attack.channels == "none":
            return 0.0
        return float(played(config, job.market, job.governors, attack, on)["profit"].mean())

    start = np.array(job.warm) if job.start == WARM else start_of(job.start)
    way = evolve(
        start, effort.budget, lambda at, points: np.array([profit(point, seeds[at]) for point in points]),
        seed=job.number,
    )  # fmt: skip
    offers = np.array([start, way.last, way.best])
    compared = tape_range(FIRST_PICKING, job.picked)
    gains = np.array([profit(point, compared) for point in offers])
    best = int(gains.argmax())
    return {**{f"x{at}": offers[best, at : at + 1] for at in range(SIZE)}, "picked": gains[best : best + 1]}


def trial(config: WorldConfig, job: Trial) -> Table:
    """One row per tape: profit [USD], and what W and every party have more with the attack [USD]."""
    seeds = tape_range(FIRST_SCORING, job.count)
    with_it = played(config, job.market, job.governors, job.plan(), seeds)
    without = played(config, job.market, job.governors, NOTHING, seeds)
    dollars = without["k0"] / 1e4
    return {
        "profit": with_it["profit"],
        **{name: (with_it[name] - without[name]) * dollars for name in (WELFARE, *PARTIES)},
    }


def pool_cash(config: WorldConfig, market: str) -> float:
    """Cash of the spot pool in the mean at the opening [USD]."""
    return float(open_worlds(config, find_suite(market), tape_range(FIRST_PICKING, 16)).worlds["pool_cash"].mean())


def starts_of(warm: Floats | None) -> Mapping[str, tuple[float, ...]]:
    """Starts of the searches for a budget: every channel, or a plan that worked with more capital."""
    return dict.fromkeys(STARTS, ()) if warm is None else {WARM: tuple(float(value) for value in warm)}
