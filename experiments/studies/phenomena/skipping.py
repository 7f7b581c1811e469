"""Liquidators who skip: if slippage and gas exceed the bonus, nobody liquidates, and the debt goes bad."""

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import Flat, Scenario
from protogov.experiments.core.play import still
from protogov.experiments.core.text import number
from protogov.experiments.figures.style import GREEN, PURPLE
from protogov.experiments.studies.phenomena.drawing import logarithmic, over_time
from protogov.experiments.studies.phenomena.phenomenon import (
    ACTIVE,
    SWITCHED,
    Change,
    Measure,
    Phenomenon,
    Sample,
    Seeds,
    Seen,
)
from protogov.experiments.studies.phenomena.worlds import DEEP, Shock

HOURS, FALL = 48, 6
NO_GAS = {"gas_cost": 0.0}


def play(config: WorldConfig, scenario: Scenario, seeds: Seeds) -> Sample:
    """The debt that liquidators looked at and left at the end of each hour, and the resulting bad debt."""
    left, loans = np.zeros((2, seeds.size, config.horizon))
    lost, liquidated, beyond = np.zeros((3, seeds.size))
    for hour, (world, _) in enumerate(still(config, scenario, seeds)):
        venue = world.worlds["venues"][:, 0]
        debt = venue["account_scaled_debt"] * venue["borrow_index"][:, None]
        value = venue["account_collateral"] * venue["oracle_price"][:, None]
        left[:, hour] = venue["skipped_debt"] / 1e6
        # nobody has looked yet at a loan that interest alone has just pushed over its threshold
        loans[:, hour] = (1.0001 * value * venue["liquidation_threshold"][:, None] < debt).sum(axis=1)
        lost += venue["sum_bad_debt"] / 1e6
        liquidated += venue["sum_liquidated"] / 1e6
        beyond = np.maximum(debt - value, 0.0).sum(axis=1) / 1e6
    return {
        "left": left.sum(axis=1), "loans": loans.sum(axis=1), "lost": lost + beyond, "liquidated": liquidated,
        "debt by hour": left, "loans by hour": loans,
    }  # fmt: skip


def headline(seen: Seen) -> str:
    """The largest mean of skipped debt in an hour, and the effect on bad debt."""
    most = seen.curve("debt by hour", ACTIVE)[1].max()
    return (
        f"Liquidators skip up to {number(most)} million USD of unhealthy loans; bad debt is "
        f"x{number(seen.times('lost', SWITCHED))} that with infinite depth and free gas"
    )


SKIPPING = Phenomenon(
    name="skipping",
    title="Liquidators who skip",
    claim="Liquidators skip loans whose bonus is less than slippage and gas, and the debt of these loans goes bad.",
    evidence="Maker, 12 March 2020: 36% of liquidations sold for about nothing; gas 6 times the usual",
    scenario=Flat() + Shock("a fall of 15 to 35% in an hour", hour=FALL, least=0.15, most=0.35, depth=0.4e6),
    # liquidators always watch and need no own capital: a skipped loan did not pay
    config=WorldConfig(episode_hours=HOURS, decision_hours=1).with_parameters(
        gas_cost=300.0,
        liquidator_attention=1.0,
        liquidator_inventory_share=0.0,
        account_size_ratio=2e4,
        account_tail=0.9,
    ),
    switch=Change(words="infinite depth and free gas", parameters={**NO_GAS, **DEEP}),
    measures=(
        Measure("left", "unhealthy debt looked at and left", "million USD x hours"),
        Measure("loans", "loans that could be liquidated and were not", "loans x hours"),
        Measure("lost", "bad debt", "million USD"),
        Measure("liquidated", "liquidated in all", "million USD"),
    ),
    shown=(
        Change(words="free gas", parameters=NO_GAS),
        Change(words="infinite depth", parameters=DEEP),
    ),
    curves={
        "free gas": {"color": PURPLE, "linestyle": (0, (1, 1.2))},
        "infinite depth": {"color": GREEN, "linestyle": (0, (6, 1.5, 1, 1.5))},
    },
    smallest=5.0,
    play=play,
    headline=headline,
    panels=(
        over_time("debt by hour", "debt looked at and left [million USD]"),
        logarithmic(
            over_time("loans by hour", "loans that could be liquidated and were not (log above 0.1)", legend=False)
        ),
    ),
    both=("thin pool, gas 300 USD", "both"),
    note=(
        "With the fall, depth halves to 0.4 million USD for 1%, and forced sales reduce it further. Gas is that of "
        "full blocks. The sizes of loans have a heavier tail than usual. Slippage protects large loans, gas small "
        "ones. Liquidators always watch and borrow what they repay, so inattention and lack of capital do not count as "
        "skipping. Bad debt is what was written off and what loans owe beyond their collateral at the end. Some "
        "remains with the switch because the price falls faster than a loan can be closed."
    ),
)
