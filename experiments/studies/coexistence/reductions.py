"""Findings over cells: a statement, what it is under both algorithms, and whether it holds.

Of every cell all effects in both markets are one family: sign flips of whole training seeds, max-T. A training seed's
value is the mean over its last checkpoints. A statement is made only if both algorithms find it with the same sign and
if the mean over seeds has that sign at every checkpoint.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from protogov.experiments.core.statistics import ENOUGH_SEEDS, Floats, interval_columns
from protogov.experiments.core.tables import Table, columns
from protogov.experiments.studies.coexistence.cells import ALGORITHMS, Cell
from protogov.experiments.studies.coexistence.channels import CHANNELS, judged
from protogov.experiments.studies.coexistence.effects import BY_NAME, EFFECTS, by_checkpoint, by_seed
from protogov.experiments.studies.coexistence.options import MARKETS
from protogov.experiments.studies.emergence.measure import family

MAIN = ("users", "together", "others", "rival")  # that figures show
CONTRASTS: dict[
    str, tuple[str, dict[str, Any], dict[str, Any]]
] = {  # name -> (statement, cell that is compared, cell with which, as changes of a headline cell)
    "cooperation": ("Being paid welfare instead of own mandates {verb}s", {"cooperation": 1.0}, {"cooperation": 0.0}),
    "rivalry": ("A second, rival venue {verb}s", {"venues": 2}, {"venues": 1}),
}
OF_CONTRASTS = {"users": "what learned governors do to W", "others": "what the others' learning does to mandates"}
NAMES = {"ppo": "PPO", "evolution": "evolution"}
HELPS, HARMS = "helps", "harms"
Tables = Mapping[str, Table]


def effect_rows(cells: Mapping[Cell, Tables], guarded: Mapping[Cell, bool]) -> list[dict[str, Any]]:
    """A row a setting, market and effect.

    Args:
        cells: tables of every cell that was measured.
        guarded: whether the placebo of its line-ups passed.
    """
    rows = []
    for setting, own in _settings(cells).items():
        tested = {cell.algorithm: _tested(cells[cell]["effects"]) for cell in own}
        for market in MARKETS:
            for effect in EFFECTS:
                found = {name: of[market, effect.name] for name, of in tested.items() if (market, effect.name) in of}
                if not found:
                    continue
                row: dict[str, Any] = {"setting": setting, "market": market, "effect": effect.name}
                for algorithm in ALGORITHMS:
                    row |= _columns(algorithm, found.get(algorithm))
                    cell = next((one for one in own if one.algorithm == algorithm), None)
                    row[f"{algorithm}_members"] = np.nan if cell is None else _share(cells[cell], market, effect.name)
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


def _share(tables: Tables, market: str, effect: str) -> float:
    """Share of the ensemble's members in which the effect has the sign that it has here; NaN if not measured."""
    if "members" not in tables or effect not in tables["members"]:
        return float("nan")
    own = tables["members"][effect][tables["members"]["market"] == market]
    here = by_seed(tables["effects"], market, effect).mean()
    return float((np.sign(own) == np.sign(here)).mean())


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
        return "not found"
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


def contrast_rows(cells: Mapping[Cell, Tables]) -> list[dict[str, Any]]:
    """Headline cells that differ in one thing, seed by seed; of each algorithm all of them are one family."""
    tested: dict[str, dict[tuple[str, str, str, str], dict[str, Any]]] = {}
    for algorithm in ALGORITHMS:
        names, values, paths = [], [], []
        for contrast, (_, more, less) in CONTRASTS.items():
            for one, other in _pairs(cells, algorithm, more, less):
                beside = f"venues {one.venues}" if contrast == "cooperation" else f"cooperation {one.cooperation:g}"
                for market in MARKETS:
                    for effect in OF_CONTRASTS:
                        first, second = (cells[cell]["effects"] for cell in (one, other))
                        if len(np.unique(first["seed"])) != len(np.unique(second["seed"])):
                            continue
                        names.append((contrast, beside, market, effect))
                        values.append(by_seed(first, market, effect) - by_seed(second, market, effect))
                        paths.append(by_checkpoint(first, market, effect) - by_checkpoint(second, market, effect))
        if names:
            tested[algorithm] = dict(zip(names, _family(np.stack(values, axis=1), paths), strict=True))
    rows = []
    for key in dict.fromkeys(key for of in tested.values() for key in of):
        found = {name: of[key] for name, of in tested.items() if key in of}
        contrast, beside, market, effect = key
        row: dict[str, Any] = {"contrast": contrast, "beside": beside, "market": market, "effect": effect}
        for algorithm in ALGORITHMS:
            row |= _columns(algorithm, found.get(algorithm))
        rows.append({**row, "verdict": verdict_of(found)})
    return rows


def _pairs(
    cells: Mapping[Cell, Tables], algorithm: str, more: Mapping[str, Any], less: Mapping[str, Any]
) -> list[tuple[Cell, Cell]]:
    found = []
    for cell in cells:
        if cell.algorithm == algorithm and cell.headline and replace(cell, **more) == cell:
            other = replace(cell, **less)
            if other in cells:
                found.append((cell, other))
    return found


def channel_rows(cells: Mapping[Cell, Tables]) -> list[dict[str, Any]]:
    """A row a cell and channel."""
    return [
        {"cell": cell.name, **judged(tables["channels"], channel.name)}
        for cell, tables in cells.items() if "channels" in tables for channel in CHANNELS
    ]  # fmt: skip


def seed_table(cells: Mapping[Cell, Tables]) -> Table:
    """Every training seed of the main effects of headline cells: a row a cell, market and effect."""
    headline = {cell: tables for cell, tables in cells.items() if cell.headline}
    most = max((len(np.unique(tables["effects"]["seed"])) for tables in headline.values()), default=0)
    rows = []
    for cell, tables in headline.items():
        for market in MARKETS:
            for effect in (one for one in MAIN if one in tables["effects"]):
                own = by_seed(tables["effects"], market, effect)
                padded = np.concatenate([own, np.full(most - len(own), np.nan)])
                row: dict[str, Any] = {"cell": cell.name, "market": market, "effect": effect}
                rows.append(row | {f"seed_{k}": float(value) for k, value in enumerate(padded)})
    return columns(rows) if rows else {}


def ledger_rows(cells: Mapping[Cell, Tables]) -> list[dict[str, Any]]:
    """What training cost, cell by cell: sums over seeds, and the median of the machine's reference loop."""
    return [
        {
            "cell": cell.name, "algorithm": cell.algorithm, "seeds": len(own["seed"]),
            "market_hours": float(own["market_hours"].sum()), "cpu_seconds": float(own["cpu"].sum()),
            "wall_seconds": float(own["wall"].sum()), "reference_rounds": float(np.median(own["reference"])),
        }
        for cell, own in ((cell, tables["ledger"]) for cell, tables in cells.items())
    ]  # fmt: skip


def stated(row: Mapping[str, Any], value: float) -> str:
    """The statement of a row with the verb that the value's sign asks for."""
    words = f"{CONTRASTS[row['contrast']][0]} {OF_CONTRASTS[row['effect']]}" if "contrast" in row else (
        BY_NAME[row["effect"]].words)  # fmt: skip
    return words.format(verb="help" if value > 0.0 else "harm")
