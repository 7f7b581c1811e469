"""The stages of one cell: training into the store, and everything that is measured of it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.experiments.commands.options import with_physics
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.statistics import interval_columns, student_t
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import Table, columns, records, rounded
from protogov.experiments.studies.coexistence import store
from protogov.experiments.studies.coexistence.cells import PPO, Cell
from protogov.experiments.studies.coexistence.channels import measure_channels
from protogov.experiments.studies.coexistence.effects import MEMBERS_HAVE, effect_table, share_table
from protogov.experiments.studies.coexistence.influence import measure_influence
from protogov.experiments.studies.coexistence.learning import Training, train_seed
from protogov.experiments.studies.coexistence.options import CRISIS, Options
from protogov.experiments.studies.coexistence.playing import (
    ALL,
    STRIDE,
    Lineup,
    Played,
    Session,
    Sources,
    digests_of,
    nobody,
    play_all,
    play_lineups,
)
from protogov.experiments.studies.emergence.measure import Control

DIGITS = 4  # of the numbers of a committed table
GUARDS = ("line-ups",)  # what the placebo of line-ups guards


def made_with(options: Options, cell: Cell) -> dict[str, Any]:
    """Everything but the world that the weights of a cell depend on, JSON-able."""
    common = {"algorithm": cell.algorithm, "scenario": options.scenario, "hours": cell.hours(options.hours),
              "seeds": list(cell.seeds(options.seeds))}  # fmt: skip
    if cell.algorithm == PPO:
        return {**common, "worlds": options.worlds}
    return {**common, "pairs": options.pairs, "search_tapes": options.search_tapes}


OF_TRAINING = ("size", "scenario", "hours", "seeds", "worlds", "pairs", "search_tapes", "store", "precision", "out")


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
    """The policies of a cell: from the store, or trained and stored.

    Raises:
        BadInput: the store holds others, or damaged ones.
        CheckFailed: a seed's learning diverged, or a process died.
    """
    config, made = cell.world(options.size), made_with(options, cell)
    if store.holds(options.place, cell.name):
        return store.read_cell(options.place, cell.name, config, made)
    ppo = cell.algorithm == PPO
    jobs = [
        Training(cell.algorithm, options.scenario, seed, made["hours"], options.worlds if ppo else 0,
                 0 if ppo else options.pairs, 0 if ppo else options.search_tapes)
        for seed in cell.seeds(options.seeds)
    ]  # fmt: skip
    pieces = [Piece(f"train_{cell.name}_{job.seed}", job, config) for job in jobs]
    tables = run_pieces(train_seed, config, pieces, how, f"training {cell.name}")
    kept = store.write_cell(
        options.place, cell.name, config, made, tables, cell.seeds(options.seeds), command_of(options, cell),
        options.precision,
    )  # fmt: skip
    if options.precision == "float16":
        _state_loss(options, cell, config, tables, kept, how)
        kept = store.read_cell(options.place, cell.name, config, made)
    return kept


def _state_loss(
    options: Options, cell: Cell, config: WorldConfig, tables: Sequence[Table], kept: store.Kept, how: Running
) -> None:
    """Add to the manifest what the shorter numbers cost in W in the calm market, with the last policies."""
    exact = np.stack([table[f"after_{kept.checkpoints - 1}"] for table in tables])[:, None]
    values = []
    for label, weights in (("exact", exact), ("stored", kept.weights[:, -1:])):
        place = options.check() / "governors" / label
        one = store.Kept(weights, kept.about)
        sources = [of[0] for of in store.unpack(one, cell.name, config, place)]
        lineups = [(Lineup(ALL, tuple(own.items())),) for own in sources]
        jobs = [Session(own, (options.calm,), (seed + 1) * STRIDE, options.tapes, digests_of(own))
                for seed, own in enumerate(lineups)]  # fmt: skip
        pieces = [Piece(f"precision_{cell.name}_{label}_{seed}", job, config) for seed, job in enumerate(jobs)]
        played = run_pieces(play_lineups, config, pieces, how, "precision")
        values.append(np.array([float(table["welfare"][0]) for table in played]))
    gap = student_t(values[1] - values[0])
    low, high = (float(end) if np.isfinite(end) else None for end in (gap.low, gap.high))
    about = {**kept.about, "loss": {"what": f"W on {options.calm} of the stored policies less that of the exact ones, "
                                    "bp of K0 an episode", "mean": gap.mean, "low": low, "high": high}}  # fmt: skip
    store.write_json(options.place / f"{cell.name}.json", about)


# ---------------------------------------------------------------------- measuring


def measure_cell(options: Options, cell: Cell, how: Running) -> Found:
    """Everything that is measured of a cell, under its name.

    Raises:
        BadInput: it was not trained, or the store does not fit.
    """
    config = cell.world(options.size)
    kept = store.read_cell(options.place, cell.name, config, made_with(options, cell))
    learned = store.unpack(kept, cell.name, config, options.check() / "governors")
    tables, controls = measure_governors(options, config, cell.name, learned, how)
    tables["ledger"] = _ledger(cell, kept)
    about = {
        "cell": {**asdict(cell), "autonomy": f"{cell.autonomy:g}"}, "reduced": options.reduced(),
        "seeds": list(kept.seeds), "hours": cell.hours(options.hours), "checkpoints": kept.checkpoints,
        "checkpoint_hours": kept.about["hours"][0], "precision": kept.about["precision"],
        "loss": kept.about.get("loss"), "trained_by": kept.about["command"],
        "controls": [{**asdict(one), "guards": list(one.guards)} for one in controls],
        "markets": {name: list(scenarios) for name, scenarios in options.markets.items()},
        "constants": options.constants, "tapes": options.tapes, "scenario": options.scenario,
    }  # fmt: skip
    return Found({name: rounded(table, DIGITS) for name, table in tables.items()}, {cell.name: about})


def measure_governors(
    options: Options, config: WorldConfig, name: str, learned: Sequence[Sequence[Sources]], how: Running
) -> tuple[dict[str, Table], list[Control]]:
    """Tables and controls of any governors, also of hand-written ones and organisms.

    Args:
        options: sizes, markets, constants.
        config: the world.
        name: of the pieces.
        learned: [seed][checkpoint] -> seat -> source of its governor: a policy's file, a baseline or an organism.
        how: see `Running`.
    """
    played = play_all(config, name, learned, options.constants, options.markets, options.tapes, how)
    controls = [_placebo(options, config, name, tuple(learned[0][0]), how)]
    tables = {"effects": effect_table(played), "parts": _shares(played, "part/"), "bears": _shares(played, "bears/")}
    if options.chosen_members:
        tables["members"] = _members(options, config, name, learned, how)
    files = sorted({source for of in learned for sources in of for source in sources.values()
                    if source.endswith(".json")})  # fmt: skip
    if options.fork_worlds:
        digests = digests_of([Lineup("", tuple((file, file) for file in files))])
        scenarios = [(market, names[-1]) for market, names in options.markets.items()]
        tables["influence"], more = measure_influence(
            config,
            name,
            [of[-options.fork_checkpoints :] for of in learned],
            range(len(learned)),
            digests,
            scenarios,
            options.fork_worlds,
            how,
        )
        controls += more
    if options.channel_tapes:
        tables["channels"] = measure_channels(
            config, name, [of[-1] for of in learned], options.markets[CRISIS], options.channel_tapes, how
        )
    return tables, controls


def _placebo(options: Options, config: WorldConfig, name: str, seats: tuple[str, ...], how: Running) -> Control:
    """Constants against themselves: every number of a line-up has to be the same."""
    first = nobody(seats, options.constants)
    session = Session((first, Lineup("again", first.sources)), tuple(options.markets[CRISIS]), 0, 2, ())
    (table,) = run_pieces(play_lineups, config, [Piece(f"{name}_placebo", session, config)], how, "placebo")
    gap = 0.0
    for column in (one for one in table if one not in ("lineup", "scenario")):
        values = table[column].reshape(-1, 2)
        gap = max(gap, float(np.nanmax(np.abs(values[:, 0] - values[:, 1]), initial=0.0)))
    return Control("placebo of line-ups", "no difference", "no difference" if gap == 0.0 else f"up to {gap:g}",
                   gap == 0.0, GUARDS)  # fmt: skip


def _shares(played: Sequence[Played], prefix: str) -> Table:
    """A row a market and party: the change from constants to learned governors with its interval over seeds."""
    rows = []
    for row in records(share_table(played, prefix)):
        values = np.array([value for key, value in row.items() if key.startswith("seed_")])
        values = values[np.isfinite(values)]
        one = student_t(values) if values.size else None
        ends = (
            interval_columns("change", one) if one else dict.fromkeys(("change", "change_low", "change_high"), np.nan)
        )
        rows.append({"market": row["market"], "party": row["party"], **ends, "n": values.size})
    return columns(rows)


def _members(
    options: Options, config: WorldConfig, name: str, learned: Sequence[Sequence[Sources]], how: Running
) -> Table:
    """A row a member of the ensemble and market: the effects of the last policies, the mean over training seeds."""
    rows = []
    for member in options.chosen_members:
        world = with_physics(config, member)
        played = play_all(
            world, f"{name}_{member}", learned, options.constants, options.markets, options.member_tapes, how,
            label=f"ensemble {member}", checkpoints=[len(learned[0]) - 1], strangers=False,
        )  # fmt: skip
        table = effect_table(played)
        for market in options.markets:
            here = table["market"] == market
            rows.append(
                {"member": member, "market": market,
                 **{one: float(table[one][here].mean()) for one in MEMBERS_HAVE if one in table}}
            )  # fmt: skip
    return columns(rows)


def _ledger(cell: Cell, kept: store.Kept) -> Table:
    about: Mapping[str, Any] = kept.about
    return columns(
        [
            {"cell": cell.name, "seed": seed, "market_hours": hours[-1], "cpu": cpu, "wall": wall,
             "reference": reference}
            for seed, hours, cpu, wall, reference in zip(
                kept.seeds, about["hours"], about["cpu"], about["wall"], about["reference"], strict=True
            )
        ]
    )  # fmt: skip
