"""Toxic spiral: above a loan-to-value of 1 / (1 + bonus) a liquidation raises the loan-to-value."""

from collections.abc import Iterator

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import Flat, Scenario
from protogov.envs.world.lever_table import LEVER_INDEX, LEVERS
from protogov.envs.world.state import EventKind
from protogov.experiments.core.play import still
from protogov.experiments.core.statistics import Floats
from protogov.experiments.figures.style import GREY
from protogov.experiments.studies.phenomena.drawing import LOOKS, label_y
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
from protogov.experiments.studies.phenomena.worlds import Shock

HOURS, FALL = 24, 6
EDGES = np.arange(0.82, 1.0801, 0.01)  # of loan-to-value before a liquidation
CRUMB = 1.0  # USD; smaller liquidations are ignored
BONUS = LEVERS[LEVER_INDEX["liquidation_bonus"]].default
CRITICAL = 1.0 / (1.0 + BONUS)


def loan_to_value(debt: float, collateral: float, price: float) -> float:
    """Debt over collateral value; infinite for debt without collateral, 0 without debt."""
    if debt <= 1e-6:
        return 0.0
    return debt / (collateral * price) if collateral > 0.0 else np.inf


def liquidations_of(
    events: NDArray[np.void], debts: Floats, collaterals: Floats
) -> Iterator[tuple[float, float, float]]:
    """(USD repaid, loan-to-value before, after) of an hour's liquidations, computed backwards from its end.

    Args:
        events: of one world in one hour, in order.
        debts: of every account at the end of that hour [USD].
        collaterals: likewise [coin]. Only forced sales and write-offs may have changed the two within the hour, so
            borrowers must be inactive.
    """
    debts, collaterals = debts.copy(), collaterals.copy()
    for event in events[::-1]:
        account, price = event["account"], event["price"]
        if event["kind"] == EventKind.BAD_DEBT:
            debts[account] += event["bad_debt"]
        elif event["kind"] in (EventKind.LIQUIDATION, EventKind.DELEVERAGE):
            after = loan_to_value(debts[account], collaterals[account], price)
            debts[account] += event["repaid"]
            collaterals[account] += event["seized"]
            if event["kind"] == EventKind.LIQUIDATION and event["repaid"] >= CRUMB:
                yield event["repaid"], loan_to_value(debts[account], collaterals[account], price), after


def play(config: WorldConfig, scenario: Scenario, seeds: Seeds) -> Sample:
    """The effect of liquidations on loan-to-values, and the bad debt of the episode."""
    counts, raised = np.zeros((seeds.size, EDGES.size + 1)), np.zeros((seeds.size, EDGES.size + 1))
    toxic, number_toxic, lost, liquidated = (np.zeros(seeds.size) for _ in range(4))
    for world, step in still(config, scenario, seeds):
        venue = world.worlds["venues"][:, 0]
        debts = venue["account_scaled_debt"] * venue["borrow_index"][:, None]
        lost += venue["sum_bad_debt"] / 1e6
        liquidated += venue["sum_liquidated"] / 1e6
        for row in np.flatnonzero(step.n_events):
            events = step.events[row, : step.n_events[row]]
            for repaid, before, after in liquidations_of(events, debts[row], venue["account_collateral"][row]):
                place = np.searchsorted(EDGES, before)
                counts[row, place] += 1
                if after > before:
                    raised[row, place] += 1
                    # beyond 1 the debt is already lost, whatever the terms of liquidation
                    toxic[row] += repaid / 1e6 * (before < 1.0)
                    number_toxic[row] += before < 1.0
    columns = {"toxic": toxic, "number": number_toxic, "lost": lost, "liquidated": liquidated}
    return columns | {"counts": counts, "raised": raised}


def headline(seen: Seen) -> str:
    """The loan-to-value at which liquidations turn toxic."""
    return (
        f"Above a loan-to-value of {100 * CRITICAL:.1f}% = 1/(1 + bonus) every liquidation makes the loan worse; "
        f"without a bonus no liquidation of a solvent loan does"
    )


def found_at(seen: Seen, world: str) -> tuple[Floats, Floats, Floats]:
    """Loan-to-values [%], liquidations per episode that started there, and those that raised it."""
    middles = 0.5 * (EDGES[1:] + EDGES[:-1])
    return 100 * middles, seen.curve("counts", world)[1][1:-1], seen.curve("raised", world)[1][1:-1]


def share_raised(axes: Axes, seen: Seen) -> None:
    """The share of liquidations that raise a loan-to-value, over the loan-to-value before them."""
    for world, mark in ((ACTIVE, "o"), (SWITCHED, "s")):
        at, counts, raised = found_at(seen, world)
        some = counts > 0
        axes.plot(at[some], 100 * raised[some] / counts[some], marker=mark, markersize=3.5, **LOOKS[world])
    axes.text(
        100 * CRITICAL - 0.3, 50, "1 / (1 + bonus)", rotation=90, ha="right", va="center", color=GREY, fontsize=7.5
    )
    critical_line(axes, "liquidations that raise it [%]")


def number_found(axes: Axes, seen: Seen) -> None:
    """How many liquidations start at each loan-to-value."""
    for label, world in zip(seen.one.both, (ACTIVE, SWITCHED), strict=True):
        at, counts, _ = found_at(seen, world)
        axes.step(at, counts, where="mid", label=label, **LOOKS[world])
    critical_line(axes, "liquidations per episode and point")
    axes.legend(loc="upper right")


def critical_line(axes: Axes, label: str) -> None:
    """The loan-to-value above which a liquidation takes more than it repays."""
    axes.axvline(100 * CRITICAL, color=GREY, linewidth=0.9, linestyle=":")
    axes.set_xlabel("loan-to-value before the liquidation [%]")
    label_y(axes, label)


TOXIC_SPIRAL = Phenomenon(
    name="toxic-spiral",
    title="Toxic liquidation spiral",
    claim="Above a loan-to-value of 1/(1 + bonus) a liquidation takes more than it repays, and the loan gets worse.",
    evidence="Warmuz, Chaudhary and Pinna, arXiv 2212.07306",
    scenario=Flat() + Shock("a fall of 15 to 35% in full blocks", hour=FALL, least=0.15, most=0.35, congestion=1.0),
    config=WorldConfig(episode_hours=HOURS, decision_hours=1).with_parameters(
        # an oracle an hour late: prices arrive long after loans pass their threshold
        oracle_delay=12.0,
        # borrowers do not act, so the effect of a liquidation can be read from what is left
        attentive_activity=0.001,
        # liquidators are paid from outside to work at a loss, in both worlds
        liquidator_margin=-0.06,
        liquidator_margin_congested=0.0,
    ),
    switch=Change(words="no bonus", parameters={"bonus_scale": 0.0}),
    measures=(
        Measure("toxic", "repaid in liquidations that worsen a solvent loan", "million USD"),
        Measure("number", "number of such liquidations", "per episode"),
        Measure("lost", "bad debt", "million USD"),
        Measure("liquidated", "liquidated in all", "million USD"),
    ),
    smallest=0.25,
    play=play,
    headline=headline,
    panels=(share_raised, number_found),
    both=(f"bonus {100 * BONUS:g}%", "no bonus"),
    note=(
        "In both worlds liquidators get up to 6% from outside; otherwise nobody would liquidate without a bonus. A "
        "solvent loan has debt below the value of its collateral at the oracle price; beyond that, any liquidation "
        "worsens it."
    ),
)
