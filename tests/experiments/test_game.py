"""The game holds, at small size, in the world as it ships: whoever moves a default hears of it here first.

The committed audits (results/audit) are the same functions on more tapes. Tapes are keyed: these numbers move with the
world, never by chance.
"""

from protogov.agents.baselines import CHEATERS
from protogov.agents.tuning import Budget
from protogov.envs.config import WorldConfig
from protogov.experiments.audit import coupling, headroom
from protogov.experiments.audit.balance import audit_balance
from protogov.experiments.audit.cheaters import audit_cheaters

WORLD = WorldConfig()


def test_every_cheater_ends_below_the_defaults():
    check = audit_cheaters(WORLD, "mix", 1024)
    assert set(check.table["cheater"]) == set(CHEATERS)
    differences = dict(zip(check.table["cheater"], check.table["difference"], strict=True))
    assert max(differences.values()) < 0.0, differences
    caught = {str(name) for name, below in zip(check.table["cheater"], check.table["below"], strict=True) if below}
    assert {"collapse", "gouge", "no_trade", "liquidation_farmer", "random_churn"} <= caught


def test_every_term_weighs_something_and_none_drowns_the_others():
    check = audit_balance(WORLD, "mix", 512)
    assert check.holds, check.verdict
    # where the treasury stands before the suppliers, haircuts are too rare to be learned from
    deficits = audit_balance(WORLD.with_parameters(losses_socialised=0.0), "mix", 512)
    assert "supplier_haircuts" in deficits.verdict


def test_constants_for_a_regime_beat_the_best_for_two():
    budget = Budget(generations=10, population=10, restarts=1)
    check = headroom.audit_headroom(WORLD, ("calm", "crisis-2022-06"), 16, 48, budget, roles=("rate",))
    assert check.holds, check.verdict


def test_what_is_best_for_risk_depends_on_the_rates():
    moves = (("rate", "dear", dict(coupling.MOVES["rate"]["dear"])),)
    budget = Budget(generations=10, population=10, restarts=1)
    table = coupling.answer(WORLD, coupling.Answers("crisis-2022-06", "risk", moves, budget, 16, 64, 96))
    assert table["moved"].all()
    assert table["z"][0] > coupling.SIGNIFICANT
