"""The expected channels: a lever is moved by hand in a crisis, and a switch of the physics must take the effect away.

Learned governors play a crisis. In a second branch one lever is held elsewhere from the deepest day on, the others'
levers are replayed, and tape and noise are the same. The difference is the effect; the same in the world whose switch
is off is what is left of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.envs.config import WorldConfig
from protogov.envs.interventions import Interventions
from protogov.envs.roles import Agent
from protogov.envs.simulator import Simulator
from protogov.envs.world.lever_table import LEVER_BY_NAME
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.play import tape_seeds
from protogov.experiments.core.statistics import ENOUGH_SEEDS, Floats, percentile, seed_draws, student_t
from protogov.experiments.core.tables import Table, columns
from protogov.experiments.errors import as_bad_input
from protogov.experiments.studies.coexistence.playing import STRIDE, Lineup, Sources, digests_of
from protogov.experiments.studies.emergence.forks import Plan, fork_points
from protogov.experiments.studies.emergence.subjects import governor_of
from protogov.experiments.studies.phenomena.worlds import DEEP

FALL = (0, 60)  # a lever is held from the beginning of the deepest day on, for so many hours
BUILD_UP = (96, 168)  # of a rate from so many hours before it on: utilisation takes time
HELD_WORDS = f"""In crises that learned governors play a lever is moved by hand, the others' levers replayed: for
{FALL[1]} h from the beginning of the deepest day on; rates for {BUILD_UP[1]} h from {BUILD_UP[0]} h before it on."""
SHARE = 0.9  # of an effect that its switch must take away
ON, OFF = "on", "off"


@dataclass(frozen=True)
class Channel:
    """One channel.

    Attributes:
        name: short.
        words: what leads to what.
        levers: lever -> its value while it is held, in its unit; a number with `by` is what is added to it instead.
        by: whether values are added to what is in force.
        hold: hours before the deepest day at which the hold begins, and its length.
        outcome: what it ends in, one of `OUTCOMES`; larger is worse.
        switch: parameters of the world without the channel.
        about: the switch in words.
    """

    name: str
    words: str
    levers: Mapping[str, float]
    by: bool
    hold: tuple[int, int]
    outcome: str
    switch: Mapping[str, float]
    about: str


_RATES_LOW = {
    name: LEVER_BY_NAME[name].high if name == "optimal_utilisation" else LEVER_BY_NAME[name].low
    for name in ("base_rate", "slope1", "slope2", "optimal_utilisation")
}
OUTCOMES = {
    "hedging cost": "slippage, fees and funding of hedges in the episode",
    "frozen cash": "what the option pool lent and could not get back, the mean over the episode",
    "unpaid options": "owed to option holders and not paid, the mean over the episode",
    "bad debt": "booked bad debt and the growth of latent shortfall in the episode",
}  # [bp of K0]
CHANNELS = (
    Channel(
        "threshold to hedges", "risk cuts the threshold in a crash, liquidations move the pool, hedges cost more",
        {"liquidation_threshold": -0.08}, True, FALL, "hedging cost", DEEP,
        "a pool of infinite depth (`depth_scale` 1e9, and arbitrage that can follow it)",
    ),
    Channel(
        "rates to frozen cash", "low rates raise utilisation, and the option pool cannot get back what it lent",
        _RATES_LOW, False, BUILD_UP, "frozen cash", {"lend_share": 0.0},
        "the option pool lends nothing (`lend_share` 0)",
    ),
    Channel(
        "rates to unpaid options", "low rates raise utilisation, the option pool's cash is frozen, options stay unpaid",
        _RATES_LOW, False, BUILD_UP, "unpaid options", {"lend_share": 0.0},
        "the option pool lends nothing (`lend_share` 0)",
    ),
    Channel(
        "hedges to bad debt", "a higher hedge ratio sells into a crash, and debt goes bad",
        {"hedge_ratio": LEVER_BY_NAME["hedge_ratio"].high}, False, FALL, "bad debt", {"hedge_through_pool": 0.0},
        "hedges trade outside the pool (`hedge_through_pool` 0)",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class ChannelJob:
    """A piece: a channel on or off, for the governors of one training seed.

    Attributes:
        channel: its name.
        switch: "on" or "off".
        lineup: who governs.
        scenarios: crises.
        first, count: tapes of each.
        files: digests of the policies.
    """

    channel: str
    switch: str
    lineup: Lineup
    scenarios: tuple[str, ...]
    first: int
    count: int
    files: tuple[str, ...]


def play_channel(config: WorldConfig, job: ChannelJob) -> Table:
    """A row a tape: `base`, the outcome without, and `effect`, what holding the lever adds [bp of K0]."""
    (channel,) = (one for one in CHANNELS if one.name == job.channel)
    agents = {agent.name: agent for agent in config.learners()}
    world_config = config.with_parameters(**channel.switch) if job.switch == OFF else config
    found = [_play_crisis(world_config, channel, job, agents, scenario) for scenario in job.scenarios]
    return {name: np.concatenate([part[name] for part in found]) for name in found[0]}


def _play_crisis(
    config: WorldConfig, channel: Channel, job: ChannelJob, agents: Mapping[str, Agent], scenario: str
) -> Table:
    seeds, watched = tape_seeds(job.count, job.first), list[_Recorder]()
    with as_bad_input():
        world = Simulator(config, job.count, scenario=scenario)
    governors = {seat: governor_of(source, agents[seat], config) for seat, source in job.lineup.sources}
    plan = Plan(seeds, steps=world.horizon)
    (point,) = fork_points(world, governors, plan)
    base = point.run(plan.steps, change=lambda at: watched.append(_Recorder(at)))
    # who has the lever decides freely; what it asks for of its other levers may differ then
    others = {
        agent: asked for agent, asked in base.asked.items()
        if not set(channel.levers) & set(world.roles[agent].levers)
    }  # fmt: skip
    values = _held(world, channel, base.executed)

    def hold(at: Simulator) -> None:
        watched.append(_Recorder(at))
        _hold(at, channel, values)

    point.run(plan.steps, others, change=hold)
    total, more = (one.totals[channel.outcome] for one in watched)
    return {"base": total, "effect": more - total}


class _Recorder:
    """Watches a branch: outcomes of all venues by K0, summed over its decisions, F64[n] each [bp of K0]."""

    def __init__(self, world: Simulator) -> None:
        venues = world.worlds["venues"]
        self._capital = np.array(venues["opening_value"][:, : world.config.venues], np.float64)
        self.totals = {name: np.zeros(world.num_worlds) for name in OUTCOMES}
        world.callbacks.append(self)

    def before(self, simulator: Simulator, playing: NDArray[np.bool_]) -> None:
        """Nothing."""

    def after(self, simulator: Simulator, playing: NDArray[np.bool_]) -> None:
        """Count the decision."""
        count, whole = self._capital.shape[1], self._capital.sum(axis=1)
        terms, venues = simulator.all_terms()[:, :count], simulator.worlds["venues"][:, :count]
        self.totals["hedging cost"] -= (terms["pool_hedging"] * self._capital).sum(axis=1) / whole
        self.totals["bad debt"] += (terms["bad_debt_growth"] * self._capital).sum(axis=1) / whole
        share = simulator.config.decision_hours / simulator.config.episode_hours
        claim = venues["option_scaled"] * venues["supply_index"]
        frozen = np.maximum(claim - np.maximum(venues["cash"], 0.0), 0.0)
        self.totals["frozen cash"] += 1e4 * share * frozen.sum(axis=1) / whole
        self.totals["unpaid options"] += 1e4 * share * venues["option_unpaid"].sum(axis=1) / whole


def onset(world: Simulator, ahead: int) -> np.ndarray:
    """Hour at which each tape's day of the deepest fall begins, less `ahead`, I64[n]."""
    closes = world.tape["close"].astype(np.float64)
    day = min(24, closes.shape[1] - 1)
    falls = closes[:, day:] / closes[:, :-day]
    return np.maximum(falls.argmin(axis=1) - ahead, 0)


def _held(world: Simulator, channel: Channel, executed: Mapping[str, Floats]) -> dict[str, Floats]:
    """Value of every lever while it is held, F64[venues, n]."""
    decisions = onset(world, channel.hold[0]) // world.config.decision_hours
    found = {}
    for lever, value in channel.levers.items():
        row = LEVER_BY_NAME[lever]
        each = []
        for venue in range(world.config.venues):
            in_force = np.full(world.num_worlds, row.default)
            for agent, place in world.places.items():
                if place.venue == venue and lever in place.role.levers:
                    column = place.role.levers.index(lever)
                    path = executed[agent]
                    in_force = path[np.minimum(decisions, len(path) - 1), np.arange(world.num_worlds), column]
            held = in_force + value if channel.by else np.full(world.num_worlds, value)
            each.append(np.clip(held, row.low, row.high))
        found[lever] = np.array(each)
    return found


def _hold(world: Simulator, channel: Channel, values: Mapping[str, Floats]) -> None:
    ahead, hours = channel.hold
    first = onset(world, ahead)
    plan = Interventions(world)
    for lever, each in values.items():
        for venue in range(world.config.venues):
            plan.pin_lever(venue, lever, each[venue], (first, first + hours))
    world.intervene(plan)


def measure_channels(
    config: WorldConfig, name: str, learned: Sequence[Sources], scenarios: Sequence[str], tapes: int, how: Running
) -> Table:
    """A row a channel and training seed: means of `base`, `effect_on` and `effect_off` over its tapes.

    Args:
        config: the world, one venue or two.
        name: of the pieces.
        learned: governors of every training seed, seat by seat.
        scenarios: crises.
        tapes: of all of them, for each training seed.
        how: see `Running`.
    """
    each = max(tapes // len(scenarios), 1)
    asked, pieces = [], []
    for channel in CHANNELS:
        for seed, sources in enumerate(learned):
            lineup = Lineup("all", tuple(sources.items()))
            job = ChannelJob(
                channel.name, ON, lineup, tuple(scenarios), (seed + 1) * STRIDE, each, digests_of([lineup])
            )
            for switch in (ON, OFF):
                asked.append((channel.name, seed, switch))
                pieces.append(Piece(f"{name}_channel_{seed}_{switch}", replace(job, switch=switch), config))
    tables = dict(zip(asked, run_pieces(play_channel, config, pieces, how, "channels"), strict=True))
    return columns(
        [
            {
                "channel": channel.name, "seed": seed, "base": float(tables[channel.name, seed, ON]["base"].mean()),
                **{f"effect_{switch}": float(tables[channel.name, seed, switch]["effect"].mean())
                   for switch in (ON, OFF)},
            }
            for channel in CHANNELS for seed in range(len(learned))
        ]
    )  # fmt: skip


def judged(table: Table, channel: str) -> dict[str, Any]:
    """Effect with and without the channel, the share that the switch takes away, and whether that is enough.

    The share's interval is over resampled training seeds; it is given where the effect is above zero.
    """
    here = table["channel"] == channel
    on, off = table["effect_on"][here], table["effect_off"][here]
    effect = student_t(on)
    row: dict[str, Any] = {
        "channel": channel, "base": float(table["base"][here].mean()), "effect": effect.mean, "effect_low": effect.low,
        "effect_high": effect.high, "without": float(off.mean()), "share": np.nan, "share_low": np.nan,
        "share_high": np.nan,
    }  # fmt: skip
    few = f"underpowered: {on.size} training seed{'s' * (on.size > 1)}" if on.size < ENOUGH_SEEDS else ""
    if on.size < 2 or not effect.low > 0.0:
        return {**row, "verdict": few or ("no such effect found" if effect.high >= 0.0 else "the other sign")}
    draws = seed_draws(on.size)
    with np.errstate(divide="ignore", invalid="ignore"):
        again = 1.0 - off[draws].mean(axis=1) / on[draws].mean(axis=1)
    share = percentile(1.0 - float(off.mean() / on.mean()), again, on.size)
    enough = share.mean >= SHARE
    return {**row, "share": share.mean, "share_low": share.low, "share_high": share.high,
            "verdict": few or ("taken away" if enough else "not taken away")}  # fmt: skip
