"""Manipulation of the vol surface: an attacker who moves the vols that price shares buys shares cheaply."""

import numpy as np
from matplotlib.axes import Axes

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import Scenario, get_scenario
from protogov.envs.scenarios.attacks import Pulse
from protogov.experiments.core.play import still
from protogov.experiments.core.text import number
from protogov.experiments.figures.style import zero_line
from protogov.experiments.studies.phenomena.drawing import over_time, spreads
from protogov.experiments.studies.phenomena.phenomenon import (
    SWITCHED,
    Change,
    Doses,
    Measure,
    Phenomenon,
    Sample,
    Seeds,
    Seen,
)

HOURS, DECISION, ONSET = 216, 6, 12
PUSH = 0.20  # vol
CAPITALS = (2e6, 5e6, 10e6, 20e6)  # USD
DOSES = Doses("vol_push_capital", CAPITALS, [f"{capital / 1e6:g}" for capital in CAPITALS], main=10e6)


def play(config: WorldConfig, scenario: Scenario, seeds: Seeds) -> Sample:
    """The attacker's profit on the round trip, and the price of a share when the attacker's shares were issued."""
    profit = np.zeros(seeds.size)
    account = np.zeros((seeds.size, config.horizon))
    served = np.zeros(seeds.size)
    for decision, (world, step) in enumerate(still(config, scenario, seeds)):
        venues = world.worlds["venues"][:, 0]
        shares = venues["lp_shares"][:, int(config.parameters.num_lps)] * venues["lp_price"]
        waiting = venues["lp_waiting"][:, int(config.parameters.num_lps)]
        profit = step.records["attacker_profit"][:, 0] / 1e3
        served = venues["surface_attack"].astype(float)
        # holdings count at the price of the last review
        account[:, decision] = profit + (shares + waiting) / 1e3
    return {
        "profit": account[:, -1], "gain": np.maximum(account[:, -1], 0.0), "done": (served >= 2.0).astype(float),
        "account": account,
    }  # fmt: skip


def headline(seen: Seen) -> str:
    """The profit of a push with averages and without."""
    return (
        f"A push of {100 * PUSH:.0f} vol points at the issue of shares earns {number(seen.mean('profit'))} "
        f"thousand USD if shares are priced at the vols of the moment, and "
        f"{number(seen.mean('profit', SWITCHED))} thousand at average vols"
    )


def by_capital(axes: Axes, seen: Seen) -> None:
    """The round trip over the attacker's deposit."""
    label = "round trip at the vols of the moment [thousand USD]"
    spreads("profit", DOSES.worlds, "attacker's deposit [million USD]", label)(axes, seen)
    zero_line(axes)


SURFACE_MANIPULATION = Phenomenon(
    name="surface-manipulation",
    title="Manipulation of the vol surface",
    claim="If shares are priced at the vols of the moment, pushing these vols makes trades in shares profitable.",
    evidence="Lyra Avalon values its pool, forced closings and liquidations at averages (GWAV) for this reason",
    scenario=get_scenario("calm") + Pulse("vol-push", 120, sets={"vol_push": PUSH}, onset=ONSET),
    config=WorldConfig(episode_hours=HOURS, decision_hours=DECISION).with_parameters(
        gwav_on=0.0, standard_size=60e3, breaker_variance=10.0, lp_choice=0.0
    ),
    switch=Change(words="average vols (GWAV)", parameters={"gwav_on": 1.0}),
    measures=(
        Measure("gain", "attacker's profit, a loss counted as nothing", "thousand USD"),
        Measure("profit", "attacker's profit or loss", "thousand USD"),
        Measure("done", "attacks that got their shares", "share"),
    ),
    shown=DOSES.changes,
    dosed=("profit",),
    smallest=5.0,
    play=play,
    headline=headline,
    panels=(over_time("account", "attacker's gain so far, shares at their last price [thousand USD]"), by_capital),
    both=("vols of the moment", "average vols (GWAV)"),
    note=(
        "The attacker deposits at hour 12 and waits for the cooldown of three days. In the review that issues the "
        "shares the attacker buys options in every expiry and sells them at once, then waits three days to redeem. "
        "Trades move the surface as on Lyra (20 contracts per vol point, not our 800). The circuit breaker, which "
        "stops shares when a vol is 10 points from its average, is off: this tests averages alone. With the default "
        "breaker the same push stops the issue of all shares for 36 hours. Other LPs do not move."
    ),
)
