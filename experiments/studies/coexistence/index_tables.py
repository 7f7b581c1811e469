"""The tables of the page over all cells, which its plain findings sum up (`index`)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from protogov.experiments.core.statistics import ENOUGH_SEEDS, interval_in
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import Table, records
from protogov.experiments.core.text import listed, markdown, number, paragraph, signed, signed_span
from protogov.experiments.studies.coexistence.cells import ALGORITHMS, CELLS, HEADLINE_AUTONOMY
from protogov.experiments.studies.coexistence.channels import CHANNELS, HELD_WORDS, NOTHING, OUTCOMES, SHARE
from protogov.experiments.studies.coexistence.effects import BY_NAME, MAIN
from protogov.experiments.studies.coexistence.influence import KINDS, LATER
from protogov.experiments.studies.coexistence.options import MARKETS
from protogov.experiments.studies.coexistence.pages import (
    PARTIES,
    SHOWN,
    WHERE,
    members_of,
    numbers_of,
    scenarios,
    where_of,
    words_of,
)
from protogov.experiments.studies.coexistence.reductions import (
    CONTRASTS,
    HARMS,
    HELPS,
    NOT_FOUND,
    shared_once,
    stated,
    value_of,
)

OPEN = """No finding, of headline cells. A size is the smallest true effect or contrast that would have been found in 4
of 5 cases, the median over the cases and algorithms that found nothing [bp of K0]."""


def tables(own: Found) -> list[str]:
    """All of them."""
    parts = (_held, _main, _open_cases, _left_out, _scenarios, _autonomy, _channels, _people, _forks, _ledger)
    return ["## Tables", "", *(line for part in parts for line in part(own)), "",
            "[All statements](findings/README.md)."]  # fmt: skip


def cases(own: Found) -> list[dict[str, Any]]:
    """Rows of all statements and contrasts of headline cells, those of other autonomy have too few seeds for any."""
    kept = [row for row in records(own.tables["findings"]) if row["setting"] in SHOWN]
    return kept + [row for row in records(own.tables.get("contrasts", {})) if CONTRASTS[row["contrast"]].headline]


def holding(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Those of a finding, the clearest first."""
    return sorted((row for row in rows if row["verdict"] in (HELPS, HARMS)), key=_clearness, reverse=True)


def _clearness(row: Mapping[str, Any]) -> float:
    """Of the less clear algorithm, the mean over half of its interval."""
    spans = [interval_in(row, name) for name in ALGORITHMS if row[f"{name}_n"]]
    return min(abs(one.mean) / one.half_width if one.half_width > 0.0 else np.inf for one in spans)


def by_statement(rows: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Cases of each statement or its opposite."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(stated(row, 1.0), []).append(row)
    return found


def size_of(rows: Sequence[Mapping[str, Any]], market: str) -> float:
    """What would have been found in a market, the median over those who found nothing; NaN without any."""
    sizes = [row[f"{name}_detectable"] for row in rows if row["verdict"] == NOT_FOUND and row["market"] == market
             for name in ALGORITHMS if row[f"{name}_n"]]  # fmt: skip
    return float(np.median(sizes)) if sizes else np.nan


def _held(own: Found) -> list[str]:
    """Every finding."""
    rows = [] if own.facts["reduced"] else holding(cases(own))
    if not rows:
        return []
    lines = [[stated(row, value_of(row)), where_of(row), numbers_of(row), _shares(row)] for row in rows]
    head = ["finding", "where", "bp of K0", "share of the ensemble (with an interval that excludes 0)"]
    return ["### Every finding", "", *markdown(head, lines), ""]


def _shares(row: Mapping[str, Any]) -> str:
    return f"{members_of(row)} ({members_of(row, 'clear')})" if members_of(row) else "-"


def _main(own: Found) -> list[str]:
    """The main effects of headline cells: PPO / evolution."""
    table = own.tables["findings"]
    rows = []
    for effect in MAIN:
        for setting in dict.fromkeys(table["setting"].tolist()):
            here = [row for row in records(table) if row["effect"] == effect and row["setting"] == setting]
            if here and setting in SHOWN:
                cells = [_both(row) for market in MARKETS for row in here if row["market"] == market]
                rows.append([BY_NAME[effect].short, words_of(setting), *cells])
    head = ["bp of K0", "where", *(f"{WHERE[market]}: PPO / evolution" for market in MARKETS)]
    return ["### Main effects of headline cells", "", *markdown(head, rows), ""]


def _both(row: Mapping[str, Any]) -> str:
    return " / ".join(signed_span(interval_in(row, name)) if row[f"{name}_n"] else "-" for name in ALGORITHMS)


def _open_cases(own: Found) -> list[str]:
    """A row a statement or contrast: in how many cases there is no finding, why, and how large it had to be."""
    lines = []
    for statement, here in by_statement(cases(own)).items():
        why = Counter(row["verdict"] for row in here if row["verdict"] not in (HELPS, HARMS))
        if why:
            lines.append([statement, str(len(here)), "; ".join(f"{word} in {n}" for word, n in why.most_common()),
                          *(number(size_of(here, market)) for market in MARKETS)])  # fmt: skip
    if own.facts["reduced"] or not lines:
        return []
    head = ["statement, or its opposite", "cases", "no finding", *(f"{WHERE[market]}: size" for market in MARKETS)]
    return ["### What was not found", "", paragraph(OPEN), "", *markdown(head, lines), ""]


def _left_out(own: Found) -> list[str]:
    """Controls that failed, and what failed or was not measured."""
    lines = [f"- {said} {cell}: {one}."
             for what, said in (("controls", "A control failed."), ("failed", "Left out, because it failed."))
             for cell, all_of in own.facts[what].items() for one in all_of]  # fmt: skip
    if own.facts["missing"]:
        lines.append(f"- Not measured: {listed(own.facts['missing'])}.")
    return ["### Left out", "", *lines, ""] if lines else []


def _scenarios(own: Found) -> list[str]:
    """Inference is conditional on few crises, so each is shown."""
    if "scenarios" not in own.tables:
        return []
    text = (
        "W, learned less constants, on every scenario alone: PPO / evolution. [All main effects](findings/README.md)."
    )
    return ["### Crisis by crisis", "", text, "", *scenarios(own.tables["scenarios"], ("users",)), ""]


def _autonomy(own: Found) -> list[str]:
    """The main effects at every autonomy: PPO / evolution, calm; crises."""
    rows = records(own.tables["findings"])
    known = {(row["setting"], row["effect"], row["market"]): row for row in rows}
    steps = sorted({cell.autonomy for cell in CELLS})
    lines = []
    for effect in MAIN:
        for cell in (one for one in CELLS if one.headline and one.algorithm == ALGORITHMS[0]):
            alike = [replace(cell, autonomy=step).setting for step in steps]
            cells = ["; ".join(_means(known.get((one, effect, market))) for market in MARKETS) for one in alike]
            if any(cell.strip("-; ") for cell in cells):
                lines.append([BY_NAME[effect].short, cell.words, *cells])
    if not any(row["setting"] not in SHOWN for row in rows):
        return []
    text = f"""Means, PPO / evolution, in calm; in crises. At another autonomy than {HEADLINE_AUTONOMY:g} a cell has a
    third of the training seeds and a quarter of the market hours, too few seeds for a claim. Strangers, forks and
    channels are not measured there. Intervals are with [all statements](findings/README.md)."""
    return ["### Autonomy", "", paragraph(text), "",
            *markdown(["bp of K0", "where", *(f"autonomy {step:g}" for step in steps)], lines), ""]  # fmt: skip


def _means(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return "-"
    return " / ".join(signed(row[name]) if row[f"{name}_n"] else "-" for name in ALGORITHMS)


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
                rows.append([channel.name, words_of(setting), " / ".join(effects), " / ".join(shares),
                             " / ".join(dict.fromkeys(verdicts))])  # fmt: skip
    about = [
        paragraph(f"- {one.name}: {one.words} ({OUTCOMES[one.outcome]}). Switch: {one.about}.") for one in CHANNELS
    ]
    head = ["channel", "where", "effect: PPO / evolution [bp of K0]", f"taken away; {SHARE:.0%} is asked for", ""]
    return ["### Expected channels", "", paragraph(HELD_WORDS), "", *about, "", *markdown(head, rows), ""]


def _channel_cell(row: Mapping[str, Any] | None, what: str) -> str:
    if row is None:
        return "-"
    if what == "effect":
        return signed_span(interval_in(row, "effect"))
    if what == "share":
        if np.isnan(row["share"]):
            return "-"
        return f"{row['share']:.0%} [{row['share_low']:.0%}, {row['share_high']:.0%}]"
    if row["verdict"] == NOTHING and row["detectable"] > 0.0:  # it is 0 where no seed has any effect
        return f"{NOTHING}; one of {number(row['detectable'])} would have been in 4 of 5"
    return str(row["verdict"])


def _people(own: Found) -> list[str]:
    """Parts of W and groups of people in crises and calm, learned less constants."""
    lines: list[str] = []
    for name, (labels, title) in PARTIES.items():
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
                  *markdown(["", *map(words_of, settings)], rows), ""]  # fmt: skip
    return ["### Who bears it", "", *lines] if lines else []


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
        failed = own.facts["withheld"].get(cell)
        for kind, about in KINDS.items():
            links = [_links(row) for market in MARKETS for row in table
                     if (row["cell"], row["kind"], row["market"]) == (cell, kind, market)]  # fmt: skip
            rows.append([cell, about, *(["withheld"] * len(links) if failed else links)])
    text = f"""A lever in force is pushed by one and by two of its caps for a decision, up and down; in crises when the
    deepest day of the tape begins, and {LATER} h later. Links from a lever to another governor's mandate or to W within
    a day, significant in a family of all of them with {ENOUGH_SEEDS} training seeds or more; in brackets the fewest at
    a checkpoint. Where there is none stands the size of an effect that would have been found in 4 of 5 cases, the
    median over the links [bp of K0 a decision, for a push of one cap]. Withheld where a control of forks failed."""
    head = ["cell", "which", *(WHERE[market] for market in MARKETS)]
    return ["### Influence by forks", "", paragraph(text), "", *markdown(head, rows), ""]


def _links(row: Mapping[str, Any]) -> str:
    found = f"{row['found']} of {row['tested']} ({row['least']})"
    return found if row["found"] or not np.isfinite(row["detectable"]) else f"{found}; {number(row['detectable'])}"


def _ledger(own: Found) -> list[str]:
    table = own.tables["ledger"]
    rows = [
        [row["cell"], f"{row['seeds']}, {row['failed']} failed" if row["failed"] else str(row["seeds"]),
         f"{row['market_hours'] / 1e6:.3g}M", f"{row['cpu_seconds']:,.0f}",
         f"{row['wall_seconds']:,.0f}", f"{row['measuring_seconds']:,.0f}", f"{row['reference_rounds']:,.0f}"]
        for row in records(table)
    ]  # fmt: skip
    trained, measured = table["cpu_seconds"].sum() / 3600.0, shared_once(table) / 3600.0
    played = table["market_hours"].sum() / 1e6
    head = ["cell", "seeds", "market hours", "processor s", "wall s", "processor s of measuring", "reference rounds/s"]
    total = f"""Training together: {trained:.2f} processor hours for {number(played)}M market hours; measuring:
    {measured:.2f}. Seconds are also those of training seeds that failed, market hours are not. Line-ups of constants
    alone are the same for all cells of as many venues and the same autonomy, and count once in this sum."""
    return ["### Compute ledger", "", *markdown(head, rows), "", paragraph(total)]
