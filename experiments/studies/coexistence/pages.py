"""Sentences and pages: of one cell, of all findings, and two plain pages over them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from protogov.experiments.core.statistics import ENOUGH_SEEDS, interval_in
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import Table, concatenate, num_rows, records, select
from protogov.experiments.core.text import listed, markdown, number, paragraph, rows_of, signed, signed_span
from protogov.experiments.studies.coexistence.cells import ALGORITHMS, CELLS, Cell
from protogov.experiments.studies.coexistence.channels import CHANNELS, HELD_WORDS, OUTCOMES, SHARE
from protogov.experiments.studies.coexistence.effects import EFFECTS
from protogov.experiments.studies.coexistence.influence import KINDS
from protogov.experiments.studies.coexistence.options import CALM, CRISIS, FINDINGS, MARKETS
from protogov.experiments.studies.coexistence.reductions import HARMS, HELPS, MAIN, NAMES, stated
from protogov.experiments.training.comparison import BEARS_LABELS, PART_LABELS

REDUCED = "Reduced run"
MOST = 12  # findings on the first page
SHOWN = tuple(dict.fromkeys(cell.setting for cell in CELLS if cell.headline))  # settings of the page of all statements
WHERE = {CALM: "in calm", CRISIS: "in crises"}
# groups of people on the first page; all are in the tables
PEOPLE = ("decile_1", "decile_10", "small", "worst", "first_out", "stayed")
ABOUT = """Every governor learns alone, with its own network and reward, beside others that learn at the same time. A
cell is a number of venues, what governors are paid (own mandates, or welfare W), and a learning algorithm, PPO or an
evolution strategy. Learned governors are compared with constants tuned on the same market ({constants}); calm is
`{calm}`, the crises are those of the split validation, which nobody learned on. Money is in bp of K0 an episode. A
training seed is a unit and plays tapes of its own; its value is the mean over its last {checkpoints} checkpoints. All
effects of a cell are one family (sign flips, max-T). A finding needs both algorithms, the same sign, and that sign at
every checkpoint; the share of the ensemble is that of members in which it has the same sign."""


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
            if name == "influence":
                own = _last_influence(own)
            found.append({"cell": np.full(num_rows(own), cell.name), **own})
    return {name: concatenate(found)} if found else {}


def _last_influence(table: Table) -> Table:
    """Of the last policies, with `least`, the fewest significant links at a checkpoint; the cell's folder has all."""
    last = select(table, table["checkpoint"] == table["checkpoint"].max())
    alike = [(table["market"] == row["market"]) & (table["kind"] == row["kind"]) for row in records(last)]
    return {**last, "least": np.array([table["found"][here].min() for here in alike])}


# ---------------------------------------------------------------------- a cell


def cell_in_words(cell: Cell, own: Found) -> list[str]:
    """What was trained and measured."""
    facts, effects = own.facts, own.tables["effects"]
    spent = own.tables["ledger"]
    lines = [
        f"{cell.name}: {len(facts['seeds'])} training seeds of {facts['hours'] / 1e6:g}M market hours, "
        f"{spent['cpu'].sum() / 3600:.2f} processor hours."
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
    for name, title in (("influence", "Influence by forks"), ("channels", "Expected channels")):
        if name in own.tables:
            lines += [f"## {title}", "", *markdown(list(own.tables[name]), rows_of(own.tables[name])), ""]
    controls = [[one["name"], one["expected"], one["found"], "passed" if one["passed"] else "failed"]
                for one in own.facts["controls"]]  # fmt: skip
    lines += ["## Controls", "", *markdown(["control", "expected", "found", ""], controls), ""]
    lines += ["## Training", "", *markdown(list(own.tables["ledger"]), rows_of(own.tables["ledger"])), "",
              paragraph(f"`{own.facts['trained_by']}`"), ""]  # fmt: skip
    return lines


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
    return lines + [_sentence(row) for row in rows]


def _sentence(row: Mapping[str, Any]) -> str:
    values = ", ".join(
        f"{NAMES[name]} {signed_span(interval_in(row, name))}" for name in ALGORITHMS if row[f"{name}_n"]
    )
    shares = [f"{row[f'{name}_members']:.0%}" for name in ALGORITHMS if np.isfinite(row.get(f"{name}_members", np.nan))]
    beside = f"; in {' and '.join(shares)} of the ensemble" if shares else ""
    value = next(row[name] for name in ALGORITHMS if row[f"{name}_n"])
    where = _words(row["setting"]) if "setting" in row else row["beside"]
    return f"{stated(row, value)} ({where}, {WHERE[row['market']]}): {values} bp{beside}."


def _words(setting: str) -> str:
    return next(cell.words for cell in CELLS if cell.setting == setting)


def findings_page(own: Found) -> list[str]:
    """Every statement with its numbers, contrasts, channels, influence, ledger."""
    lines = ["All findings of [coexistence](../README.md).", "", "![effects](effects.png)", ""]
    if "seeds" not in own.tables:
        lines = lines[:2]
    claims = not own.facts["reduced"]
    for name, title in (("findings", "Statements"), ("contrasts", "Cells compared")):
        if name in own.tables:
            # of the other cells all numbers are in the table
            rows = [_row(row, claims) for row in records(own.tables[name]) if row.get("setting", SHOWN[0]) in SHOWN]
            head = ["where", "market", "statement; below 0 the opposite [bp]", "PPO", "adjusted p", "checkpoints",
                    "evolution", "adjusted p", "checkpoints", "members", "verdict"]  # fmt: skip
            lines += [f"## {title}", "", *markdown(head if claims else head[:-1], rows), ""]
    for name, title in (("influence", "Influence by forks, last policies"), ("ledger", "Compute ledger")):
        if name in own.tables:
            lines += [f"## {title}", "", *markdown(list(own.tables[name]), rows_of(own.tables[name])), ""]
    return lines


def _row(row: Mapping[str, Any], claims: bool) -> list[str]:
    where = row["setting"] if "setting" in row else f"{row['contrast']}, {row['beside']}"
    cells = [where, row["market"], stated(row, 1.0)]
    for name in ALGORITHMS:
        if row[f"{name}_n"]:
            path = f"{signed(row[f'{name}_from'])} to {signed(row[f'{name}_to'])}"
            cells += [signed_span(interval_in(row, name)), number(row[f"{name}_p"]), path]
        else:
            cells += ["", "", ""]
    shares = [row.get(f"{name}_members", np.nan) for name in ALGORITHMS]
    cells.append(" / ".join(f"{one:.0%}" for one in shares if np.isfinite(one)))
    return [*cells, *([row["verdict"]] if claims else [])]


# ---------------------------------------------------------------------- two pages


def index(parts: Mapping[str, Found]) -> list[str]:
    """The page over all cells: what was found, what was not, channels, who bears it, what it cost."""
    if FINDINGS not in parts:
        measured = [f"[{name}]({name}/README.md)" for name in parts]
        return [f"Measured so far: {listed(measured)}. `--stage findings` compares them."]
    own = parts[FINDINGS]
    facts = own.facts
    few = min((len(one["seeds"]) for one in facts["trained"].values()), default=0)
    checkpoints = max(one["checkpoints"] for one in facts["trained"].values())
    lines = [line for text in qualified(own, [])[:1] for line in (f"**{text}**", "")]
    lines += [
        paragraph(ABOUT.format(
            constants=facts["constants"], calm=facts["markets"][CALM][0], checkpoints=checkpoints)),
        "", "## What was found", "", *_found(own, few), "",
    ]  # fmt: skip
    if "seeds" in own.tables:
        lines += ["![effects](findings/effects.png)", ""]
    lines += ["## What was not found", "", *_not_found(own), ""]
    lines += [*_channels(own), *_people(own), *_forks(own), *_ledger(own)]
    return lines


def _found(own: Found, few: int) -> list[str]:
    if own.facts["reduced"]:
        lines = ["Nothing is claimed in a reduced run. Its numbers, main effects of headline cells:", ""]
        return [*lines, *_main(own)]
    rows = [row for name in ("findings", "contrasts") if name in own.tables for row in records(own.tables[name])
            if row["verdict"] in (HELPS, HARMS)]  # fmt: skip
    rows.sort(key=_clearness, reverse=True)
    lines = [paragraph(f"- {_sentence(row)}") for row in rows[:MOST]]
    if len(rows) > MOST:
        lines.append(f"- {len(rows) - MOST} more: [all statements](findings/README.md).")
    if not lines:
        why = f" With {few} training seeds nothing can be claimed." if few < ENOUGH_SEEDS else ""
        lines = [f"No statement holds under both algorithms.{why}"]
    return [*lines, "", *_main(own)]


def _clearness(row: Mapping[str, Any]) -> float:
    """Of the less clear algorithm, the mean over half of its interval."""
    spans = [interval_in(row, name) for name in ALGORITHMS if row[f"{name}_n"]]
    return min(abs(one.mean) / one.half_width if one.half_width > 0.0 else np.inf for one in spans)


def _main(own: Found) -> list[str]:
    """The main effects of headline cells: PPO / evolution."""
    table = own.tables["findings"]
    rows = []
    for effect in MAIN:
        for setting in dict.fromkeys(table["setting"].tolist()):
            here = [row for row in records(table) if row["effect"] == effect and row["setting"] == setting]
            if here and setting in SHOWN:
                cells = [_both(row) for market in MARKETS for row in here if row["market"] == market]
                rows.append([SHORT[effect], _words(setting), *cells])
    return markdown(["bp of K0", "where", *(f"{WHERE[market]}: PPO / evolution" for market in MARKETS)], rows)


SHORT = {
    "users": "W, learned less constants", "together": "W, learning together beyond alone",
    "others": "mandates, from the others' learning", "rival": "a venue's mandates, from a learned rival",
}  # fmt: skip


def _both(row: Mapping[str, Any]) -> str:
    return " / ".join(signed_span(interval_in(row, name)) if row[f"{name}_n"] else "-" for name in ALGORITHMS)


def _not_found(own: Found) -> list[str]:
    """A line an effect: in how many cases there is no finding, and why; and how large it would have had to be."""
    if own.facts["reduced"]:
        return ["Nothing can be: a reduced run has no verdicts."]
    rows = records(own.tables["findings"])
    lines = []
    for effect in EFFECTS:
        here = [row for row in rows if row["effect"] == effect.name]
        open_cases = Counter(row["verdict"] for row in here if row["verdict"] not in (HELPS, HARMS))
        if open_cases:
            said = "; ".join(f"{verdict} in {count}" for verdict, count in open_cases.most_common())
            sizes = [row[f"{name}_detectable"] for row in here if row["verdict"] == "not found"
                     for name in ALGORITHMS if row[f"{name}_n"]]  # fmt: skip
            size = f" ({number(float(np.median(sizes)))} bp would have been found in 4 of 5, median)" if sizes else ""
            statement = effect.words.format(verb="help")
            lines.append(paragraph(f"- {statement}, or the opposite. Of {len(here)} cases: {said}{size}."))
    failed = [f"{cell}: {one}" for cell, all_of in own.facts["controls"].items() for one in all_of]
    lines += [f"- A control failed. {one}." for one in failed]
    if own.facts["missing"]:
        lines.append(f"- Not measured: {listed(own.facts['missing'])}.")
    return lines or ["Everything that was asked has an answer."]


def _channels(own: Found) -> list[str]:
    if "channels" not in own.tables:
        return []
    table = {(row["cell"], row["channel"]): row for row in records(own.tables["channels"])}
    rows = []
    for channel in CHANNELS:
        for setting in SHOWN:
            found = [table.get((f"{name}-{setting}", channel.name)) for name in ALGORITHMS]
            if any(found):
                effects, shares, verdicts = ([_channel_cell(row, what) for row in found]
                                             for what in ("effect", "share", "verdict"))  # fmt: skip
                rows.append([channel.name, _words(setting), " / ".join(effects), " / ".join(shares),
                             " / ".join(dict.fromkeys(verdicts))])  # fmt: skip
    about = [
        paragraph(f"- {one.name}: {one.words} ({OUTCOMES[one.outcome]}). Switch: {one.about}.") for one in CHANNELS
    ]
    head = ["channel", "where", "effect: PPO / evolution [bp of K0]", f"taken away; {SHARE:.0%} is asked for", ""]
    return ["## Expected channels", "", paragraph(HELD_WORDS), "", *about, "", *markdown(head, rows), ""]


def _channel_cell(row: Mapping[str, Any] | None, what: str) -> str:
    if row is None:
        return "-"
    if what == "effect":
        return signed_span(interval_in(row, "effect"))
    if what == "share":
        if np.isnan(row["share"]):
            return "-"
        return f"{row['share']:.0%} [{row['share_low']:.0%}, {row['share_high']:.0%}]"
    return str(row["verdict"])


def _people(own: Found) -> list[str]:
    """Parts of W and groups of people in crises and calm, learned less constants."""
    lines: list[str] = []
    for name, labels, title in (
        ("parts", PART_LABELS, "Parts of W, learned less constants [bp of K0]"),
        ("bears", BEARS_LABELS, "Within parties, learned less constants [bp of the group's own debt or deposit]"),
    ):
        if name not in own.tables:
            continue
        table = own.tables[name]
        cells = list(dict.fromkeys(table["cell"].tolist()))
        settings = [one for one in dict.fromkeys(cell.setting for cell in CELLS) if any(c.endswith(one) for c in cells)]
        rows = []
        for party in dict.fromkeys(table["party"].tolist()):
            row = [labels.get(party, party)]
            for setting in settings:
                row.append(" / ".join(_change(table, setting, party, market) for market in MARKETS))
            rows.append(row)
        about = "calm / crises, mean of the algorithms; * where the intervals of both exclude 0 on the same side"
        lines += [f"**{title}**, {about}:", "",
                  *markdown(["", *map(_words, settings)], rows), ""]  # fmt: skip
    return ["## Who bears it", "", *lines] if lines else []


def _change(table: Table, setting: str, party: str, market: str) -> str:
    here = [row for row in records(table) if row["cell"].endswith(f"-{setting}") and row["party"] == party
            and row["market"] == market and np.isfinite(row["change"])]  # fmt: skip
    if not here:
        return "-"
    spans = [interval_in(row, "change") for row in here]
    clear = len(here) == len(ALGORITHMS) and (
        all(one.low > 0.0 for one in spans) or all(one.high < 0.0 for one in spans)
    )
    return signed(float(np.mean([one.mean for one in spans]))) + ("*" if clear else "")


def _forks(own: Found) -> list[str]:
    if "influence" not in own.tables:
        return []
    table = records(own.tables["influence"])
    rows = []
    for cell in dict.fromkeys(row["cell"] for row in table):
        failed = own.facts["withheld"][cell]
        for kind, about in KINDS.items():
            links = [f"{row['found']} of {row['tested']} ({row['least']})" for market in MARKETS for row in table
                     if (row["cell"], row["kind"], row["market"]) == (cell, kind, market)]  # fmt: skip
            rows.append([cell, about, *(["withheld"] * len(links) if failed else links)])
    text = """A lever is pushed by its policy's own movement for a decision, up and down. Links from a lever to another
    governor's reward or to W within a day, significant in a family of all of them with 8 training seeds or more; in
    brackets the fewest at a checkpoint. Withheld where a control of forks failed."""
    head = ["cell", "which", *(WHERE[market] for market in MARKETS)]
    return ["## Influence by forks", "", paragraph(text), "", *markdown(head, rows), ""]


def _ledger(own: Found) -> list[str]:
    table = own.tables["ledger"]
    rows = [
        [row["cell"], str(row["seeds"]), f"{row['market_hours'] / 1e6:.3g}M", f"{row['cpu_seconds']:,.0f}",
         f"{row['wall_seconds']:,.0f}", f"{row['reference_rounds']:,.0f}"]
        for row in records(table)
    ]  # fmt: skip
    spent, played = table["cpu_seconds"].sum() / 3600.0, table["market_hours"].sum() / 1e6
    total = f"{spent:.2f} processor hours for {played:.3g}M market hours"
    head = ["cell", "seeds", "market hours", "processor s", "wall s", "reference rounds/s"]
    return ["## Compute ledger", "", *markdown(head, rows), "", f"Training together: {total}.", "",
            "[All statements](findings/README.md)."]  # fmt: skip
