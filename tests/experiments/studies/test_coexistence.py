"""The study of coexistence: hand-checked reductions, planted effects, the store, and a tiny run of every stage."""

import json
from dataclasses import asdict, replace
from math import inf

import numpy as np
import pytest

from protogov.agents.baselines import make_governor
from protogov.agents.tuning.networks import Networks
from protogov.agents.tuning.rewards import rewards_of
from protogov.envs.config import WorldConfig
from protogov.envs.sizes import SIZES
from protogov.experiments.cli import main
from protogov.experiments.core.pieces import HERE
from protogov.experiments.core.play import open_worlds, play, tape_seeds
from protogov.experiments.core.tables import read_csv, records
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.coexistence import (
    channels,
    learning,
    measuring,
    pages,
    playing,
    reductions,
    store,
)
from protogov.experiments.studies.coexistence.cells import CELLS, Cell, find_cells
from protogov.experiments.studies.coexistence.effects import BY_NAME, effects_of
from protogov.experiments.studies.coexistence.options import Options
from protogov.experiments.studies.coexistence.playing import Lineup, Session, lineups_of
from protogov.experiments.studies.coexistence.spared import Account
from protogov.experiments.studies.coexistence.start import find_start

SEATS = ("rate_0", "risk_0", "spread_0")
TINY = WorldConfig(size="tiny", episode_hours=12)


# ---------------------------------------------------------------------- cells and options


def test_the_registered_cells_have_the_registered_sizes():
    assert len(CELLS) == 24 and sum(cell.headline for cell in CELLS) == 8
    for cell in CELLS:
        full = cell.autonomy == 72.0
        assert len(cell.seeds(Options().seeds)) == (12 if full else 4)
        assert cell.hours(Options().hours) == (1e7 if full else 2.5e6)
    assert {cell.autonomy for cell in find_cells(["autonomy"])} == {12.0, inf}
    assert [cell.name for cell in find_cells(["evolution-c1-v2-ainf"])] == ["evolution-c1-v2-ainf"]
    assert not Options().reduced() and Options(seeds=2).reduced() == ["seeds 2 instead of 12"]
    with pytest.raises(BadInput, match="cells holds 'ppo'"):
        find_cells(["ppo"])


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"hours": 0.0}, "hours is 0.0"), ({"tapes": 1}, "tapes is 1"), ({"size": "rivals"}, "size is 'rivals'"),
        ({"constants": "best"}, "constants is 'best'"), ({"constants": "pi+random"}, "constants is 'pi.random'"),
        ({"constants": "linear_feedback"}, "a baseline that stands still is accepted"),
        ({"members": ("w99",)}, "members holds 'w99'"),
        ({"crises": ("crisis-2022-06",)}, "crises holds 'crisis-2022-06'"),
        ({"scenario": "crash-heldout"}, "never trained or tuned on"),
    ],
)  # fmt: skip
def test_an_option_out_of_range_is_refused(tmp_path, given, says):
    with pytest.raises(BadInput, match=says):
        Options(out=tmp_path, **given).check()
    with pytest.raises(BadInput, match="out is missing"):
        Options().check()


def test_the_last_five_checkpoints_are_a_twentieth_of_a_training_apart():
    assert learning.last_checkpoints(100) == [80, 85, 90, 95, 100]
    assert learning.last_checkpoints(3) == [1, 2, 3] and learning.last_checkpoints(1) == [1]


# ---------------------------------------------------------------------- effects by hand


def line(welfare, **mandates):
    return {"welfare": welfare} | {f"mandate/{seat}": value for seat, value in mandates.items()}


def test_effects_of_one_venue_by_hand():
    """Alone the first adds 2 to W and the second 1; together 5. The first loses .5 by the other, who gains 2."""
    numbers = {
        "none": line(10.0, rate_0=1.0, risk_0=1.0), "all": line(15.0, rate_0=3.5, risk_0=4.0),
        "only rate_0": line(12.0, rate_0=4.0, risk_0=0.0), "only risk_0": line(11.0, rate_0=0.0, risk_0=2.0),
        "stranger rate_0 #0": line(14.0, rate_0=9.0, risk_0=3.0),
        "stranger risk_0 #0": line(12.0, rate_0=0.5, risk_0=9.0),
    }  # fmt: skip
    found = effects_of(numbers)
    wanted = {
        "users": 5.0, "alone": 3.0, "together": 2.0, "own": 3.0 + 1.0, "others": -0.5 + 2.0, "others_rate": -0.5,
        "others_risk": 2.0, "familiar": ((4.0 - 3.0) + (3.5 - 0.5)) / 2, "familiar_users": (1.0 + 3.0) / 2,
    }  # fmt: skip
    assert {name: found[name] for name in wanted} == pytest.approx(wanted)
    assert "rival" not in found and "others_spread" not in found


def test_effects_of_rivals_by_hand():
    """A learned rival costs a learned venue 1 (2 and 0) and one of constants 3."""

    def venue(w0, w1, m0, m1):
        return {**line((w0 + w1) / 2, rate_0=m0, rate_1=m1), "welfare/0": w0, "welfare/1": w1}

    numbers = {
        "none": venue(1, 1, 5, 5), "all": venue(4, 6, 6, 6), "only rate_0": venue(3, 1, 8, 2),
        "only rate_1": venue(1, 3, 2, 6), "venue 0": venue(3, 1, 8, 2), "venue 1": venue(1, 3, 2, 6),
        "stranger venue 1 #0": venue(4, 6, 4, 0), "stranger venue 0 #0": venue(4, 6, 0, 5),
    }  # fmt: skip
    found = effects_of(numbers)
    assert found["rival"] == pytest.approx(((6 - 8) + (6 - 6)) / 2)
    assert found["others"] == pytest.approx(((6 - 8) + (6 - 6)) / 2) and found["own"] == pytest.approx((3 + 1) / 2)
    assert found["rival_users"] == pytest.approx(((4 - 3) + (6 - 3)) / 2)
    assert found["rival_constants"] == pytest.approx(((2 - 5) + (2 - 5)) / 2)
    assert found["familiar"] == pytest.approx(((6 - 4) + (6 - 5)) / 2)  # who stays: venue 0, then venue 1


def test_lineups_seat_who_they_say():
    learned = [{seat: f"{seat}-{seed}" for seat in ("rate_0", "rate_1")} for seed in range(3)]
    found = {one.name: dict(one.sources) for one in lineups_of(learned, 2, "tuned")}
    assert found["all"] == learned[2] and found["only rate_1"] == {"rate_0": "tuned", "rate_1": "rate_1-2"}
    assert found["venue 0"] == {"rate_0": "rate_0-2", "rate_1": "tuned"}
    assert found["stranger venue 1 #0"] == {"rate_0": "rate_0-2", "rate_1": "rate_1-0"}
    assert found["stranger venue 1 #1"]["rate_1"] == "rate_1-1" and len(found) == 1 + 2 + 2 + 4
    alone = {one.name for one in lineups_of(learned[:1], 0, "tuned")}
    assert not any("stranger" in name for name in alone)


def test_means_over_venues_are_weighted_by_their_capital():
    config = WorldConfig(size="tiny", venues=2, episode_hours=12)
    names = [*(f"mandate/{agent.name}" for agent in config.learners()), *(f"welfare/{v}" for v in (0, 1))]
    episodes = {name: np.array([1.0, 3.0]) for name in names}
    episodes["welfare/1"] = np.array([5.0, 7.0])
    episodes |= {f"welfare/{v}/{part}": np.zeros(2) for v in (0, 1) for part in playing.PARTS}
    episodes |= {f"bears/{v}/{group}": np.full(2, np.nan) for v in (0, 1) for group in pages.BEARS_LABELS}
    episodes |= {f"{name}/{v}": np.zeros(2) for v in (0, 1) for name in (*playing.REALISED, playing.ARBITRAGE)}
    episodes["lp_profit/1"] = np.array([8.0, 0.0])
    episodes["bears/1/small"] = np.array([np.nan, 4.0])
    episodes |= {"opening_value/0": np.array([3.0, 3.0]), "opening_value/1": np.array([1.0, 1.0])}
    found = playing.means_of(config, episodes)
    assert found["welfare"] == pytest.approx(((3 * 1 + 5) / 4 + (3 * 3 + 7) / 4) / 2)
    assert found["bears/small"] == 4.0 and np.isnan(found["bears/worst"])
    # a tail of 5% of two tapes is a part of the worse one
    assert found["payoff/lp_profit"] == pytest.approx(1.0) and found["payoff/tail"] == pytest.approx((3 * 1 + 5) / 4)


# ---------------------------------------------------------------------- planted


def planted(tmp_path, config, spread, tapes):
    """Effects of eight training seeds of hand-made governors, each on tapes of its own, and the verdicts."""
    options = Options(
        out=tmp_path, constants="constant", ordinary="calm", crises=("crash-heldout",), tapes=tapes, members=("none",),
        fork_worlds=0, channel_tapes=0,
    )  # fmt: skip
    sources = {**dict.fromkeys(SEATS, "constant"), "spread_0": spread}
    learned = {seed: [sources] for seed in range(8)}
    tables, controls = measuring.measure_governors(options, config, "planted", learned, HERE, Account())
    assert all(one.passed for one in controls)
    cells = {Cell(algorithm, 0.0, 1, 72.0): tables for algorithm in ("ppo", "evolution")}
    rows = reductions.effect_rows(cells, dict.fromkeys(cells, True))
    return tables["effects"], {(row["market"], row["effect"]): row["verdict"] for row in rows}


def test_an_organism_among_constants_is_found(tmp_path):
    """A half-spread that swings harms welfare in a crash, and changes what the rate governor earns."""
    effects, verdicts = planted(tmp_path, WorldConfig(episode_hours=48), "oscillator-1", 8)
    assert verdicts["crisis", "users"] == "harms" and verdicts["crisis", "others_rate"] == "helps"
    # only one of them does anything: together they do what it does alone, and nobody's learning changes its mandate
    np.testing.assert_allclose(effects["together"], 0.0, atol=1e-9)
    assert verdicts["crisis", "together"] == verdicts["crisis", "others_spread"] == "not found"


def test_a_placebo_in_place_of_a_learned_governor_does_nothing(tmp_path):
    effects, verdicts = planted(tmp_path, TINY, "still", 2)
    assert all((effects[name] == 0.0).all() for name in effects if name in BY_NAME)
    assert set(verdicts.values()) == {"not found"}


def test_lineups_are_paired_and_play_like_anybody():
    lineup = Lineup("all", tuple((seat, "pi" if seat == "rate_0" else "constant") for seat in SEATS))
    table = playing.play_lineups(TINY, Session((lineup, Lineup("again", lineup.sources)), ("jump",), 5, 3, ()))
    assert table["scenario"].tolist() == ["", "jump"] * 2 and len(set(table["welfare"].tolist())) == 1
    seeds = tape_seeds(3, 5)
    world = open_worlds(TINY, "jump", seeds)
    governors = {a.name: make_governor(dict(lineup.sources)[a.name], a.role, agent=a.name) for a in TINY.learners()}
    total = sum(step.welfare(0) for step in play(world, governors, seeds))
    assert table["welfare"][0] == pytest.approx(total.mean())


def test_every_candidate_of_the_strategy_is_paid_what_it_earns():
    networks = Networks(TINY)
    points = networks.start(np.zeros(len(networks.levers))) + 0.3 * np.random.default_rng(0).normal(
        size=(2, networks.size)
    )
    seeds = tape_seeds(3)
    found = rewards_of(open_worlds(TINY, "jump", seeds), networks, points)
    from protogov.agents.policies import PolicyGovernor

    for column, point in enumerate(points):
        world = open_worlds(TINY, "jump", seeds)
        governors = {policy.agent: PolicyGovernor(policy) for policy in networks.policies(point)}
        total = {agent: 0.0 for agent in world.agents}
        for step in play(world, governors, seeds):
            total = {agent: total[agent] + step.rewards[agent].mean() for agent in total}
        assert found[:, column] == pytest.approx(list(total.values()), abs=1e-3)


# ---------------------------------------------------------------------- channels


HELD = [
    # (channel, its crisis, hours, tapes, least effect [bp of K0]) under constants
    ("threshold to hedges", "crisis-2020-03", 168, 24, 0.5),
    ("rates to frozen cash", "crisis-2020-03", 336, 6, 1.0),
    ("hedges to bad debt", "crisis-2020-03", 336, 12, 0.05),
]


@pytest.mark.parametrize(("name", "crisis", "hours", "count", "least"), HELD)
def test_a_lever_held_by_hand_does_harm_and_the_switch_takes_that_away(name, crisis, hours, count, least):
    """In a crash under constants: a tenth at most is left."""
    config = WorldConfig(episode_hours=hours)
    lineup = Lineup("all", tuple((seat, "constant") for seat in SEATS))
    (channel,) = (one for one in channels.CHANNELS if one.name == name)
    job = channels.ChannelJob((channels.played_as(channel),), "on", lineup, (crisis,), 0, count, ())
    on, off = (
        channels.play_channels(config, replace(job, switch=switch))[f"{channels.played_as(channel)}: {channel.outcome}"]
        for switch in ("on", "off")
    )
    assert on.mean() > least and abs(off.mean()) < 0.1 * on.mean()


# ---------------------------------------------------------------------- store


START = find_start(TINY, "tuned-mix")
MADE = {"hours": 2.0, "start": asdict(START), "settings": {"gamma": 0.95, "hidden_sizes": (32, 32)}}


@pytest.fixture
def stored(tmp_path):
    networks, draw = Networks(TINY), np.random.default_rng(0)
    tables = [
        {"after_0": draw.normal(size=networks.size).astype(np.float32),
         "after_1": draw.normal(size=networks.size).astype(np.float32),
         **{name: np.full(networks.size, value) for name, value in
            {"hours_0": 1.0, "hours_1": 2.0, "cpu": 3.0, "wall": 4.0, "reference": 5.0}.items()}}
        for _ in range(2)
    ]  # fmt: skip
    kept = store.write_cell(tmp_path, "cell", TINY, MADE, tables, (0, 1), "command")
    return tmp_path, tables, kept


def test_stored_policies_are_the_trained_ones_bit_for_bit(stored):
    folder, tables, kept = stored
    again = store.read_cell(folder, "cell", TINY, MADE)
    assert again.weights.dtype == np.float32 and again.seeds == (0, 1) and again.checkpoints == 2
    for row, table in enumerate(tables):
        assert (again.weights[row, 1] == table["after_1"]).all()
    paths = store.unpack(kept, "cell", TINY, folder / "governors")
    from protogov.agents.policies import load_policy_file

    policies = [load_policy_file(folder / path) for path in paths[1][0].values()]
    assert (START.networks(TINY).point(policies) == tables[1]["after_0"]).all()
    held = dict(zip(policies[0].levers, policies[0].incumbent.constants, strict=True))
    assert held == {name: START.actions[name] for name in held} and not policies[0].incumbent.slopes
    half = store.write_cell(folder, "half", TINY, MADE, tables, (0, 1), "command", "float16")
    assert (half.weights[0, 0] == tables[0]["after_0"].astype(np.float16).astype(np.float32)).all()


def test_a_damaged_or_foreign_store_is_refused_in_one_sentence(stored):
    folder, _, _ = stored
    with pytest.raises(BadInput, match="was trained with hours 2.0 instead of 3.0; give the same, or another --store"):
        store.read_cell(folder, "cell", TINY, {**MADE, "hours": 3.0})
    changed = {**MADE, "settings": {**MADE["settings"], "gamma": 0.99}}
    with pytest.raises(BadInput, match=r"was trained with settings.gamma 0.95 instead of 0.99; give the same"):
        store.read_cell(folder, "cell", TINY, changed)
    file, manifest = folder / "cell.safetensors", folder / "cell.json"
    data, about = file.read_bytes(), json.loads(manifest.read_text())
    file.write_bytes(data[:-1])
    with pytest.raises(BadInput, match="does not match its SHA-256") as error:
        store.read_cell(folder, "cell", TINY, MADE)
    assert "\n" not in str(error.value)
    file.unlink()
    with pytest.raises(BadInput, match="cannot be read"):
        store.read_cell(folder, "cell", TINY, MADE)
    manifest.write_text(json.dumps({**about, "physics": "other"}))
    with pytest.raises(BadInput, match="was trained in another world than this one"):
        store.read_cell(folder, "cell", TINY, MADE)
    with pytest.raises(BadInput, match="there is no such file"):
        store.read_cell(folder, "none", TINY, {})


# ---------------------------------------------------------------------- end to end

SMALL = [
    *("study", "coexistence", "--size", "tiny", "--hours", "100", "--seeds", "2", "--worlds", "2", "--pairs", "1"),
    *("--search-tapes", "1", "--tapes", "2", "--members", "none", "--member-tapes", "2", "--crises", "crash-heldout"),
    *("--fork-worlds", "0", "--channel-tapes", "0", "--jobs", "1"),
]
PAIR = ["ppo-c0-v1-a72", "evolution-c0-v1-a72"]


@pytest.fixture
def short(monkeypatch):
    """Episodes of twelve hours, and two checkpoints."""
    monkeypatch.setitem(SIZES, "tiny", replace(SIZES["tiny"], episode_hours=12))
    monkeypatch.setattr(learning, "CHECKPOINTS", 2)


def test_cells_are_trained_and_measured_apart_and_compared(tmp_path, short, monkeypatch, capsys):
    out = tmp_path / "out"
    for name in PAIR:  # in two commands, as on two machines
        assert main([*SMALL, "--cells", name, "--stage", "training", "measuring", "--out", str(out)]) == 0
    capsys.readouterr()
    assert main([*SMALL, "--cells", PAIR[0], "--stage", "findings", "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("Reduced run, not the registered study (size tiny instead of full;")
    page = (out / "README.md").read_text()
    assert "**Reduced run" in page and "Nothing is claimed in a reduced run" in page and "## Compute ledger" in page
    assert "![effects](findings/effects.png)" in page and (out / "findings" / "effects.png").is_file()
    ledger = records(read_csv(out / "findings" / "ledger.csv"))
    assert [row["cell"] for row in ledger] == PAIR and all(row["cpu_seconds"] > 0.0 for row in ledger)
    rows = records(read_csv(out / "findings" / "findings.csv"))
    assert {row["verdict"] for row in rows} == {"underpowered: 2 training seeds"} and rows[0]["ppo_n"] == 2
    assert len(records(read_csv(out / PAIR[1] / "effects.csv"))) == 2 * 2 * 2

    def refuse(*given):
        raise AssertionError("played again")

    monkeypatch.setattr(playing, "open_batch", refuse)
    monkeypatch.setitem(learning.ALGORITHMS, "ppo", refuse)
    assert main([*SMALL, "--cells", PAIR[0], "--out", str(out)]) == 0  # everything is kept
    assert main([*SMALL, "--cells", PAIR[0], "--hours", "200", "--out", str(out)]) == 2
    assert "was trained with hours 100.0 instead of 200.0" in capsys.readouterr().err
    assert main([*SMALL, "--cells", "ppo-c1-v1-a72", "--stage", "measuring", "--out", str(out)]) == 2
    assert "ppo-c1-v1-a72_0.json: there is no such file" in capsys.readouterr().err


@pytest.mark.long
def test_rivals_are_forked_and_a_shorter_store_says_what_it_costs(tmp_path, short):
    more = [
        *("--fork-worlds", "4", "--fork-checkpoints", "1", "--channel-tapes", "1", "--members", "w01"),
        *("--precision", "float16", "--store", str(tmp_path / "kept")),
    ]
    out = tmp_path / "out"
    assert main([*SMALL, *more, "--cells", "ppo-c0-v2-a72", "evolution-c0-v2-a72", "--out", str(out)]) == 0
    kept = json.loads((tmp_path / "kept" / "ppo-c0-v2-a72_0.json").read_text())
    assert kept["precision"] == "float16" and len(kept["gaps"]) == 2 and np.isfinite(kept["gaps"]).all()
    cell = out / "ppo-c0-v2-a72"
    assert {row["kind"] for row in records(read_csv(cell / "influence.csv"))} == {"total", "policy"}
    assert records(read_csv(cell / "members.csv"))[0]["member"] == "w01"
    assert {row["part"] for row in records(read_csv(cell / "measuring.csv")) if row["cpu"] > 0.0} == {
        "line-ups", "ensemble", "forks", "channels", "constants", "precision"
    }  # fmt: skip
    page = (out / "README.md").read_text()
    assert (
        "## Influence by forks" in page
        and "## Expected channels" in page
        and "two rival venues" in page
        and "bp of K0" in page
    )
