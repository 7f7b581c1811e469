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
from protogov.envs.simulator import Simulator
from protogov.envs.world.lever_table import LEVER_BY_NAME
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.play import tape_seeds
from protogov.experiments.core.statistics import ENOUGH_SEEDS, Floats, interval_columns, percentile, seed_draws
from protogov.experiments.core.tables import Table, columns, select
from protogov.experiments.core.text import counted
from protogov.experiments.core.venues import by_k0
from protogov.experiments.studies.coexistence.playing import STRIDE, Lineup, Sources, digests_of
from protogov.experiments.studies.coexistence.spared import Account, spared
from protogov.experiments.studies.coexistence.tapes import onset, open_batch
from protogov.experiments.studies.emergence.forks import Plan, fork_points
from protogov.experiments.studies.emergence.measure import Finding, family
from protogov.experiments.studies.emergence.subjects import governor_of
from protogov.experiments.studies.phenomena.worlds import DEEP

FALL = (0, 60)  # a lever is held from the beginning of the deepest day on, for so many hours
BUILD_UP = (96, 168)  # of a rate from so many hours before it on: utilisation takes time
SHARE = 0.9  # of an effect that its switch must take away
HELD_WORDS = f"""In crises that learned governors play a lever is moved by hand, the others' levers replayed: for
{FALL[1]} h from the beginning of the deepest day on; rates for {BUILD_UP[1]} h from {BUILD_UP[0]} h before it on. The
mean over the last checkpoints; the channels of a cell are one family (sign flips, max-T). What a switch takes away is
1 - |effect without| / |effect|: an effect that turns round is not taken away. It is taken away where the whole interval
of that share, over resampled training seeds, lies at {SHARE:.0%} or more."""
ON, OFF = "on", "off"
NOTHING = "no such effect found"


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
    """A piece: levers held, for the governors of one training seed at one checkpoint.

    Attributes:
        channels: names of those whose levers are held, one after another; each the first one that holds these so.
        switch: "on"; or "off", where all of them have the same switch.
        lineup: who governs.
        scenarios: crises.
        first, count: tapes of each.
        files: digests of the policies.
    """

    channels: tuple[str, ...]
    switch: str
    lineup: Lineup
    scenarios: tuple[str, ...]
    first: int
    count: int
    files: tuple[str, ...]


def played_as(channel: Channel) -> str:
    """Name of the first channel that does the same in the same worlds: channels may differ in what is looked at."""

    def deed(one: Channel) -> tuple[Any, ...]:
        return dict(one.levers), one.by, one.hold, dict(one.switch)

    return next(one.name for one in CHANNELS if deed(one) == deed(channel))


@spared
def play_channels(config: WorldConfig, job: ChannelJob) -> Table:
    """A row a tape: of each outcome, `base <outcome>` without a hold, `<channel>: <outcome>`, what a hold adds.

    In bp of K0.
    """
    held = [one for one in CHANNELS if one.name in job.channels]
    agents = {agent.name: agent for agent in config.learners()}
    names = np.repeat(job.scenarios, job.count)
    seeds, watched = tape_seeds(names.size, job.first), list[_Recorder]()
    world = open_batch(config.with_parameters(**held[0].switch) if job.switch == OFF else config, names, seeds)
    governors = {seat: governor_of(source, agents[seat], config) for seat, source in job.lineup.sources}
    plan = Plan(seeds, steps=world.horizon)
    (point,) = fork_points(world, governors, plan)
    base = point.run(plan.steps, change=lambda at: watched.append(_Recorder(at)))
    without = watched[0].totals
    found = {f"base {name}": without[name] for name in OUTCOMES}
    for channel in held:
        # who has the lever decides freely; what it asks for of its other levers may differ then
        others = {
            agent: asked for agent, asked in base.asked.items()
            if not set(channel.levers) & set(world.roles[agent].levers)
        }  # fmt: skip
        values = _held(world, channel, base.executed)

        def hold(at: Simulator, channel: Channel = channel, values: Mapping[str, Floats] = values) -> None:
            watched.append(_Recorder(at))
            _hold(at, channel, values)

        point.run(plan.steps, others, change=hold)
        found |= {f"{channel.name}: {name}": watched[-1].totals[name] - without[name] for name in OUTCOMES}
    return found


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
        self.totals["hedging cost"] -= by_k0(terms["pool_hedging"], self._capital)
        self.totals["bad debt"] += by_k0(terms["bad_debt_growth"], self._capital)
        share = simulator.config.decision_hours / simulator.config.episode_hours
        claim = venues["option_scaled"] * venues["supply_index"]
        frozen = np.maximum(claim - np.maximum(venues["cash"], 0.0), 0.0)
        self.totals["frozen cash"] += 1e4 * share * frozen.sum(axis=1) / whole
        self.totals["unpaid options"] += 1e4 * share * venues["option_unpaid"].sum(axis=1) / whole


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
    config: WorldConfig, name: str, learned: Mapping[int, Sequence[Sources]], scenarios: Sequence[str], tapes: int,
    how: Running, account: Account,
) -> Table:  # fmt: skip
    """A row a channel and training seed: `base` and `off`, means over checkpoints, and `on_<checkpoint>`.

    With the switch on, the branch without a hold is the same for all channels, so that they are one piece. A seed of
    which a piece failed is left out of the channel.

    Args:
        config: the world, one venue or two.
        name: of the pieces.
        learned: number of a training seed -> [checkpoint] -> governors, seat by seat.
        scenarios: crises.
        tapes: of all of them, for each training seed at each checkpoint.
        how: see `Running`.
        account: of costs and failures.
    """
    each = max(tapes // len(scenarios), 1)
    played = tuple(dict.fromkeys(played_as(channel) for channel in CHANNELS))
    asked, pieces = list[tuple[tuple[str, ...], int, int, str]](), list[Piece]()
    for seed, checkpoints in learned.items():
        for at, sources in enumerate(checkpoints):
            lineup = Lineup("all", tuple(sources.items()))
            job = ChannelJob(played, ON, lineup, tuple(scenarios), (seed + 1) * STRIDE, each, digests_of([lineup]))
            for one in (job, *(replace(job, channels=(channel,), switch=OFF) for channel in played)):
                asked.append((one.channels, seed, at, one.switch))
                pieces.append(Piece(f"{name}_channel_{seed}_{at}_{one.switch}", one, config))
    what = [f"channels, {' and '.join(names)}, training seed {seed}" for names, seed, _, _ in asked]
    found = account.book("channels", what, run_pieces(play_channels, config, pieces, how, "channels"))
    tables = dict(zip(asked, found, strict=True))
    rows = []
    for channel in CHANNELS:
        deed = played_as(channel)
        for seed, checkpoints in learned.items():
            on, off = ([tables[names, seed, at, switch] for at in range(len(checkpoints))]
                       for names, switch in ((played, ON), ((deed,), OFF)))  # fmt: skip
            if all((*on, *off)):
                effects = [float(table[f"{deed}: {channel.outcome}"].mean()) for table in on]
                rows.append({
                    "channel": channel.name, "seed": seed,
                    "base": np.mean([table[f"base {channel.outcome}"].mean() for table in on]),
                    "off": np.mean([table[f"{deed}: {channel.outcome}"].mean() for table in off]),
                    **{f"on_{at}": effect for at, effect in enumerate(effects)},
                })  # fmt: skip
    return columns(rows) if rows else {}


def judged(table: Table) -> list[dict[str, Any]]:
    """A row a channel: effect with and without it, the share that the switch takes away, and whether that is enough.

    The channels are one family; `detectable` is the smallest true effect that would have been found in 4 of 5 cases.
    The share's interval is over resampled training seeds; it is given where the effect is found, which it is only above
    zero and at every checkpoint.
    """
    names = list(dict.fromkeys(table["channel"].tolist()))
    each = [select(table, table["channel"] == name) for name in names]
    paths = [np.stack([own[column] for column in own if column.startswith("on_")], axis=1) for own in each]
    alike = {len(path) for path in paths}
    rows = []
    # a channel of which a seed failed is a family of its own: units are flipped together
    groups = [list(range(len(names)))] if len(alike) == 1 else [[k] for k in range(len(names))]
    for group in groups:
        values = np.stack([paths[k].mean(axis=1) for k in group], axis=1)
        tested = family("channels", "found", [names[k] for k in group], values, upward=True)
        rows += [_judged(one, each[k], paths[k]) for k, one in zip(group, tested, strict=True)]
    return rows


def _judged(one: Finding, own: Table, path: Floats) -> dict[str, Any]:
    on, off, effect = path.mean(axis=1), own["off"], one.interval
    steps = path.mean(axis=0)
    row: dict[str, Any] = {
        "channel": one.name, "base": float(own["base"].mean()), **interval_columns("effect", effect),
        "p": one.adjusted_p, "detectable": one.detectable, "from": float(steps.min()), "to": float(steps.max()),
        "without": float(off.mean()), "share": np.nan, "share_low": np.nan, "share_high": np.nan, "n": on.size,
    }  # fmt: skip
    few = f"underpowered: {counted(on.size, 'training seed')}" if on.size < ENOUGH_SEEDS else ""
    if not effect.low > 0.0:
        return {**row, "verdict": few or (NOTHING if effect.high >= 0.0 else "the other sign")}
    draws = seed_draws(on.size)
    with np.errstate(divide="ignore", invalid="ignore"):
        again = taken_away(on[draws].mean(axis=1), off[draws].mean(axis=1))
    share = percentile(float(taken_away(on.mean(), off.mean())), again, on.size)
    row |= interval_columns("share", share)
    if few or not one.found or not (steps > 0.0).all():
        return {**row, "verdict": few or (NOTHING if not one.found else "not at every checkpoint")}
    gone = "taken away" if share.low >= SHARE else "not taken away" if share.high < SHARE else "undecided"
    return {**row, "verdict": gone}


def taken_away(on: Any, off: Any) -> Any:
    """Share of an effect that is gone with its channel: 1 if nothing is left, 0 or less if as much, of either sign."""
    return 1.0 - np.abs(off) / np.abs(on)
