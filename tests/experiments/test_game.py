"""The game holds, at small size, in the world as it ships: whoever moves a default hears of it here first.

The committed audits (results/audit) are the same functions on more tapes. Tapes are keyed: these numbers move with the
world, never by chance. What does not hold is marked as a finding, and no parameter is moved for it; a mark that is no
longer true fails.
"""

from collections.abc import Mapping

import numpy as np
import pytest

from protogov.agents.baselines import CHEATERS
from protogov.agents.tuning import Budget
from protogov.agents.tuning.objective import WELFARE, Constants, open_tapes, role_levers
from protogov.envs.config import WorldConfig
from protogov.envs.roles import LEVER_BY_NAME
from protogov.experiments.audit import coupling, headroom
from protogov.experiments.audit.balance import audit_balance
from protogov.experiments.audit.cheaters import audit_cheaters
from protogov.experiments.audit.check import FIRST_SCORING
from protogov.experiments.statistics import student_t

WORLD = WorldConfig()


@pytest.fixture(scope="module")
def cheaters():
    return audit_cheaters(WORLD, "mix", 1024)


def test_the_grossest_cheaters_are_caught(cheaters):
    assert set(cheaters.table["cheater"]) == set(CHEATERS)
    caught = {name for name, below in zip(cheaters.table["cheater"], cheaters.table["below"], strict=True) if below}
    assert {"collapse", "gouge", "no_trade", "liquidation_farmer", "random_churn"} <= caught


@pytest.mark.xfail(
    strict=True, reason="finding: with the ways into crises self_mark gains .2 bp on the stress mix, -.7 to 1.1"
)
def test_every_cheater_ends_below_the_defaults(cheaters):
    differences = dict(zip(cheaters.table["cheater"], cheaters.table["difference"], strict=True))
    assert max(differences.values()) < 0.0, differences


@pytest.mark.xfail(
    strict=True, reason="finding: with the way into May 2021 suppliers lose 1.7 bp on the stress mix, 2 are the band's"
)
def test_every_term_weighs_something_and_none_drowns_the_others():
    check = audit_balance(WORLD, "mix", 512)
    assert check.holds, check.verdict


def test_a_term_that_weighs_nothing_is_named():
    # where the treasury stands before the suppliers, haircuts are too rare to be learned from
    deficits = audit_balance(WORLD.with_parameters(losses_socialised=0.0), "mix", 512)
    assert "supplier_haircuts" in deficits.verdict


def places(role: str, *candidates: Mapping[str, float]) -> np.ndarray:
    """Actions of a role's constants, given by lever -> value in its unit, F64[candidates, levers]."""
    return np.array(
        [[float(LEVER_BY_NAME[name].action(np.asarray(values[name]))) for name in role_levers(role)]
        for values in candidates]
    )  # fmt: skip


def test_welfare_gains_nothing_by_endangering_borrowers():
    """In calm weeks W rises with the threshold: puts bought in fear are no gain (they were, by 9 bp at the low end)."""
    rest = {"ltv_gap": 0.025, "liquidation_bonus": 0.01, "option_margin": 1.0}
    points = places("risk", *({"liquidation_threshold": threshold} | rest for threshold in (0.61, 0.83, 0.91)))
    (tapes,) = open_tapes(WORLD, ["calm"], FIRST_SCORING, 64, 2)
    low, default, high = tapes.play(Constants(role_levers("risk")), points).totals[WELFARE]
    assert student_t(low - default).high < 0.0
    assert student_t(high - low).low > 0.0


def test_constants_for_a_regime_beat_the_best_for_two():
    # of rate: one crisis outweighs a calm week for risk and spread, whose headroom needs all nine markets to be seen
    budget = Budget(generations=10, population=10, restarts=1)
    check = headroom.audit_headroom(WORLD, ("calm", "crisis-2022-06"), 16, 48, budget, roles=("rate",))
    assert check.holds, check.verdict


def test_what_is_best_for_risk_depends_on_the_rates():
    moves = (("rate", "dear", dict(coupling.MOVES["rate"]["dear"])),)
    budget = Budget(generations=10, population=10, restarts=1)
    table = coupling.answer(WORLD, coupling.Answers("crisis-2022-06", "risk", moves, budget, 16, 64, 96))
    assert table["moved"].all()
    assert table["z"][0] > coupling.SIGNIFICANT


def test_what_is_best_for_rate_depends_on_what_risk_allows():
    """In a long slump a steep curve is better for rate beside the default thresholds, a flat one beside strict ones."""
    rest = {"base_rate": 0.1, "slope2": 0.6, "optimal_utilisation": 0.88}
    family = Constants(role_levers("rate"))
    points = places("rate", *({"slope1": slope} | rest for slope in (0.08, 0.02)))
    (tapes,) = open_tapes(WORLD, ["crisis-2022-06"], FIRST_SCORING, 768, 2)
    steep, flat = tapes.play(family, points).totals["rate"]
    assert student_t(steep - flat).low > 0.0
    steep, flat = tapes.play(family, points, coupling.held_actions(coupling.MOVES["risk"]["strict"])).totals["rate"]
    assert student_t(flat - steep).low > 0.0
