"""Sentences and pages: of one cell, and of all findings; `index` has the page over all of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from protogov.experiments.core.statistics import interval_columns, interval_in, student_t
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import Table, columns, concatenate, num_rows, records, select
from protogov.experiments.core.text import listed, markdown, number, paragraph, rows_of, signed, signed_span
from protogov.experiments.studies.coexistence.cells import ALGORITHMS, CELLS, Cell
from protogov.experiments.studies.coexistence.channels import HELD_WORDS, judged
from protogov.experiments.studies.coexistence.effects import EFFECTS, MAIN, seeds_of
from protogov.experiments.studies.coexistence.options import CALM, CRISIS, MARKETS, ORDINARY
from protogov.experiments.studies.coexistence.playing import TAIL
from protogov.experiments.studies.coexistence.reductions import HARMS, HELPS, NAMES, stated, value_of
from protogov.experiments.training.comparison import BEARS_LABELS, PART_LABELS, REALISED_LABELS

REDUCED = "Reduced run"
SHOWN = tuple(dict.fromkeys(cell.setting for cell in CELLS if cell.headline))  # settings of the page of all statements
WHERE = {CALM: "in calm", CRISIS: "in crises", ORDINARY: "in ordinary markets"}
# groups of people on the first page; all are in the tables
PEOPLE = ("decile_1", "decile_10", "small", "worst", "first_out", "stayed")
TAIL_LABEL = "W in the worst 5% of tapes (expected shortfall)"
PARTIES = {  # table -> (labels, title)
    "parts": (PART_LABELS, "Parts of W, learned less constants [bp of K0]"),
    "payoffs": ({TAIL: TAIL_LABEL, **REALISED_LABELS}, "Realised, beside W or under another name in it [bp of K0]"),
    "bears": (BEARS_LABELS, "Within parties, learned less constants [bp of the group's own debt or deposit]"),
}


def qualified(own: Found, said: Sequence[str]) -> list[str]:
    """The sentences; a reduced run begins with one that says so."""
    if not own.facts["reduced"]:
        return list(said)
    given = "; ".join(own.facts["reduced"])
    return [f"{REDUCED}, not the registered study ({given}): it shows that the stage runs, and claims nothing.", *said]


def of_cells(name: str, cells: Mapping[Cell, Mapping[str, Table]]) -> dict[str, Table]:
    """A table of headline cells with a column for the cell; nothing if no cell has it. Of people a few groups."""
    found = []
    for cell, tables in cells.items():
        if name in tables and cell.headline:
            own = tables[name]
            if name == "bears":
                own = select(own, np.isin(own["party"], PEOPLE))
            if name in PARTIES:
                own = with_intervals(own)
            if name == "influence":
                own = _last_influence(own)
            found.append({"cell": np.full(num_rows(own), cell.name), **own})
    return {name: concatenate(found)} if found else {}


def with_intervals(table: Table) -> Table:
    """Of a table of `effects.share_table`, the change of each party with its interval over training seeds."""
    rows = []
    for row in records(table):
        values = seeds_of(row)
        ends = interval_columns("change", student_t(values)) if values.size else dict.fromkeys(
            ("change", "change_low", "change_high"), np.nan)  # fmt: skip
        rows.append({"market": row["market"], "party": row["party"], **ends, "n": values.size})
    return columns(rows)


def _last_influence(table: Table) -> Table:
    """Of the last policies, with `least`, the fewest significant links at a checkpoint; the cell's folder has all."""
    last = select(table, table["checkpoint"] == table["checkpoint"].max())
    alike = [(table["market"] == row["market"]) & (table["kind"] == row["kind"]) for row in records(last)]
    return {**last, "least": np.array([table["found"][here].min() for here in alike])}


# ---------------------------------------------------------------------- a cell


def cell_in_words(cell: Cell, own: Found) -> list[str]:
    """What was trained and measured."""
    facts, effects = own.facts, own.tables["effects"]
    trained, measured = (own.tables[name]["cpu"].sum() / 3600.0 for name in ("ledger", "measuring"))
    lines = [
        f"{cell.name}: {len(facts['seeds'])} training seeds of {facts['hours'] / 1e6:g}M market hours, "
        f"{trained:.2f} processor hours; {measured:.2f} for measuring."
    ]
    for market in MARKETS:
        here = effects["market"] == market
        lines.append(
            f"{WHERE[market]}: learned governors change W by {signed(float(effects['users'][here].mean()))} bp, of "
            f"which {signed(float(effects['together'][here].mean()))} because they learn together; the others' "
            f"learning changes mandates by {signed(float(effects['others'][here].mean()))}."
        )
    failed = [one["name"] for one in facts["controls"] if not one["passed"]]
    lines.append(f"{len(facts['controls'])} controls; failed: {listed(failed)}.")
    lines += [f"Left out, because it failed: {one}." for one in facts["failed"]]
    if facts["loss"]:
        low, high = (facts["loss"][end] for end in ("low", "high"))
        ends = "" if low is None else f" [{signed(low)}, {signed(high)}]"
        lines.append(f"Stored as {facts['precision']}, which changes W by {signed(facts['loss']['mean'])}{ends} bp.")
    return lines


def cell_page(own: Found) -> list[str]:
    """Tables of a cell."""
    lines = ["A cell of [coexistence](../README.md).", ""]
    effects = own.tables["effects"]
    names = [one for one in EFFECTS if one.name in effects]
    rows = []
    for one in names:
        row = [one.words.format(verb="help")]
        for market in MARKETS:
            here = effects["market"] == market
            ends = [effects[one.name][here & (effects["checkpoint"] == at)].mean() for at in
                    np.unique(effects["checkpoint"])]  # fmt: skip
            row.append(f"{signed(float(effects[one.name][here].mean()))} ({signed(min(ends))} to {signed(max(ends))})")
        rows.append(row)
    head = [
        "statement; below 0 the opposite [bp of K0]",
        *(f"{WHERE[market]}, mean (over checkpoints)" for market in MARKETS),
    ]
    lines += [*markdown(head, rows), ""]
    for title, table in _cell_tables(own):
        about = {"Expected channels": [paragraph(HELD_WORDS), ""]}.get(title, [])
        lines += [f"## {title}", "", *about, *markdown(list(table), rows_of(table)), ""]
    controls = [[one["name"], one["expected"], one["found"], "passed" if one["passed"] else "failed"]
                for one in own.facts["controls"]]  # fmt: skip
    lines += ["## Controls", "", *markdown(["control", "expected", "found", ""], controls), ""]
    lines += [f"Left out, because it failed: {one}.\n" for one in own.facts["failed"]]
    for name, title in (("ledger", "Training"), ("measuring", "Measuring")):
        lines += [f"## {title}", "", *markdown(list(own.tables[name]), rows_of(own.tables[name])), ""]
    return [*lines, paragraph(f"`{own.facts['trained_by']}`"), ""]


def _cell_tables(own: Found) -> list[tuple[str, Table]]:
    """Title and table of what a cell's page shows beside its effects."""
    found = [("Scenario by scenario", own.tables["scenarios"])]
    found += [(title, with_intervals(own.tables[name])) for name, (_, title) in PARTIES.items() if name != "bears"]
    if "influence" in own.tables:
        found.append(("Influence by forks, last policies", _last_influence(own.tables["influence"])))
    if "channels" in own.tables:
        found.append(("Expected channels", columns(judged(own.tables["channels"]))))
    return found


# ---------------------------------------------------------------------- findings


def findings_in_words(own: Found) -> list[str]:
    """How many statements hold, those that hold, and what the switches do."""
    table = own.tables["findings"]
    rows = [row for row in records(table) if row["verdict"] in (HELPS, HARMS)]
    total = num_rows(table)
    lines = [
        f"{len(rows)} of {total} statements hold under both algorithms and at every checkpoint, in "
        f"{len(own.facts['cells'])} cells."
    ]
    return lines + [sentence(row) for row in rows]


def sentence(row: Mapping[str, Any]) -> str:
    """A row of statements or contrasts: what holds, where, by how much, and in which share of the ensemble."""
    beside = (
        f"in {members_of(row)} of the ensemble, {members_of(row, 'clear')} with an interval that excludes 0"
        if members_of(row) else "not measured in the ensemble"
    )  # fmt: skip
    return f"{stated(row, value_of(row))} ({where_of(row)}): {numbers_of(row)} bp; {beside}."


def where_of(row: Mapping[str, Any]) -> str:
    """Setting and market of a row of statements or contrasts."""
    where = words_of(row["setting"]) if "setting" in row else row["beside"]
    return f"{where}, {WHERE[row['market']]}"


def numbers_of(row: Mapping[str, Any]) -> str:
    """What either algorithm has, with intervals."""
    return ", ".join(
        f"{NAMES[name]} {signed_span(interval_in(row, name))}" for name in ALGORITHMS if row[f"{name}_n"]
    )  # fmt: skip


def members_of(row: Mapping[str, Any], what: str = "members") -> str:
    """In which share of the ensemble it has this sign, or is "clear"; nothing where it was not measured."""
    shares = [row[f"{name}_{what}"] for name in ALGORITHMS]
    return " and ".join(f"{share:.0%}" for share in shares if np.isfinite(share))


def words_of(setting: str) -> str:
    """A setting for people."""
    return next(cell.words for cell in CELLS if cell.setting == setting)


def findings_page(own: Found) -> list[str]:
    """Every statement with its numbers, contrasts, and scenarios."""
    lines = ["All findings of [coexistence](../README.md).", "", "![effects](effects.png)", ""]
    if "seeds" not in own.tables:
        lines = lines[:2]
    claims = not own.facts["reduced"]
    head = ["where", "market", "statement", "PPO", "adjusted p", "checkpoints", "evolution", "adjusted p",
            "checkpoints", "members", "verdict"]  # fmt: skip
    everything = {name: records(own.tables[name]) for name in ("findings", "contrasts") if name in own.tables}
    shown = {
        "Statements": [row for row in everything.get("findings", []) if row["setting"] in SHOWN],
        "Statements at other autonomy": [
            row for row in everything.get("findings", []) if row["setting"] not in SHOWN
        ],
        "Cells compared": everything.get("contrasts", []),
    }  # fmt: skip
    about = """Below 0 the opposite [bp of K0]. Checkpoints: the lowest and the highest mean of one. Members: the share
    of the ensemble in which the effect of the last policies has that sign, and in brackets with an interval over
    training seeds that excludes 0; PPO / evolution."""
    named = {row["effect"] for row in everything.get("findings", [])}
    lines += [paragraph(about), "", *(f"- {one.name}: {stated({'effect': one.name}, 1.0)}" for one in EFFECTS
                                      if one.name in named), ""]  # fmt: skip
    for title, rows in shown.items():
        if rows:
            lines += [f"## {title}", "", *markdown(head if claims else head[:-1], [_row(row, claims) for row in rows]),
                      ""]  # fmt: skip
    if "scenarios" in own.tables:
        lines += ["## Scenario by scenario", "", *scenarios(own.tables["scenarios"], MAIN), ""]
    return lines


def scenarios(table: Table, effects: Sequence[str]) -> list[str]:
    """Lines of a table: effects on every scenario alone, PPO / evolution; * where an interval excludes 0."""
    rows = records(table)
    settings = [one for one in SHOWN if any(row["cell"].endswith(f"-{one}") for row in rows)]
    lines = []
    for effect in effects:
        for scenario in dict.fromkeys(row["scenario"] for row in rows if row["effect"] == effect):
            here = {row["cell"]: row for row in rows if (row["effect"], row["scenario"]) == (effect, scenario)}
            cells = [" / ".join(_starred(here.get(f"{name}-{setting}")) for name in ALGORITHMS) for setting in settings]
            lines.append([scenario, effect, *cells])
    head = ["scenario", "* interval excludes 0", *map(words_of, settings)]
    return markdown(head, lines)


def _starred(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return "-"
    one = interval_in(row, "change")
    return signed(one.mean) + "*" * one.excludes_zero


def _row(row: Mapping[str, Any], claims: bool) -> list[str]:
    where = row["setting"] if "setting" in row else f"{row['contrast']}, {row['beside']}"
    cells = [where, row["market"], stated(row, 1.0) if "contrast" in row else row["effect"]]
    for name in ALGORITHMS:
        if row[f"{name}_n"]:
            path = f"{signed(row[f'{name}_from'])} to {signed(row[f'{name}_to'])}"
            cells += [signed_span(interval_in(row, name)), number(row[f"{name}_p"]), path]
        else:
            cells += ["", "", ""]
    shares = [(row[f"{name}_members"], row[f"{name}_clear"]) for name in ALGORITHMS]
    cells.append(" / ".join(f"{sign:.0%} ({clear:.0%})" for sign, clear in shares if np.isfinite(sign)))
    return [*cells, *([row["verdict"]] if claims else [])]
