"""The stages of one cell: training into the store, and everything that is measured of it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from protogov.agents.ppo.settings import PPOSettings
from protogov.agents.tuning.networks import HIDDEN
from protogov.envs.config import WorldConfig
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.statistics import student_t
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import Table, columns, rounded
from protogov.experiments.errors import CheckFailed, as_bad_input
from protogov.experiments.studies.coexistence import store
from protogov.experiments.studies.coexistence.cells import PPO, Cell
from protogov.experiments.studies.coexistence.channels import measure_channels
from protogov.experiments.studies.coexistence.effects import effect_table, member_table, scenario_table, share_table
from protogov.experiments.studies.coexistence.influence import measure_influence
from protogov.experiments.studies.coexistence.learning import Training, budget_for, train_seed
from protogov.experiments.studies.coexistence.options import CRISIS, ORDINARY, Options
from protogov.experiments.studies.coexistence.playing import (
    ALL,
    NONE,
    STRIDE,
    Lineup,
    Session,
    Sources,
    digests_of,
    nobody,
    play_all,
    play_lineups,
)
from protogov.experiments.studies.coexistence.spared import CPU, FAILED, Account
from protogov.experiments.studies.coexistence.start import find_start
from protogov.experiments.studies.emergence.forks import largest_gap
from protogov.experiments.studies.emergence.measure import Control
from protogov.experiments.studies.learning.candidates import find_candidates

DIGITS = {"effects": 6}  # of the numbers of a table from which others are computed
OTHER_DIGITS = 4
# the candidate of the study of learning that its screening selected, and how its options of PPO begin
SELECTED, OF_PPO = "ppo-constants-twin", "ppo."
# table -> how the numbers of line-ups begin that are compared party by party
SHARES = {"parts": "part/", "payoffs": "payoff/", "bears": "bears/"}
GUARDS = ("line-ups",)  # what the placebo of line-ups guards


def ppo_settings(options: Options) -> PPOSettings:
    """Those of the candidate that the screening of the study of learning selected, from these constants on."""
    (selected,) = find_candidates((SELECTED,))
    own = {name.removeprefix(OF_PPO): value for name, value in selected.options.items()}
    with as_bad_input():
        return PPOSettings(**{"hidden_sizes": HIDDEN, "start": options.constants, **own})


def jobs_of(options: Options, cell: Cell, seeds: Sequence[int]) -> list[Training[Any]]:
    """The training of each seed.

    Raises:
        BadInput: nobody can start at the constants.
    """
    config, hours = cell.world(options.size), cell.hours(options.hours)
    settings, worlds = (
        (ppo_settings(options), options.worlds) if cell.algorithm == PPO
        else (budget_for(config, hours, options.pairs, options.search_tapes), options.search_tapes)
    )  # fmt: skip
    start = find_start(config, options.constants)
    return [Training(cell.algorithm, options.scenario, seed, hours, start, worlds, settings) for seed in seeds]


def made_with(options: Options, cell: Cell, seeds: Sequence[int]) -> dict[str, Any]:
    """Everything but the world that the weights of some seeds of a cell depend on, JSON-able."""
    about = asdict(jobs_of(options, cell, seeds)[0])
    del about["seed"]
    return {**about, "seeds": list(seeds)}


OF_TRAINING = ("size", "scenario", "constants", "hours", "seeds", "worlds", "pairs", "search_tapes", "store",
               "precision", "out")  # fmt: skip


def command_of(options: Options, cell: Cell) -> str:
    """The command that trains this cell alone."""
    words = [f"protogov study coexistence --stage training --cells {cell.name}"]
    for name in OF_TRAINING:
        value = getattr(options, name)
        if value != getattr(Options(), name):
            words.append(f"--{name.replace('_', '-')} {value:g}" if isinstance(value, float) else
                         f"--{name.replace('_', '-')} {value}")  # fmt: skip
    return " ".join(words)


# ---------------------------------------------------------------------- training


def train_cell(options: Options, cell: Cell, how: Running) -> store.Kept:
    """The policies of a cell: from the store, or trained and stored, a few seeds after the other.

    Raises:
        BadInput: the store holds others, or damaged ones.
        CheckFailed: the learning of every seed failed, or a process died.
    """
    return store.join(cell.name, [_train_part(options, cell, seeds, how) for seeds in cell.parts(options.seeds)])


def _train_part(options: Options, cell: Cell, seeds: Sequence[int], how: Running) -> store.Kept:
    name, config, made = name_of(cell, seeds), cell.world(options.size), made_with(options, cell, seeds)
    if store.holds(options.place, name):
        return store.read_cell(options.place, name, config, made)
    pieces = [Piece(f"train_{cell.name}_{job.seed}", job, config) for job in jobs_of(options, cell, seeds)]
    tables = run_pieces(train_seed, config, pieces, how, f"training {name}")
    trained = {seed: table for seed, table in zip(seeds, tables, strict=True) if FAILED not in table}
    shorter = options.precision != "float32" and bool(trained)
    return store.write_cell(
        options.place, name, config, made, tables, seeds, command_of(options, cell), options.precision,
        _gaps(options, cell, trained, how) if shorter else (),
    )  # fmt: skip


def name_of(cell: Cell, seeds: Sequence[int]) -> str:
    """Of the files of some seeds in the store."""
    return f"{cell.name}_{seeds[0]}"


def _gaps(
    options: Options, cell: Cell, trained: Mapping[int, Table], how: Running
) -> list[tuple[float | None, float]]:  # fmt: skip
    """What shorter numbers cost each seed in W in the calm market, with the last policies, and what measuring took.

    Returns:
        Of each seed bp, None if playing failed, and processor seconds.
    """
    config, count = cell.world(options.size), sum(name.startswith("after_") for name in next(iter(trained.values())))
    exact = np.stack([table[f"after_{count - 1}"] for table in trained.values()])[:, None]
    values, spent = [], np.zeros(len(trained))
    for label, weights in (("exact", exact), ("stored", exact.astype(options.precision).astype(np.float32))):
        place = options.check() / "governors" / label
        one = store.Kept(weights, {"seeds": list(trained), "made_with": made_with(options, cell, list(trained))})
        sources = [of[0] for of in store.unpack(one, cell.name, config, place)]
        lineups = [(Lineup(ALL, tuple(own.items())),) for own in sources]
        jobs = [Session(own, (options.calm,), (seed + 1) * STRIDE, options.tapes, digests_of(own))
                for seed, own in zip(trained, lineups, strict=True)]  # fmt: skip
        pieces = [Piece(f"precision_{cell.name}_{label}_{seed}", job, config)
                  for seed, job in zip(trained, jobs, strict=True)]  # fmt: skip
        played = run_pieces(play_lineups, config, pieces, how, "precision")
        values.append(np.array([np.nan if FAILED in table else float(table["welfare"][0]) for table in played]))
        spent += [float(table[CPU][0]) for table in played]
    gaps = values[1] - values[0]
    return [(float(gap) if np.isfinite(gap) else None, cpu) for gap, cpu in zip(gaps, spent.tolist(), strict=True)]


# ---------------------------------------------------------------------- measuring


def measure_cell(options: Options, cell: Cell, how: Running) -> Found:
    """Everything that is measured of a cell, under its name.

    Raises:
        BadInput: it was not trained, or the store does not fit.
    """
    config = cell.world(options.size)
    kept = store.join(cell.name, [
        store.read_cell(options.place, name_of(cell, seeds), config, made_with(options, cell, seeds))
        for seeds in cell.parts(options.seeds)
    ])  # fmt: skip
    unpacked = store.unpack(kept, cell.name, config, options.check() / "governors")
    account = Account()
    if kept.about["gaps_cpu"]:
        account.spent["precision"] = sum(kept.about["gaps_cpu"])
    tables, controls = measure_governors(
        options, config, cell.name, dict(zip(kept.seeds, unpacked, strict=True)), how, account, headline=cell.headline
    )
    tables["ledger"] = _ledger(cell, kept)
    tables["measuring"] = columns([{"part": part, "cpu": spent} for part, spent in account.spent.items()])
    untrained = [f"training, seed {one['seed']}: {one['why']}" for one in kept.about["failed"]]
    about = {
        "cell": {**asdict(cell), "autonomy": f"{cell.autonomy:g}"}, "reduced": options.reduced(),
        "seeds": list(kept.seeds), "hours": cell.hours(options.hours), "checkpoints": kept.checkpoints,
        "failed": [*untrained, *account.failed],
        "checkpoint_hours": kept.about["hours"][0], "precision": kept.about["precision"],
        "loss": _loss(options, kept.about["gaps"]), "trained_by": kept.about["command"],
        "controls": [{**asdict(one), "guards": list(one.guards)} for one in controls],
        "markets": {name: list(scenarios) for name, scenarios in options.markets.items()},
        "ordinary": options.ordinary, "constants": options.constants, "tapes": options.tapes,
        "member_tapes": options.member_tapes, "scenario": options.scenario,
    }  # fmt: skip
    short = {name: rounded(table, DIGITS.get(name, OTHER_DIGITS)) for name, table in tables.items()}
    return Found(short, {cell.name: about})


def _loss(options: Options, gaps: Sequence[float | None]) -> dict[str, Any] | None:
    """What shorter numbers cost over all seeds, JSON-able; None if they are not shorter."""
    values = np.array(gaps, np.float64)
    if not np.isfinite(values).any():
        return None
    gap = student_t(values[np.isfinite(values)])
    low, high = (float(end) if np.isfinite(end) else None for end in (gap.low, gap.high))
    return {"what": f"W on {options.calm} of the stored policies less that of the exact ones, bp of K0 an episode",
            "mean": gap.mean, "low": low, "high": high}  # fmt: skip


def measure_governors(
    options: Options, config: WorldConfig, name: str, learned: Mapping[int, Sequence[Sources]], how: Running,
    account: Account, *, headline: bool = True,
) -> tuple[dict[str, Table], list[Control]]:  # fmt: skip
    """Tables and controls of any governors, also of hand-written ones and organisms.

    Cells of other autonomy have too few seeds for any claim. What is said of them, their main effects, needs neither
    strangers nor forks nor channels, which are a large part of the measuring.

    Args:
        options: sizes, markets, constants.
        config: the world.
        name: of the pieces.
        learned: number of a training seed -> [checkpoint] -> seat -> source of its governor: a policy's file, a
            baseline or an organism.
        how: see `Running`.
        account: of costs and failures.
        headline: whether strangers, forks and channels are measured too.

    Raises:
        CheckFailed: of every training seed a line-up failed.
    """
    constants, markets = options.constants, options.markets
    played = play_all(config, name, learned, constants, markets, options.tapes, how, account, strangers=headline)
    if not played:
        raise CheckFailed(f"{name}: of every training seed a line-up failed; {account.failed[0]}")
    ordinary = play_all(config, name, learned, constants, {ORDINARY: (options.ordinary,)}, options.tapes, how, account,
                        welfare_alone=True)  # fmt: skip
    controls = [_placebo(options, config, name, next(iter(learned.values()))[-1], how, account)]
    tables = {"effects": effect_table(played), "scenarios": scenario_table([*played, *ordinary])}
    tables |= {about: share_table(played, prefix) for about, prefix in SHARES.items()}
    last = len(next(iter(learned.values()))) - 1
    if options.chosen_members:
        again = play_all(
            config, name, learned, constants, markets, options.member_tapes, how, account, part="ensemble",
            checkpoints=[last], strangers=headline, members=options.chosen_members,
        )  # fmt: skip
        tables |= {"members": member_table(again)} if again else {}
    if headline and options.fork_worlds:
        files = sorted({source for of in learned.values() for sources in of for source in sources.values()
                        if source.endswith(".json")})  # fmt: skip
        digests = digests_of([Lineup("", tuple((file, file) for file in files))])
        late = {seed: of[-options.fork_checkpoints :] for seed, of in learned.items()}
        links, more = measure_influence(config, name, late, digests, markets, CRISIS, options.fork_worlds, how, account)
        tables |= {"influence": links} if links else {}
        controls += more
    if headline and options.channel_tapes:
        found = measure_channels(config, name, learned, markets[CRISIS], options.channel_tapes, how, account)
        tables |= {"channels": found} if found else {}
    return tables, controls


def _placebo(
    options: Options, config: WorldConfig, name: str, sources: Sources, how: Running, account: Account
) -> Control:
    """Constants against themselves, and learned governors against themselves: every number has to be the same."""
    first, learned = nobody(tuple(sources), options.constants), Lineup(ALL, tuple(sources.items()))
    pairs = {NONE: first, "none again": first, ALL: learned, "all again": learned}
    lineups = tuple(Lineup(label, one.sources) for label, one in pairs.items())
    session = Session(lineups, options.markets[CRISIS], 0, 2, digests_of(lineups))
    tables = run_pieces(play_lineups, config, [Piece(f"{name}_placebo", session, config)], how, "placebo")
    (table,) = account.book("line-ups", ["placebo of line-ups"], tables)
    gap = 0.0 if table else np.inf
    for column in (one for one in table if one not in ("lineup", "member", "scenario")):
        own = {label: table[column][table["lineup"] == label] for label in pairs}
        gap = max(gap, *(largest_gap(own[label], own[f"{label} again"]) for label in (NONE, ALL)))
    return Control("placebo of line-ups", "no difference", "no difference" if gap == 0.0 else f"up to {gap:g}",
                   gap == 0.0, GUARDS)  # fmt: skip


def _ledger(cell: Cell, kept: store.Kept) -> Table:
    """A row a training seed, also those that failed: nobody knows after how many market hours."""
    about: Mapping[str, Any] = kept.about
    finished = [
        {"seed": seed, "failed": 0, "market_hours": hours[-1],
         **{what: about[what][row] for what in store.SPENT}}
        for row, (seed, hours) in enumerate(zip(kept.seeds, about["hours"], strict=True))
    ]  # fmt: skip
    broken = [
        {"seed": one["seed"], "failed": 1, "market_hours": np.nan, **{what: one[what] for what in store.SPENT}}
        for one in about["failed"]
    ]  # fmt: skip
    return columns([{"cell": cell.name, **row} for row in sorted([*finished, *broken], key=lambda row: row["seed"])])
