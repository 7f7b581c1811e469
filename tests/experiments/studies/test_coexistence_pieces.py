"""Pieces of the study of coexistence: mixed batches, crises by their onset, forks on mandates, failures and costs."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from protogov.agents.ppo.settings import PPOSettings
from protogov.agents.ppo.trainer import Trainer
from protogov.envs.config import WorldConfig
from protogov.envs.simulator import Simulator
from protogov.envs.sizes import SIZES
from protogov.experiments.commands.options import with_physics
from protogov.experiments.core.pieces import HERE, Running
from protogov.experiments.core.play import open_worlds, tape_seeds
from protogov.experiments.core.tables import columns
from protogov.experiments.errors import CheckFailed
from protogov.experiments.studies.coexistence import (
    channels,
    influence,
    learning,
    measuring,
    playing,
    reductions,
    store,
)
from protogov.experiments.studies.coexistence.cells import Cell
from protogov.experiments.studies.coexistence.effects import effect_table, member_table, scenario_table, share_table
from protogov.experiments.studies.coexistence.learning import Training, train_seed
from protogov.experiments.studies.coexistence.options import Options
from protogov.experiments.studies.coexistence.playing import STRIDE, Played, Session, play_all
from protogov.experiments.studies.coexistence.spared import CPU, FAILED, Account, spared
from protogov.experiments.studies.coexistence.start import Start, find_start
from protogov.experiments.studies.coexistence.tapes import Several, deep_tapes, onset_of, open_batch
from protogov.experiments.studies.emergence.extraction import loaded
from protogov.experiments.studies.emergence.reading import market_of
from protogov.experiments.studies.emergence.subjects import Subject
from protogov.experiments.studies.learning.candidates import find_candidates

SEATS = ("rate_0", "risk_0", "spread_0")
TINY = WorldConfig(size="tiny", episode_hours=12)
MARKETS = {"calm": ("calm",), "crisis": ("crash-heldout", "crisis-2025-10")}


def a_fortnight(world: Simulator) -> np.ndarray:
    stand = {agent: np.zeros((world.num_worlds, world.action_size(agent))) for agent in world.agents}
    while not world.truncated().any():
        step = world.step(stand)
    return np.concatenate([step.terms["welfare_0"], step.records["bad_debt"]], axis=1)


# ---------------------------------------------------------------------- mixed batches


def test_a_row_of_a_mixed_batch_is_the_world_of_its_own_scenario_and_member():
    seeds = tape_seeds(3)
    mixed = open_batch(TINY, ["calm", "jump", "calm"], seeds, ["w01", "w02", "w03"])
    found = a_fortnight(mixed)
    for row, (scenario, member) in enumerate(zip(("calm", "jump", "calm"), ("w01", "w02", "w03"), strict=True)):
        alone = open_worlds(with_physics(TINY, member), scenario, seeds[row : row + 1])
        assert (alone.params[0].tolist(), alone.tape[0].tolist()) == (
            mixed.params[row].tolist(),
            mixed.tape[row].tolist(),
        )
        assert (a_fortnight(alone)[0] == found[row]).all()
    with pytest.raises(KeyError):
        Several(["calm"], seeds[:1]).draw(seeds[1:], 12)  # of a world that has no scenario


def test_tapes_of_crises_begin_to_fall_together():
    """In one decision nearly all, of every crisis, and none a day away."""
    names = ("crash-heldout", "crisis-2023-03", "crisis-2025-10") * 4
    seeds, decision = deep_tapes(names, 2**24, 336, 6, 50)
    scenario = Several(names, np.array(seeds, np.uint64))
    world = open_batch(WorldConfig(), names, np.array(seeds, np.uint64))
    begins = onset_of(world.tape["close"].astype(np.float64)) // 6
    assert scenario.split == "validation" and len(set(seeds)) == 12
    assert np.abs(begins - decision).max() <= 3 and (begins == decision).mean() > 0.8
    assert deep_tapes(names, 2**24, 336, 6, 3)[1] <= 3
    closes = np.array([[8.0] * 10 + [7.0] * 30 + [3.0] * 9 + [1.0] * 2])
    assert onset_of(closes).tolist() == [25]  # the first day that ends at 1


# ---------------------------------------------------------------------- forks


def test_forks_read_mandates_where_everybody_is_paid_welfare():
    config = replace(WorldConfig(cooperation=1.0), episode_hours=48)
    world = open_worlds(config, "jump", tape_seeds(2))
    market = market_of(world, tape_seeds(2), rewards=True, mandates=True)
    step = world.step({agent: np.full((2, world.action_size(agent)), 0.5) for agent in world.agents})
    seen = market(step, {agent: np.zeros((2, 1)) for agent in world.agents})
    for agent in world.agents:
        terms = [term.weight for term in world.roles[agent].terms]
        assert seen[f"mandate/{agent}"] == pytest.approx(step.terms[agent] @ np.array(terms))
    rewards = np.stack([seen[f"reward/{agent}"] for agent in world.agents])
    assert (rewards == rewards[0]).all()  # all are paid the same, which says nothing about anybody

    subject = Subject("s", (tuple(dict.fromkeys(SEATS, "constant").items()),) * 2, (0, 1))
    job = influence.ForkJob(subject, "spread_0", ("crisis-2025-10", "crash-heldout"), True, 4)
    table = influence.fork(config, job)
    found = loaded(table)
    assert found["outcomes"] == [*(f"mandate/{seat}" for seat in SEATS), "welfare/all"]
    assert found["replay_gap"] == 0.0 and found["windows"] == [[1, 4]] and table[CPU][0] > 0.0
    whole = influence._joined([found], config)
    assert influence._links(whole)[0]["tested"] == len(found["levers"]) * 3 and whole.effects["total"].shape[0] == 2


# ---------------------------------------------------------------------- learners


def test_ppo_is_the_candidate_that_the_screening_selected():
    """All of its row, which has options of PPO alone, and nothing else than where it starts."""
    (selected,) = find_candidates((measuring.SELECTED,))
    own = {name.removeprefix("ppo."): value for name, value in selected.options.items()}
    assert selected.start == "constants" and all(name.startswith("ppo.") for name in selected.options)
    settings = measuring.ppo_settings(Options(constants="tuned"))
    assert settings == PPOSettings(**own, start="tuned") and settings.gamma == 0.99 and settings.twin == "policies"


@pytest.mark.parametrize("size", ["tiny", "core", "full"])
@pytest.mark.parametrize("venues", [1, 2])
def test_both_algorithms_start_as_the_constants_beside_which_they_are_measured(tmp_path, size, venues):
    """With PPO's first networks and with those of the strategy: bit for bit what the constants get."""
    config = WorldConfig(size=size, venues=venues, episode_hours=12)
    start = find_start(config, "tuned-mix")
    networks = start.networks(config)
    settings = measuring.ppo_settings(Options())
    trainer = Trainer(Simulator(config, 2, scenario="mix"), settings, total_rollouts=1, seed=3)
    first = networks.point([learning._renamed(one) for one in trainer.policies()])
    points = np.stack([first, networks.start(np.zeros(len(networks.levers)))]).astype(np.float32)
    kept = store.Kept(points[:, None], {"seeds": [0, 1], "made_with": {"start": asdict(start)}})
    sources = [of[0] for of in store.unpack(kept, "cell", config, tmp_path)]
    learned = [playing.Lineup(name, tuple(own.items())) for name, own in zip("ab", sources, strict=True)]
    lineups = (playing.nobody(tuple(sources[0]), "tuned-mix"), *learned)
    table = playing.play_lineups(config, playing.Session(lineups, ("jump",), 0, 2, ()))
    assert len(set(table["welfare"].tolist())) == 1
    still = playing.Lineup("default", tuple(dict.fromkeys(sources[0], "constant").items()))
    moved = playing.play_lineups(config, playing.Session((still,), ("jump",), 0, 2, ()))
    assert moved["welfare"][0] != table["welfare"][0]


@pytest.mark.parametrize("algorithm", ["ppo", "evolution"])
@pytest.mark.parametrize("venues", [1, 2])
def test_governors_learn_what_is_added_to_the_constants(algorithm, venues):
    cell = Cell(algorithm, 0.0, venues, 72.0)
    options = Options(size="tiny", hours=200.0, worlds=2, pairs=1, search_tapes=1)
    (job,) = measuring.jobs_of(options, cell, (0,))
    config = cell.world("tiny")
    table = train_seed(config, job)
    for policy in job.start.networks(config).policies(table["after_0"]):
        assert policy.incumbent.constants == tuple(job.start.actions[name] for name in policy.levers)
        assert np.abs(policy.weights["layer_2.bias"]).max() > 0.0


def test_what_is_stored_depends_on_the_settings_of_its_algorithm_and_on_the_values_of_the_constants(monkeypatch):
    def digest(algorithm):
        cell = Cell(algorithm, 0.0, 1, 72.0)
        return store.digest_of(cell.world("tiny"), measuring.made_with(Options(size="tiny"), cell, (0, 1)))

    before = {name: digest(name) for name in ("ppo", "evolution")}
    with monkeypatch.context() as patch:
        patch.setattr(measuring, "ppo_settings", lambda options: PPOSettings(start=options.constants, num_epochs=4))
        assert digest("ppo") != before["ppo"] and digest("evolution") == before["evolution"]
    with monkeypatch.context() as patch:
        patch.setattr(measuring, "budget_for", lambda *given: replace(learning.budget_for(*given), sigma=0.04))
        assert digest("ppo") == before["ppo"] and digest("evolution") != before["evolution"]
    real = measuring.find_start
    monkeypatch.setattr(measuring, "find_start", lambda *given: replace(
        real(*given), actions={name: 0.5 * action for name, action in real(*given).actions.items()}))  # fmt: skip
    assert all(digest(name) != old for name, old in before.items())


# ---------------------------------------------------------------------- failures and costs


def test_a_failure_is_a_result_and_other_errors_are_not():
    def piece(config, job):
        raise job

    spoilt = spared(piece)(TINY, RuntimeError("books of world 3 do not balance"))
    assert spoilt[FAILED].tolist() == ["books of world 3 do not balance"] and spoilt[CPU][0] >= 0.0
    with pytest.raises(RuntimeError, match="shapes"):
        spared(piece)(TINY, RuntimeError("shapes differ"))
    account = Account()
    fine = {"x": np.arange(2.0), CPU: np.full(2, 3.0)}
    assert [list(table) for table in account.book("forks", ["a", "b"], [fine, spoilt])] == [["x"], []]
    assert account.failed == ["b: books of world 3 do not balance"] and account.spent["forks"] >= 3.0


def diverging(config, job):
    if job.seed == 1:
        raise CheckFailed("rate_0 diverged")
    return [(6.0, np.full(store.Networks(config).size, float(job.seed)))]


def test_a_seed_that_diverges_is_left_out_and_said(tmp_path, monkeypatch):
    monkeypatch.setitem(learning.ALGORITHMS, "ppo", diverging)
    monkeypatch.setattr(learning, "reference_rate", lambda: 1.0)
    jobs = [Training("ppo", "jump", seed, 12.0, Start("constant", {}), 1, None) for seed in range(3)]
    tables = [train_seed(TINY, job) for job in jobs]
    kept = store.write_cell(tmp_path, "cell", TINY, {}, tables, (0, 1, 2), "command")
    assert kept.seeds == (0, 2) and kept.weights[:, 0, 0].tolist() == [0.0, 2.0]
    assert [(one["seed"], one["why"]) for one in kept.about["failed"]] == [(1, "rate_0 diverged")]
    none = store.write_cell(tmp_path, "none", TINY, {}, tables[1:2], (1,), "command")
    with pytest.raises(CheckFailed, match="of every seed failed; of seed 1: rate_0 diverged"):
        store.join("cell", [none])
    both = store.join("cell", [none, kept])
    assert (both.weights == kept.weights).all() and both.seeds == (0, 2) and both.about["cpu"] == kept.about["cpu"]
    assert len(both.about["failed"]) == 2
    # of a seed that broke off the ledger has the seconds, and no market hours
    ledger = measuring._ledger(Cell("ppo", 0.0, 1, 72.0), kept)
    assert ledger["seed"].tolist() == [0, 1, 2] and ledger["failed"].tolist() == [0, 1, 0]
    assert ledger["cpu"].tolist() == [float(table["cpu"][0]) for table in tables] and (ledger["wall"] > 0.0).all()
    assert np.isnan(ledger["market_hours"]).tolist() == [False, True, False]


def test_seeds_are_stored_a_few_at_a_time_and_what_is_stored_outlasts_a_machine(tmp_path, monkeypatch):
    cell, trained = Cell("ppo", 0.0, 1, 72.0), []

    def train(config, job):
        trained.append(job.seed)
        if job.seed == 5:
            raise KeyboardInterrupt
        return [(6.0 * k, np.full(store.Networks(config).size, job.seed + 0.1 * k)) for k in (1, 2)]

    monkeypatch.setitem(learning.ALGORITHMS, "ppo", train)
    monkeypatch.setattr(learning, "reference_rate", lambda: 1.0)
    options = Options(out=tmp_path / "one", size="tiny", seeds=6)
    assert cell.parts(12) == [(0, 1, 2, 3), (4, 5, 6, 7), (8, 9, 10, 11)]
    with pytest.raises(KeyboardInterrupt):
        measuring.train_cell(options, cell, HERE)
    (tmp_path / "one").rename(tmp_path / "two")  # as git gives it to another machine
    monkeypatch.setitem(learning.ALGORITHMS, "ppo", lambda config, job: train(config, replace(job, seed=-job.seed)))
    kept = measuring.train_cell(replace(options, out=tmp_path / "two"), cell, HERE)
    assert trained == [0, 1, 2, 3, 4, 5, -4, -5] and kept.seeds == (0, 1, 2, 3, 4, 5)
    assert kept.weights[:, 1, 0].tolist() == pytest.approx([0.2, 1.2, 2.2, 3.2, -3.8, -4.8])
    assert kept.about["hours"] == [[6.0, 12.0]] * 6


def test_what_shorter_numbers_cost_is_measured_seed_by_seed(tmp_path, monkeypatch):
    """Weights that half precision holds cost nothing; others change W."""
    config, cell = WorldConfig(size="tiny"), Cell("ppo", 0.0, 1, 72.0)
    networks = store.Networks(config)
    start = networks.start(np.full(len(networks.levers), 0.1)).astype(np.float16).astype(np.float32)
    tables = {0: {"after_0": start}, 1: {"after_0": start + np.float32(2e-4)}}
    options = Options(out=tmp_path, size="tiny", tapes=2, calm="jump", precision="float16")
    (first, spent), (second, _) = measuring._gaps(options, cell, tables, HERE)
    assert first == 0.0 != second and spent > 0.0
    assert measuring._loss(options, [None, first, second])["mean"] == pytest.approx(second / 2)
    assert measuring._loss(options, []) is None


def test_a_world_whose_books_fail_costs_its_seed_or_its_member_alone(monkeypatch):
    """Seed 2 fails in calm; in member w02 seed 0 does, which its batch of members does not survive either."""
    learned = {seed: [dict.fromkeys(SEATS, "constant")] for seed in (0, 2)}
    real = playing.open_batch

    def failing(config, names, seeds, members=()):
        first = int(seeds[0] - tape_seeds(1)[0])
        if (first == 3 * playing.STRIDE and "calm" in names) or (first == playing.STRIDE and "w02" in members):
            raise CheckFailed("books of world 0 do not balance")
        return real(config, names, seeds, members)

    monkeypatch.setattr(playing, "open_batch", failing)
    account = Account()
    played = play_all(TINY, "x", learned, "constant", MARKETS, 2, HERE, account)
    assert {one.seed for one in played} == {0} and {one.market for one in played} == {"calm", "crisis"}
    assert all(one.startswith("line-ups, training seed 2, calm") for one in account.failed)
    account = Account()
    again = play_all(TINY, "x", {0: learned[0]}, "constant", {"crisis": ("jump",)}, 2, HERE, account,
                     part="ensemble", strangers=False, members=("w01", "w02", "w03"))  # fmt: skip
    assert member_table(again)["member"].tolist() == ["w01", "w03"]
    assert {one.partition(": ")[0] for one in account.failed} == {"ensemble, training seed 0, crisis, w02"}


@pytest.mark.parametrize("autonomy", [72.0, 12.0])
def test_strangers_forks_and_channels_are_of_headline_cells_alone(tmp_path, monkeypatch, autonomy):
    """The options are the same for both, so neither is reduced. Strangers are met in the ensemble too."""
    asked = []
    monkeypatch.setattr(measuring, "measure_influence", lambda *given: asked.append("forks") or ({}, []))
    monkeypatch.setattr(measuring, "measure_channels", lambda *given: asked.append("channels") or {})
    monkeypatch.setitem(learning.ALGORITHMS, "ppo", lambda config, job: [
        (6.0, np.full(store.Networks(config).size, 0.1 * job.seed))])  # fmt: skip
    monkeypatch.setattr(learning, "reference_rate", lambda: 1.0)
    monkeypatch.setitem(SIZES, "tiny", replace(SIZES["tiny"], episode_hours=12))
    options = Options(out=tmp_path, size="tiny", seeds=6, tapes=2, members=("w01",), member_tapes=2,
                      crises=("crash-heldout",), precision="float16")  # fmt: skip
    cell = Cell("ppo", 0.0, 1, autonomy)
    measuring.train_cell(options, cell, HERE)
    tables = measuring.measure_cell(options, cell, HERE).tables
    effects, headline = tables["effects"], autonomy == 72.0
    assert asked == (["forks", "channels"] if headline else []) and ("familiar" in effects) == headline
    assert ("familiar" in tables["members"]) == headline and "together" in tables["members"]
    spent = dict(zip(tables["measuring"]["part"].tolist(), tables["measuring"]["cpu"].tolist(), strict=True))
    assert set(spent) == {"line-ups", "ensemble", "constants", "precision"} and min(spent.values()) > 0.0
    cells = {cell: tables}
    shares = {row["effect"]: row["ppo_members"] for row in reductions.effect_rows(cells, {cell: True})}
    assert np.isfinite(list(shares.values())).all() and ("familiar_users" in shares) == headline
    assert len(set(effects["seed"].tolist())) == (6 if headline else 2)


def test_what_constants_get_is_played_once_for_all_cells_of_a_world(tmp_path):
    """It depends neither on who learned nor on what governors are paid; on autonomy it does."""
    how, account = Running(keep=tmp_path), Account()

    def play(config, source, how=how):
        learned = {seed: [dict.fromkeys(SEATS, source)] for seed in (0, 1)}
        return play_all(config, source, learned, "tuned-mix", MARKETS, 2, how, account, welfare_alone=True)

    def played_alone():
        return sorted(path.name for path in tmp_path.glob(f"{playing.CONSTANTS}_*"))

    first = play(TINY, "constant")
    once, spent = played_alone(), account.spent[playing.CONSTANTS]
    paid = replace(TINY, cooperation=1.0)
    second = play(paid, "tuned")
    assert len(once) == 4 and played_alone() == once and account.spent[playing.CONSTANTS] == 2 * spent > 0.0
    own = playing.play_lineups(paid, Session((playing.nobody(SEATS, "tuned-mix"),), MARKETS["calm"], STRIDE, 2, ()))
    for one, other in zip(first, second, strict=True):
        alike = {line: repr(one.numbers[line]) == repr(other.numbers[line]) for line in ("none", "all")}
        assert alike == {"none": True, "all": False}  # as text: of a group without members both are NaN
    (calm,) = (one for one in second if (one.seed, one.market, one.scenario) == (0, "calm", ""))
    found = {name: value for name, value in calm.numbers["none"].items() if np.isfinite(value)}
    assert found == {name: own[name][0] for name in found} and len(found) > 20
    play(replace(TINY, autonomy=12.0), "constant")
    assert len(played_alone()) == 8


def test_the_branch_without_a_hold_is_played_once_and_gives_the_same_numbers():
    config = WorldConfig(episode_hours=48)
    lineup = playing.Lineup("all", tuple(zip(SEATS, ("pi", "steward_var", "inventory_quotes"), strict=True)))
    names = tuple(dict.fromkeys(channels.played_as(one) for one in channels.CHANNELS))
    job = channels.ChannelJob(names, "on", lineup, ("crash-heldout",), 0, 3, ())
    whole = channels.play_channels(config, job)
    assert len(names) == 3 and len(whole) == 4 * len(channels.OUTCOMES) + 1
    for name in names:
        alone = channels.play_channels(config, replace(job, channels=(name,)))
        same = [column for column in alone if column != CPU]
        assert all((alone[column] == whole[column]).all() for column in same) and len(same) == 8
        assert any((alone[f"{name}: {outcome}"] != 0.0).any() for outcome in channels.OUTCOMES)


# ---------------------------------------------------------------------- tables


def test_the_ledger_counts_what_cells_share_once():
    def cell(own, shared):
        measuring = columns([{"part": "line-ups", "cpu": own}, {"part": playing.CONSTANTS, "cpu": shared}])
        seeds = [
            {"seed": 0, "failed": 0, "market_hours": 1e6, "cpu": 7.0, "wall": 8.0, "reference": 9.0},
            {"seed": 1, "failed": 1, "market_hours": np.nan, "cpu": 1.0, "wall": 2.0, "reference": 9.0},
        ]
        return {"measuring": measuring, "ledger": columns(seeds)}

    cells = {Cell("ppo", 0.0, 1, 72.0): cell(10.0, 3.0), Cell("evolution", 1.0, 1, 72.0): cell(20.0, 4.0),
             Cell("ppo", 0.0, 2, 72.0): cell(40.0, 5.0)}  # fmt: skip
    table = columns(reductions.ledger_rows(cells))
    assert table["measuring_seconds"].tolist() == [13.0, 24.0, 45.0]
    assert (table["cpu_seconds"] == 8.0).all() and (table["market_hours"] == 1e6).all()
    assert (table["seeds"] == 1).all() and (table["failed"] == 1).all()
    assert reductions.shared_once(table) == 10.0 + 20.0 + 40.0 + 4.0 + 5.0


def test_tables_of_seeds_scenarios_and_members_by_hand():
    def numbers(gain, tail):
        none = {"welfare": 0.0, "payoff/tail": 0.0} | {f"mandate/{seat}": 0.0 for seat in SEATS}
        lines = {f"only {seat}": none for seat in SEATS}
        return {"none": none, "all": {**none, "welfare": gain, "payoff/tail": tail}, **lines}

    played = [
        Played(seed, at, "crisis", scenario, member, numbers(gain + seed + at + (member == "w01"), np.nan))
        for member in ("", "w01") for seed in (3, 5) for at in (0, 1)
        for scenario, gain in (("", 10.0), ("a", 5.0), ("b", 15.0))
    ]  # fmt: skip
    plain = [one for one in played if one.member == ""]
    assert effect_table(plain)["users"].tolist() == [13.0, 14.0, 15.0, 16.0]
    found = scenario_table(plain)
    users = found["effect"] == "users"
    assert found["scenario"][users].tolist() == ["a", "b"] and found["change"][users].tolist() == [9.5, 19.5]
    members = member_table(played)
    assert members["users"].tolist() == [14.5, 15.5]
    # two seeds a distance of 2 apart: Student's half-width is 12.706 standard errors of 1
    assert members["users_half"] == pytest.approx(12.7062)
    shares = share_table(plain, "payoff/")
    assert list(shares) == ["market", "party", "seed_3", "seed_5"] and shares["party"].tolist() == ["tail"]
