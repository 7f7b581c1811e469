"""The price of variance that LPs' asked return comes to, by hand and from a world; scales are those of its days."""

import numpy as np
import pytest

from protogov.envs.config import WorldConfig
from protogov.envs.mandates import PRESETS
from protogov.envs.roles import ROLES
from protogov.experiments.cli import main
from protogov.experiments.core.play import still
from protogov.experiments.core.tables import records
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.scales import Episodes, implied_aversion, mandates_of, play_days, scales_of

CONFIG = WorldConfig(episode_hours=60)  # two whole days: what is left over counts nowhere
JUMPS = Episodes("jump", 2)


def test_a_year_of_the_variance_costs_what_is_asked():
    assert implied_aversion(2e8, 0.04, 20e6) * 8760 * 2e8 == pytest.approx(0.8e6)
    days = dict.fromkeys(("mandate/rate", "profit/joint", "welfare"), np.array([1.0, 3.0, 1.0, 3.0]))
    days |= {"seed": np.array([0, 0, 1, 1]), "variance": np.array([0.0, 2e8, 4e8, 2e8])}
    rows = {row["name"]: row for row in records(scales_of(days, CONFIG))}
    assert rows["mandate/rate"]["measured"] == rows["profit/joint"]["measured"] == 1.0
    for name, preset, role in (("mandate/rate", "mandate", "rate"), ("profit/joint", "profit", "joint")):
        assert rows[name]["in_force"] == PRESETS[preset][role].daily_sd
    aversion = rows["variance_aversion"]
    assert aversion["measured"] * 8760 * 2e8 == pytest.approx(CONFIG.parameters.lp_premium * CONFIG.parameters.lp_size)
    # episodes of 1e8 and 3e8: a resample holds one of them twice, or both
    assert (rows["variance"]["measured_low"], rows["variance"]["measured_high"]) == (1e8, 3e8)
    assert aversion["measured_low"] == pytest.approx(aversion["measured"] * 2 / 3)
    assert aversion["measured_high"] == pytest.approx(aversion["measured"] * 2)


def test_the_interval_of_a_scale_resamples_episodes():
    # days of an episode are equal: sd 1 over both episodes, 0 in a resample of one of them
    days = {"seed": np.array([0, 0, 1, 1]), "welfare": np.array([1.0, 1.0, 3.0, 3.0]), "variance": np.full(4, 1e8)}
    row = next(row for row in records(scales_of(days, CONFIG)) if row["name"] == "welfare")
    assert (row["measured"], row["measured_low"], row["measured_high"]) == (1.0, 0.0, 1.0)


def test_the_variance_does_not_hang_on_its_price():
    found, other = (play_days(one, JUMPS) for one in (CONFIG, CONFIG.with_parameters(variance_aversion=4e-6)))
    np.testing.assert_allclose(found["variance"], other["variance"], rtol=1e-9)
    assert (found["variance"] > 0.0).all()
    assert {name: values.size for name, values in found.items()} == dict.fromkeys(
        ("seed", *mandates_of(), "variance"), 4
    )
    assert set(mandates_of()) == {
        *(f"mandate/{role}" for role in ("rate", "risk", "spread")),
        *(f"profit/{role}" for role in ("rate", "risk", "spread", "joint")), "welfare",
    }  # fmt: skip
    with pytest.raises(BadInput, match="variance_aversion = 0"):
        play_days(CONFIG.with_parameters(variance_aversion=0.0), JUMPS)


def test_a_day_is_the_sum_of_its_decisions():
    steps = [step for _, step in still(CONFIG, "jump", np.arange(2, dtype=np.uint64))]
    welfare = np.array([step.welfare() for step in steps])
    days = play_days(CONFIG, JUMPS)
    np.testing.assert_allclose(days["welfare"], welfare[:8].reshape(2, 4, 2).sum(axis=1).T.ravel())
    weights = np.array([term.weight for term in ROLES["rate"].terms])
    first = sum(step.terms["rate_0"] @ weights for step in steps[:4])
    np.testing.assert_allclose(days["mandate/rate"][::2], first)
    both = play_days(CONFIG, Episodes("jump", 2, (("reserve_income", 1.0), ("supplier_surplus", 2.0))))
    own = sum(step.terms["rate_0"][:, 0] + 2.0 * step.terms["rate_0"][:, 1] for step in steps[:4])
    np.testing.assert_allclose(both["own"][::2], own)
    np.testing.assert_allclose(both["welfare"], days["welfare"])


def test_the_command_sets_measured_beside_frozen(capsys):
    assert main(["study", "scales", "--seeds", "2", "--scenario", "jump", "--jobs", "1"]) == 0
    said = capsys.readouterr().out
    assert "2 seeds on jump" in said and "variance_aversion" in said and "in force" in said


def test_a_mandate_of_ones_own_is_measured_beside_them(capsys):
    arguments = ["study", "scales", "--seeds", "2", "--scenario", "jump", "--jobs", "1", "--weights"]
    assert main([*arguments, "reserve_income=1", "lp_profit=-0.5"]) == 0
    assert "own " in capsys.readouterr().out
    assert main([*arguments, "profit=1"]) == 2
    assert "names 'profit'" in capsys.readouterr().err
