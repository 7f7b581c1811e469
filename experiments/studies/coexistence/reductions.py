"""Findings over cells: a statement, what it is under both algorithms, and whether it holds.

Of every cell all effects in both markets are one family: sign flips of whole training seeds, max-T. A training seed's
value is the mean over its last checkpoints. A statement is made only if both algorithms find it with the same sign and
if the mean over seeds has that sign at every checkpoint. Beside it stands in which share of the ensemble's members the
effect of the last policies has that sign, and in which share with an interval that excludes 0.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any

import numpy as np

from protogov.experiments.core.statistics import ENOUGH_SEEDS, Floats, interval_columns
from protogov.experiments.core.tables import Table, columns, records, select
from protogov.experiments.studies.coexistence.cells import ALGORITHMS, CELLS, Cell
from protogov.experiments.studies.coexistence.channels import judged
from protogov.experiments.studies.coexistence.effects import BY_NAME, EFFECTS, MAIN, SEED, by_checkpoint, by_seed
from protogov.experiments.studies.coexistence.options import MARKETS
from protogov.experiments.studies.coexistence.playing import CONSTANTS
from protogov.experiments.studies.emergence.measure import family


@dataclass(frozen=True)
class Contrast:
    """Cells that differ in one thing.

    Attributes:
        words: the statement, with {verb}.
        short: what is changed.
        more, less: what of a cell is changed: which one is compared with which.
        headline: whether headline cells are compared; else those of other autonomy, all of which have fewer training
            seeds and hours. A headline cell and another one differ in more than autonomy.
    """

    words: str
    short: str
    more: Mapping[str, Any]
    less: Mapping[str, Any]
    headline: bool = True


CONTRASTS = {
    "cooperation": Contrast(
        "Being paid welfare instead of own mandates {verb}s", "pay by welfare", {"cooperation": 1.0},
        {"cooperation": 0.0},
    ),
    "rivalry": Contrast("A second, rival venue {verb}s", "a rival venue", {"venues": 2}, {"venues": 1}),
    "autonomy": Contrast(
        "Governing without caps, delays and notices instead of at autonomy 12 {verb}s", "no limits of autonomy",
        {"autonomy": inf}, {"autonomy": 12.0}, headline=False,
    ),
}  # fmt: skip
OF_CONTRASTS = {"users": "what learned governors do to W", "others": "what the others' learning does to mandates"}
NAMES = {"ppo": "PPO", "evolution": "evolution"}
HELPS, HARMS, NOT_FOUND = "helps", "harms", "not found"
Tables = Mapping[str, Table]


def effect_rows(cells: Mapping[Cell, Tables], guarded: Mapping[Cell, bool]) -> list[dict[str, Any]]:
    """A row a setting, market and effect; of other autonomy the main effects, the others are in the cells' tables.

    Args:
        cells: tables of every cell that was measured.
        guarded: whether the placebo of its line-ups passed.
    """
    rows = []
    for setting, own in _settings(cells).items():
        tested = {cell.algorithm: _tested(cells[cell]["effects"]) for cell in own}
        for market in MARKETS:
            for effect in EFFECTS if own[0].headline else (BY_NAME[name] for name in MAIN):
                found = {name: of[market, effect.name] for name, of in tested.items() if (market, effect.name) in of}
                if not found:
                    continue
                row: dict[str, Any] = {"setting": setting, "market": market, "effect": effect.name}
                for algorithm in ALGORITHMS:
                    row |= _columns(algorithm, found.get(algorithm))
                    cell = next((one for one in own if one.algorithm == algorithm and algorithm in found), None)
                    spread = _members(cells[cell], market, effect.name) if cell else {}
                    row |= _shares(algorithm, spread, row[algorithm])
                row["verdict"] = verdict_of(found, all(guarded[cell] for cell in own))
                rows.append(row)
    return rows


def _settings(cells: Mapping[Cell, Tables]) -> dict[str, list[Cell]]:
    found: dict[str, list[Cell]] = {}
    for cell in cells:
        found.setdefault(cell.setting, []).append(cell)
    return found


def _tested(table: Table) -> dict[tuple[str, str], dict[str, Any]]:
    """Every effect of a cell in both markets, one family."""
    names = [(market, effect.name) for market in MARKETS for effect in EFFECTS if effect.name in table]
    values = np.stack([by_seed(table, *name) for name in names], axis=1)
    paths = [by_checkpoint(table, *name) for name in names]
    return dict(zip(names, _family(values, paths), strict=True))


def _family(values: Floats, paths: Sequence[Floats]) -> list[dict[str, Any]]:
    findings = family("coexistence", "found", [str(k) for k in range(values.shape[1])], values)
    return [
        {
            "interval": one.interval, "p": one.adjusted_p, "detectable": one.detectable, "found": one.found,
            "n": len(values), "from": float(path.min()), "to": float(path.max()),
            "steady": bool((path > 0.0).all() or (path < 0.0).all()),
        }
        for one, path in zip(findings, paths, strict=True)
    ]  # fmt: skip


def _columns(algorithm: str, one: Mapping[str, Any] | None) -> dict[str, Any]:
    """Columns of an algorithm; NaN where it was not measured."""
    keys = ("p", "detectable", "from", "to")
    if one is None:
        return {f"{algorithm}{end}": np.nan for end in ("", "_low", "_high", *(f"_{key}" for key in keys))} | {
            f"{algorithm}_n": 0
        }
    return {
        **interval_columns(algorithm, one["interval"]), **{f"{algorithm}_{key}": one[key] for key in keys},
        f"{algorithm}_n": one["n"],
    }  # fmt: skip


Members = Mapping[str, tuple[float, float]]  # member -> mean of an effect and half of its interval


def _members(tables: Tables, market: str, effect: str) -> Members:
    """An effect in every member of the ensemble; none if it was not measured there."""
    table = tables.get("members", {})
    if effect not in table:
        return {}
    own = select(table, table["market"] == market)
    return {str(member): (float(mean), float(half)) for member, mean, half in
            zip(own["member"], own[effect], own[f"{effect}_half"], strict=True)}  # fmt: skip


def _less(one: Members, other: Members) -> Members:
    """The difference of two cells; its interval takes their seeds for unpaired."""
    return {member: (one[member][0] - other[member][0], float(np.hypot(one[member][1], other[member][1])))
            for member in one if member in other}  # fmt: skip


def _shares(algorithm: str, members: Members, here: float) -> dict[str, float]:
    """Share of members in which an effect has the sign that it has here, and with an interval that excludes 0."""
    signs = [np.sign(here) * mean > 0.0 for mean, _ in members.values()]
    clear = [np.sign(here) * mean > half for mean, half in members.values()]
    return {f"{algorithm}_{name}": float(np.mean(hits)) if hits else np.nan
            for name, hits in (("members", signs), ("clear", clear))}  # fmt: skip


def verdict_of(found: Mapping[str, Mapping[str, Any]], guarded: bool = True) -> str:
    """In words, from what each algorithm found.

    Args:
        found: algorithm -> `interval`, `found`, `n`, `steady`.
        guarded: whether the control of line-ups passed.
    """
    if not guarded:
        return "withheld: the placebo of line-ups is not 0"
    fewest = min(one["n"] for one in found.values())
    if fewest < ENOUGH_SEEDS:
        return f"underpowered: {fewest} training seeds"
    clear = {name: one for name, one in found.items() if one["found"]}
    signs = {one["interval"].mean > 0.0 for one in clear.values()}
    if not clear:
        return NOT_FOUND
    word = HELPS if True in signs else HARMS
    if len(found) < len(ALGORITHMS):
        return f"{word} under {NAMES[next(iter(found))]}; the other algorithm was not measured"
    if len(clear) < len(found):
        return f"{word} under {NAMES[next(iter(clear))]} alone"
    if len(signs) > 1:
        return "opposite under the two algorithms"
    if not all(one["steady"] for one in clear.values()):
        return "not at every checkpoint"
    return word


Pair = tuple[str, str, Cell, Cell]  # contrast, beside what, cell that is compared, with which


def contrast_rows(cells: Mapping[Cell, Tables], guarded: Mapping[Cell, bool]) -> list[dict[str, Any]]:
    """Cells that differ in one thing, seed by seed.

    Of each algorithm the headline contrasts are one family and those of autonomy another, over the training seeds that
    all their cells have.

    Args:
        cells: tables of every cell that was measured.
        guarded: whether the placebo of its line-ups passed.
    """
    tested: dict[str, dict[tuple[str, str, str, str], dict[str, Any]]] = {name: {} for name in ALGORITHMS}
    for algorithm in ALGORITHMS:
        for headline in (True, False):
            tested[algorithm] |= _compared(cells, _pairs(cells, algorithm, headline=headline), guarded)
    rows = []
    for key in dict.fromkeys(key for of in tested.values() for key in of):
        found = {name: of[key] for name, of in tested.items() if key in of}
        row: dict[str, Any] = dict(zip(("contrast", "beside", "market", "effect"), key, strict=True))
        for algorithm in ALGORITHMS:
            one = found.get(algorithm)
            row |= _columns(algorithm, one)
            row |= _shares(algorithm, one["members"] if one else {}, row[algorithm])
        rows.append({**row, "verdict": verdict_of(found, all(one["guarded"] for one in found.values()))})
    return rows


def _pairs(cells: Mapping[Cell, Tables], algorithm: str, *, headline: bool) -> list[Pair]:
    found = []
    for name, contrast in CONTRASTS.items():
        for cell in cells:
            mine = cell.algorithm == algorithm and cell.headline == headline == contrast.headline
            if mine and replace(cell, **contrast.more) == cell:
                other = replace(cell, **contrast.less)
                if other in cells:
                    beside = {"venues": f"venues {cell.venues}", "cooperation": f"cooperation {cell.cooperation:g}"}
                    kept = [words for field, words in beside.items() if field not in contrast.more]
                    found.append((name, ", ".join(kept), cell, other))
    return found


def _compared(
    cells: Mapping[Cell, Tables], pairs: Sequence[Pair], guarded: Mapping[Cell, bool]
) -> dict[tuple[str, str, str, str], dict[str, Any]]:
    """Contrasts of an algorithm, one family; none without a training seed that all their cells have."""
    numbers = [set(cells[cell]["effects"]["seed"].tolist()) for _, _, *both in pairs for cell in both]
    seeds = sorted(set.intersection(*numbers)) if numbers else []
    if not seeds:
        return {}
    names, values, paths, beside = [], [], [], []
    for contrast, words, one, other in pairs:
        first, second = (cells[cell]["effects"] for cell in (one, other))
        for market in MARKETS:
            for effect in OF_CONTRASTS:
                names.append((contrast, words, market, effect))
                values.append(by_seed(first, market, effect, seeds) - by_seed(second, market, effect, seeds))
                paths.append(by_checkpoint(first, market, effect, seeds) - by_checkpoint(second, market, effect, seeds))
                members = _less(*(_members(cells[cell], market, effect) for cell in (one, other)))
                beside.append({"members": members, "guarded": guarded[one] and guarded[other]})
    found = _family(np.stack(values, axis=1), paths)
    return {name: {**one, **more} for name, one, more in zip(names, found, beside, strict=True)}


def channel_rows(cells: Mapping[Cell, Tables]) -> list[dict[str, Any]]:
    """A row a cell and channel."""
    return [
        {"cell": cell.name, **row}
        for cell, tables in cells.items() if "channels" in tables for row in judged(tables["channels"])
    ]  # fmt: skip


def seed_table(cells: Mapping[Cell, Tables]) -> Table:
    """Training seeds of the main effects of headline cells, a row a cell, market and effect; NaN where one failed."""
    headline = {cell: tables for cell, tables in cells.items() if cell.headline}
    seeds = sorted({seed for tables in headline.values() for seed in tables["effects"]["seed"].tolist()})
    rows = []
    for cell, tables in headline.items():
        table = tables["effects"]
        for market in MARKETS:
            for effect in (one for one in MAIN if one in table):
                own = dict(zip(np.unique(table["seed"]).tolist(), by_seed(table, market, effect), strict=True))
                row: dict[str, Any] = {"cell": cell.name, "market": market, "effect": effect}
                rows.append(row | {f"{SEED}{seed}": float(own.get(seed, np.nan)) for seed in seeds})
    return columns(rows) if rows else {}


def ledger_rows(cells: Mapping[Cell, Tables]) -> list[dict[str, Any]]:
    """What a cell cost: sums over seeds, the median of the machine's reference loop, and what measuring took.

    Seconds are also those of seeds that failed; `seeds` and `market_hours` are of the others.
    Of `measuring_seconds` those of constants alone, `shared_seconds`, are also those of other cells: see `shared_once`.
    """
    return [
        {
            "cell": cell.name, "algorithm": cell.algorithm, "seeds": int((own["failed"] == 0).sum()),
            "failed": int(own["failed"].sum()), "market_hours": float(np.nansum(own["market_hours"])),
            "cpu_seconds": float(own["cpu"].sum()), "wall_seconds": float(own["wall"].sum()),
            "reference_rounds": float(np.median(own["reference"])), "measuring_seconds": float(measured["cpu"].sum()),
            "shared_seconds": float(measured["cpu"][measured["part"] == CONSTANTS].sum()),
        }
        for cell, tables in cells.items() for own, measured in ((tables["ledger"], tables["measuring"]),)
    ]  # fmt: skip


def shared_once(ledger: Table) -> float:
    """Processor seconds of measuring all cells of a table of `ledger_rows`, shared pieces counted once."""
    known = {cell.name: cell for cell in CELLS}
    shared: dict[tuple[int, float], list[float]] = {}
    for row in records(ledger):
        cell = known[row["cell"]]
        shared.setdefault((cell.venues, cell.autonomy), []).append(row["shared_seconds"])
    return float(ledger["measuring_seconds"].sum() - sum(sum(each) - max(each) for each in shared.values()))


def stated(row: Mapping[str, Any], value: float) -> str:
    """The statement of a row with the verb that the value's sign asks for."""
    words = f"{CONTRASTS[row['contrast']].words} {OF_CONTRASTS[row['effect']]}" if "contrast" in row else (
        BY_NAME[row["effect"]].words)  # fmt: skip
    return words.format(verb="help" if value > 0.0 else "harm")


def short_of(row: Mapping[str, Any]) -> str:
    """What a row is of, in a few words."""
    short = BY_NAME[row["effect"]].short
    return f"{CONTRASTS[row['contrast']].short}, on {short}" if "contrast" in row else short


def value_of(row: Mapping[str, Any]) -> float:
    """The value of a row, under the first algorithm that has one."""
    return float(next(row[name] for name in ALGORITHMS if row[f"{name}_n"]))
