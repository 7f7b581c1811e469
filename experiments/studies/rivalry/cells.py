"""Constants of one lever a venue on paired tapes: what an episode pays to governors and to everybody else."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.envs.mandates import PRESETS
from protogov.experiments.core.play import open_worlds
from protogov.experiments.core.statistics import Floats
from protogov.experiments.core.tables import Table
from protogov.experiments.studies.audit.play import tape_range
from protogov.experiments.studies.audit.suites import find_suite

CORE = {"base_rate": "rate", "liquidation_threshold": "risk", "half_spread": "spread"}  # lever -> its role
ROWS = 768  # worlds of a batch
OBJECTIVES = ("mandate", "profit")  # what the governor of the lever is paid, see `protogov.envs.mandates`

# what a cell pays [bp of the venue's K0 per episode]: column -> terms of the world and their weights. The parties above
# the line add up to W; W does not weigh those below it
PARTIES: dict[str, dict[str, float]] = {
    "borrowers": {"welfare_borrowers": 1.0, "welfare_liquidation": 1.0},
    "suppliers": {"welfare_suppliers": 1.0, "welfare_lockup": 1.0},
    "option_lps": {"welfare_lps": 1.0},
    "traders": {"welfare_traders": 1.0},
    "treasury": {"welfare_treasury": 1.0},
    "defaults": {"welfare_haircuts": 1.0, "welfare_deficit": 1.0, "welfare_latent": 1.0},
    # ----
    "liquidators": {"liquidator_profit": 1.0},
    "informed": {"informed_profit": 1.0},
    "arbitrageurs": {"arbitrage_profit": 1.0},
}
WELFARE = "welfare"
PAYOFFS = (*OBJECTIVES, WELFARE)
COLUMNS = (*PAYOFFS, *PARTIES)


@dataclass(frozen=True)
class Cells:
    """Pairs of constants on some tapes: a piece.

    Attributes:
        market: source of the tapes.
        levers: of venue 0 and of venue 1, or of the only venue.
        pairs: their actions, in [-1, 1].
        first, count: seeds of the tapes.
        swap: on tapes with an odd seed the venues change sides.
    """

    market: str
    levers: tuple[str, ...]
    pairs: tuple[tuple[float, ...], ...]
    first: int
    count: int
    swap: bool = False


def weights_of(column: str, role: str) -> Mapping[str, float]:
    """Terms of the world and their weights in a column, at a venue whose lever is of this role."""
    if column in OBJECTIVES:
        return {term.source: term.weight for term in PRESETS[column][role].terms}
    return {WELFARE: 1.0} if column == WELFARE else PARTIES[column]


def play_cells(config: WorldConfig, job: Cells) -> Table:
    """One row per pair, tape and venue, in that order: `COLUMNS` of the episode [bp of K0], and `k0` [USD]."""
    venues, tapes = len(job.levers), job.count
    seeds = tape_range(job.first, job.count)
    opening = open_worlds(config, find_suite(job.market), seeds)
    k0 = opening.worlds["venues"]["opening_value"]
    odd = (seeds % 2 == 1) & job.swap
    found: dict[str, list[Floats]] = {name: [] for name in (*COLUMNS, "k0")}
    each = max(1, ROWS // tapes)
    for at in range(0, len(job.pairs), each):
        pairs = np.array(job.pairs[at : at + each])
        world = opening.fork(np.tile(np.arange(tapes), len(pairs)))
        actions = np.repeat(pairs, tapes, axis=0)
        swapped = np.tile(odd, len(pairs))
        actions[swapped] = actions[swapped, ::-1]
        asked = {name: np.zeros((world.num_worlds, world.action_size(name))) for name in world.agents}
        for v, lever in enumerate(job.levers):
            agent = f"{CORE[lever]}_{v}"
            asked[agent][:, world.roles[agent].levers.index(lever)] = actions[:, v]
        totals = {name: np.zeros((world.num_worlds, venues)) for name in COLUMNS}
        for _ in range(world.horizon):
            world.take_actions(asked)
            world.advance()
            terms = world.all_terms()
            for v, lever in enumerate(job.levers):
                for name, total in totals.items():
                    for term, weight in weights_of(name, CORE[lever]).items():
                        total[:, v] += weight * terms[term][:, v]
        for name, total in totals.items():
            found[name].append(total.ravel())
        found["k0"].append(np.tile(k0, (len(pairs), 1)).ravel())
    return {name: np.concatenate(parts) for name, parts in found.items()}
