"""Findings of the study of coexistence: hand-checked reductions, verdicts, and the page over all cells."""

from math import inf

import numpy as np
import pytest

from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import columns
from protogov.experiments.studies.coexistence import channels, index, index_tables, pages, reductions
from protogov.experiments.studies.coexistence.cells import CELLS, Cell
from protogov.experiments.studies.coexistence.effects import EFFECTS, MAIN, by_checkpoint, by_seed
from protogov.experiments.studies.emergence.measure import family
from protogov.experiments.studies.emergence.organisms import power

# ---------------------------------------------------------------------- findings by hand


def cell_tables(values, members=()):
    """Tables of a cell of one effect: values [seeds, checkpoints], the same in both markets."""
    rows = [
        {"market": market, "seed": seed, "checkpoint": at, **{one.name: 0.0 for one in EFFECTS[:5]}, "users": value}
        for market in ("calm", "crisis") for seed, own in enumerate(values) for at, value in enumerate(own)
    ]  # fmt: skip
    tables = {"effects": columns(rows)}
    if len(members):
        tables["members"] = columns(
            [{"member": str(k), "market": market, "users": value, "users_half": 1.5} for market in ("calm", "crisis")
             for k, value in enumerate(members)]
        )  # fmt: skip
    return tables


def verdict_with(ppo, evolution, guarded=True, members=()):
    cells = {
        Cell("ppo", 0.0, 1, 72.0): cell_tables(ppo, members),
        Cell("evolution", 0.0, 1, 72.0): cell_tables(evolution),
    }
    rows = reductions.effect_rows(cells, dict.fromkeys(cells, guarded))
    return next(row for row in rows if (row["effect"], row["market"]) == ("users", "calm"))


def test_a_finding_needs_both_algorithms_one_sign_and_every_checkpoint():
    noise = 0.1 * np.random.default_rng(0).normal(size=(12, 3))
    up, down, nothing = 2.0 + noise, -2.0 + noise, noise - noise.mean()
    assert verdict_with(up, up)["verdict"] == "helps" and verdict_with(down, down)["verdict"] == "harms"
    assert verdict_with(up, down)["verdict"] == "opposite under the two algorithms"
    assert verdict_with(up, nothing)["verdict"] == "helps under PPO alone"
    assert verdict_with(nothing, nothing)["verdict"] == "not found"
    turned = up - np.array([0.0, 0.0, 3.0])
    assert verdict_with(up, turned)["verdict"] == "not at every checkpoint"
    assert verdict_with(up[:4], up[:4])["verdict"] == "underpowered: 4 training seeds"
    assert verdict_with(up, up, guarded=False)["verdict"].startswith("withheld")


def test_numbers_of_a_finding():
    values = np.arange(12.0)[:, None] + np.array([1.0, 2.0, 6.0])
    row = verdict_with(values, values, members=(1.0, 2.0, -1.0, 3.0))
    assert row["ppo"] == pytest.approx(5.5 + 3.0) and row["ppo_n"] == 12
    assert (row["ppo_from"], row["ppo_to"]) == pytest.approx((6.5, 11.5))
    assert (row["ppo_members"], row["ppo_clear"]) == (0.75, 0.5) and np.isnan(row["evolution_members"])
    assert row["ppo_p"] == pytest.approx(2 / 2**12) and row["ppo_low"] < 8.5 < row["ppo_high"]
    tables = cell_tables(values)["effects"]
    np.testing.assert_allclose(by_seed(tables, "calm", "users"), np.arange(12.0) + 3.0)
    np.testing.assert_allclose(by_checkpoint(tables, "calm", "users"), 5.5 + np.array([1.0, 2.0, 6.0]))


def test_cells_are_compared_seed_by_seed():
    draw = np.random.default_rng(1).normal(size=(12, 2))
    cells = {
        Cell(name, c, 1, 72.0): cell_tables(draw + 3.0 * c, members=(1.0 + 4.0 * c, 1.0 + c))
        for name in ("ppo", "evolution") for c in (0.0, 1.0)
    }  # fmt: skip
    sound = dict.fromkeys(cells, True)
    rows = {(row["effect"], row["market"]): row for row in reductions.contrast_rows(cells, sound)}
    assert rows["users", "crisis"]["ppo"] == pytest.approx(3.0) and rows["users", "crisis"]["verdict"] == "helps"
    # by 4 and by 1 in the two members, either with +- 1.5 twice, of unpaired seeds
    assert (rows["users", "crisis"]["ppo_members"], rows["users", "crisis"]["ppo_clear"]) == (1.0, 0.5)
    assert rows["others", "crisis"]["verdict"] == "not found" and {row["contrast"] for row in rows.values()} == {
        "cooperation"
    }
    # a cell whose placebo failed withholds its contrasts too; so does a missing seed not shift the others
    (first, *_) = cells
    withheld = reductions.contrast_rows(cells, {**sound, first: False})
    assert all(row["verdict"].startswith("withheld") for row in withheld)
    cells[first]["effects"] = {
        name: column[cells[first]["effects"]["seed"] != 3] for name, column in cells[first]["effects"].items()
    }
    (again,) = (row for row in reductions.contrast_rows(cells, sound)
                if (row["effect"], row["market"]) == ("users", "calm"))  # fmt: skip
    assert again["ppo"] == pytest.approx(3.0) and (again["ppo_n"], again["evolution_n"]) == (11, 12)


def test_cells_of_other_autonomy_are_compared_with_each_other_alone():
    draw = np.random.default_rng(1).normal(size=(4, 2))
    cells = {Cell("ppo", 0.0, 2, a): cell_tables(draw + (a == inf)) for a in (12.0, inf)}
    cells[Cell("ppo", 0.0, 2, 72.0)] = cell_tables(np.zeros((12, 2)))
    rows = reductions.contrast_rows(cells, dict.fromkeys(cells, True))
    assert {(row["contrast"], row["beside"]) for row in rows} == {("autonomy", "venues 2, cooperation 0")}
    (row,) = (row for row in rows if (row["effect"], row["market"]) == ("users", "calm"))
    assert row["ppo"] == pytest.approx(1.0) and row["verdict"] == "underpowered: 4 training seeds"


def test_a_statement_turns_with_its_sign_and_every_statement_reads_both_ways():
    assert reductions.stated({"effect": "users"}, -1.0).startswith("Learned governors harm welfare")
    row = {"contrast": "rivalry", "effect": "others"}
    assert reductions.stated(row, 1.0).startswith("A second, rival venue helps what the others' learning")
    for one in EFFECTS:
        assert "{" not in one.words.format(verb="help") and "help" in one.words.format(verb="help")


# ---------------------------------------------------------------------- the page over all cells


def first_page(cells, **more):
    """The page over cells of which everything is measured, from their tables."""
    sound = dict.fromkeys(cells, True)
    rows = {"findings": reductions.effect_rows(cells, sound), "contrasts": reductions.contrast_rows(cells, sound),
            "channels": reductions.channel_rows(cells)}  # fmt: skip
    ledger = [{"cell": cell.name, "seeds": 12, "failed": 1, "market_hours": 1e7, "cpu_seconds": 1.0,
               "wall_seconds": 2.0, "reference_rounds": 3.0, "measuring_seconds": 7200.0, "shared_seconds": 1800.0}
              for cell in cells]  # fmt: skip
    trained = {cell.name: {"seeds": 12 if cell.headline else 4, "checkpoints": 3} for cell in cells}
    facts = {"reduced": [], "cells": list(trained), "trained": trained, "controls": {}, "missing": ["ppo-c0-v2-a72"],
             "constants": "tuned-mix", "scenario": "mix", "markets": {"calm": ["calm"], "crisis": []},
             "ordinary": "natural", "failed": {"ppo-c0-v1-a72": ["training, seed 3: rate_0 diverged"]},
             "member_tapes": 16, "withheld": {}}  # fmt: skip
    tables = {name: columns(own) for name, own in {**rows, "ledger": ledger}.items() if own}
    tables |= {"seeds": reductions.seed_table(cells), **more}
    return "\n".join(index.index({"findings": Found(tables, facts)}))


def in_a_line(page):
    return " ".join(page.split())


def rows_in(page, head):
    """Cells of a table's rows by their first one."""
    table = page[page.index(head) :].split("\n\n")[0].splitlines()[2:]
    return {line.split(" | ")[0].removeprefix("| "): line.removesuffix(" |").split(" | ")[1:] for line in table}


def test_the_first_page_states_what_holds_and_counts_what_does_not():
    noise = 0.1 * np.random.default_rng(0).normal(size=(12, 3))
    cells = {
        Cell("ppo", 0.0, 1, 72.0): cell_tables(2.0 + noise, members=(1.0, 2.0)),
        Cell("evolution", 0.0, 1, 72.0): cell_tables(1.0 + noise),
    }
    page = first_page(cells)
    said = in_a_line(page.partition("## Tables")[0])
    (wanted,) = (row for row in reductions.effect_rows(cells, dict.fromkeys(cells, True))
                 if (row["effect"], row["market"]) == ("users", "calm"))  # fmt: skip
    assert (
        "- Learned governors help welfare W, compared with tuned constants: in 2 of 2 cases; most clearly one venue, "
        f"own mandates, in calm: {pages.numbers_of(wanted)} bp, in 100% of the ensemble. ![effects]" in said
    )
    # of the ten cases two hold; the others are nothing at all, in every seed
    assert "- Under neither algorithm, 8 of 10: W, each alone, added up (2);" in said
    assert "- Left out, with their names in the tables: 1 failure and 1 cell not measured." in said
    every = page[page.index("### Every finding") : page.index("### Main effects")]
    assert every.count("| Learned governors help welfare W, compared with tuned constants |") == 2
    assert every.count("| 100% (50%) |") == 2
    assert "- Not measured: ppo-c0-v2-a72." in page and "ppo-c0-v1-a72: training, seed 3: rate_0 diverged." in page
    assert "| ppo-c0-v1-a72 | 12, 1 failed | 10M |" in page
    assert "measuring: 3.50." in in_a_line(page)  # half an hour of the four is the same for both


def test_what_is_not_found_stands_with_the_size_that_would_have_been():
    """By market, of effects and of contrasts; cells of other autonomy are no cases."""
    draw = np.random.default_rng(1).normal(size=(12, 2))
    draw -= draw.mean()
    cells = {Cell(name, c, 1, 72.0): cell_tables(draw) for name in ("ppo", "evolution") for c in (0.0, 1.0)}
    cells |= {Cell("ppo", 0.0, 1, 12.0): cell_tables(draw[:4])}
    for cell, own in cells.items():  # crises are ten times as noisy, and contrasts are not 0 in each seed
        of = own["effects"]
        moved = of["users"] + 0.1 * cell.cooperation * (-1.0) ** of["seed"]
        of["users"] = np.where(of["market"] == "crisis", 10.0, 1.0) * moved
    page = first_page(cells)
    lines = rows_in(page, "| statement, or its opposite |")
    count, why, calm, crisis = lines["Learned governors help welfare W, compared with tuned constants"]
    assert (count, why) == ("4", "not found in 4") and float(crisis) == pytest.approx(10.0 * float(calm), rel=0.01)
    contrast = "Being paid welfare instead of own mandates helps what learned governors do to W"
    assert lines[contrast][:2] == ["2", "not found in 2"] and float(lines[contrast][2]) > 0.0
    said = in_a_line(page.partition("## Tables")[0])
    assert "No statement holds under both algorithms. ![effects]" in said  # of cells with twelve seeds
    assert f"would have been found in 4 of 5 if it were 0 to {max(calm, lines[contrast][2])} bp in calm" in said


def whole_study():
    """Tables of all cells, with strong effects of either sign: about as much to say as there can be."""
    draw, cells = np.random.default_rng(0), {}
    noise = {"calm": 0.2, "crisis": 2.0}
    means = {
        (cell.setting, market, one.name): draw.normal() * 10.0 * wide
        for cell in CELLS for market, wide in noise.items() for one in EFFECTS
    }  # fmt: skip
    for cell in CELLS:
        seeds = 8 if cell.headline else 4
        of = {(market, one.name): means[cell.setting, market, one.name] for market in noise for one in EFFECTS
              if cell.venues == 2 or not one.rivals}  # fmt: skip
        names = [name for market, name in of if market == "calm"]
        cells[cell] = {
            "effects": columns([
                {"market": market, "seed": seed, "checkpoint": at,
                 **{name: of[market, name] + wide * draw.normal() for name in names}}
                for market, wide in noise.items() for seed in range(seeds) for at in range(2)
            ]),
            "members": columns([
                {"member": member, "market": market, **{name: of[market, name] for name in names},
                 **{f"{name}_half": 1.0 for name in names}}
                for market in noise for member in ("w01", "w02")
            ]),
        }  # fmt: skip
        if cell.headline:
            cells[cell]["channels"] = columns([
                {"channel": one.name, "seed": seed, "base": 1.0, "off": 0.1 * draw.normal(),
                 "on_0": number + draw.normal(), "on_1": number + draw.normal()}
                for number, one in enumerate(channels.CHANNELS) for seed in range(seeds)
            ])  # fmt: skip
    return cells


def test_the_plain_findings_of_the_whole_study_are_two_pages():
    cells = whole_study()
    links = [{"cell": cell.name, "market": market, "checkpoint": 4, "kind": kind, "tested": 36, "found": 3, "least": 1,
              "detectable": 0.25}
             for cell in cells if cell.headline for market in ("calm", "crisis") for kind in ("total", "policy")
             ]  # fmt: skip
    page = first_page(cells, influence=columns(links))
    plain, _, tables = page.partition("## Tables")
    assert len(plain.split()) < 1000 and "\n| " not in plain
    found = plain[plain.index("## What was found") : plain.index("## What was not found")]
    assert found.count("\n- ") == index.MOST + 1 and "more statements hold in some case" in found
    # what governors do to users and to each other comes first
    assert all(any(one.words.split("{")[0] in found for one in EFFECTS if one.name == name) for name in MAIN)
    rows = reductions.effect_rows(cells, dict.fromkeys(cells, True))
    every = tables[tables.index("### Every finding") : tables.index("### Main effects")]
    assert every.count("\n| ") - 2 > sum(row["verdict"] in ("helps", "harms") for row in rows) > 40
    assert "Over the cells nothing is adjusted" in in_a_line(plain) and "has no such share" in in_a_line(plain)


def test_an_effect_that_is_not_found_has_a_size_on_the_first_page():
    row = {"channel": "x", "effect": 0.1, "effect_low": -1.0, "effect_high": 1.2, "share": np.nan}
    for verdict, detectable, words in (
        (channels.NOTHING, 1.234, "no such effect found; one of 1.23 would have been in 4 of 5"),
        (channels.NOTHING, 0.0, "no such effect found"), ("the other sign", 1.0, "the other sign"),
    ):  # fmt: skip
        assert index_tables._channel_cell({**row, "verdict": verdict, "detectable": detectable}, "verdict") == words


def test_influence_quotes_the_power_of_its_detector_and_the_size_of_what_it_would_have_found():
    cells = {Cell(name, 0.0, 1, 72.0): cell_tables(np.ones((12, 2))) for name in ("ppo", "evolution")}
    links = [
        {"cell": cell.name, "market": market, "checkpoint": 4, "kind": kind, "tested": 36, "found": found, "least": 0,
         "detectable": 0.25}
        for cell in cells for market, found in (("calm", 0), ("crisis", 3)) for kind in ("total", "policy")
    ]  # fmt: skip
    page = first_page(cells, influence=columns(links))
    assert "at every checkpoint some link is significant in 0 in calm and 0 in crises." in in_a_line(page)
    assert "| 0 of 36 (0); 0.25 | 3 of 36 (0) |" in page and power.in_words("influence") in in_a_line(page)
    assert "Its power: of model organisms" in page


# ---------------------------------------------------------------------- channels


def judged(*pairs):
    """Rows of channels x, y … whose effects, of each seed, are (on [seeds, checkpoints], off [seeds])."""
    rows = [
        {"channel": name, "seed": k, "base": 1.0, "off": b, **{f"on_{at}": value for at, value in enumerate(a)}}
        for name, (on, off) in zip("xyz", pairs, strict=False)
        for k, (a, b) in enumerate(zip(on, off, strict=True))
    ]
    return channels.judged(columns(rows))


def test_a_switch_must_take_nine_tenths_of_an_effect_away():
    draw = np.random.default_rng(0).normal(size=8)
    path = 10.0 + draw[:, None] + np.array([-1.0, 1.0])
    on = path.mean(axis=1)
    (gone,), (left,) = judged((path, 0.05 * on)), judged((path, 0.2 * on))
    assert gone["verdict"] == "taken away" and gone["share"] == pytest.approx(0.95) == pytest.approx(gone["share_low"])
    assert left["verdict"] == "not taken away" and left["share"] == pytest.approx(0.8)
    assert gone["effect"] == pytest.approx(on.mean()) and gone["to"] - gone["from"] == pytest.approx(2.0)
    # an effect that turns round is not gone; nor is one of which the interval reaches below nine tenths
    (turned,), (loose,) = judged((path, -2.0 * on)), judged((path, 0.07 * on + 2.0 * (draw - draw.mean())))
    assert turned["share"] == pytest.approx(-1.0) and turned["verdict"] == "not taken away"
    assert loose["share"] > 0.9 and loose["verdict"] == "undecided"
    (nothing,) = judged((path - on.mean(), draw))
    assert nothing["verdict"] == "no such effect found"
    (alone,) = family("", "", ["x"], (on - on.mean())[:, None])
    assert nothing["detectable"] == pytest.approx(alone.detectable) and 0.0 < alone.detectable < np.inf
    assert judged((-path, draw))[0]["verdict"] == "the other sign"
    assert judged((path + np.array([-12.0, 12.0]), 0.0 * on))[0]["verdict"] == "not at every checkpoint"
    assert judged((path[:4], 0.05 * on[:4]))[0]["verdict"] == "underpowered: 4 training seeds"
    assert judged((path[:1], on[:1]))[0]["verdict"] == "underpowered: 1 training seed"


def test_channels_are_one_family():
    """The weak effect is found alone, at p .04, and not beside three others."""
    draw = np.random.default_rng(3).normal(size=(8, 4))
    weak = (draw[:, :1] - draw[:, 0].mean() + 0.85, np.zeros(8))
    (alone,), (among, *_) = judged(weak), judged(weak, (draw[:, 1:2], np.zeros(8)), (draw[:, 2:3], np.zeros(8)))
    assert alone["p"] <= 0.05 < among["p"] and alone["verdict"] == "taken away"
    assert among["verdict"] == "no such effect found"
