"""The share of an ensemble of worlds in which each statement holds: a headline is about the ensemble, not one point.

A member is a configuration. The same tapes measure in each member: W of the defaults and of cheaters, the rivals'
externalities, and the gain of the default world's constants for each market over its single ones. The last shows
whether these constants carry over; it is not a member's own room to adapt. A statement holds in a member if its whole
95% interval lies on one side of zero. Members are measured one after another, and the results hold finished members
only: an interrupted run resumes with the next one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from math import ceil
from textwrap import wrap
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from protogov.agents.baselines import CHEATERS
from protogov.envs.config import WorldConfig
from protogov.experiments.core.governors import STATIC
from protogov.experiments.core.play import FIRST_SCORING
from protogov.experiments.core.statistics import Floats, student_t
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import Table, columns, groups, num_rows, records
from protogov.experiments.core.text import signed
from protogov.experiments.errors import BadInput
from protogov.experiments.figures.style import BLACK, BLUE, FAINT, VERMILLION, headline, spaced
from protogov.experiments.studies.audit.cheaters import cheater_rows
from protogov.experiments.studies.audit.claims import by_candidate
from protogov.experiments.studies.audit.coupling import moves_of
from protogov.experiments.studies.audit.drawing import footnote, label_row, names_of, row_panels
from protogov.experiments.studies.audit.plan import Audit, Sizes
from protogov.experiments.studies.audit.play import WELFARE, Govern, Play, Totals, num_episodes, play_all, scoring
from protogov.experiments.studies.audit.rivals import externality_points, externality_rows
from protogov.experiments.studies.audit.room import JOINT, Picks, find_room, in_shares, market_tapes
from protogov.experiments.studies.audit.suites import market_shares

QUESTION = "For what share of the ensemble's worlds does each statement hold?"
SIZES = Sizes(num_seeds=1024)  # per member, shared among the suites
LEAST = 16  # tapes of a market, however rare it is
# the move of each role with the largest effect on a rival in trials; all six would cost twice as much
REACHING = {("rate", "dear"), ("risk", "strict"), ("spread", "wide")}
SIDES = ("above", "below")
KINDS = {"below": ("below zero", VERMILLION), "unclear": ("unclear", FAINT), "above": ("above zero", BLUE)}


@dataclass(frozen=True)
class Statements:
    """The measurements of every member.

    Attributes:
        suites: sources of the tapes.
        each: tapes per suite.
        governors: names of baselines, the defaults first.
        picks: constants of the default world, by role.
    """

    suites: Sequence[str]
    each: int
    governors: Sequence[str]
    picks: Picks

    @property
    def moves(self) -> dict[tuple[str, str], Floats]:
        """Moves of a rival."""
        return {key: move for key, move in moves_of(["rate", "risk", "spread"]).items() if key in REACHING}

    @property
    def governed(self) -> dict[str, Govern]:
        """Suite/governors -> the defaults or a cheater."""
        return {
            f"{suite}/{name}": Govern(suite, name, FIRST_SCORING, self.each)
            for suite in self.suites for name in self.governors
        }  # fmt: skip

    @property
    def rooms(self) -> dict[str, Play]:
        """Suite/role/market -> single constants, then the market's own, on its share of the suite's tapes."""
        first = market_tapes(self.suites)
        return {
            f"{suite}/{role}/{market}": scoring(
                market, [single[suite], own[market]], max(ceil(self.each * share), LEAST), first[market]
            )
            for suite in self.suites for role, (own, single) in self.picks.items()
            for market, share in market_shares(suite).items()
        }  # fmt: skip

    @property
    def duels(self) -> dict[str, Play]:
        """Suite -> nobody's move and each move of a rival, on two venues."""
        points = externality_points(self.moves)
        return {f"{suite}/duel": scoring(suite, points, self.each) for suite in self.suites}


def members_of(config: WorldConfig, asked: Sequence[str]) -> dict[str, WorldConfig]:
    """Name -> the same world with a member's physics; all members by default.

    Raises:
        BadInput: an unknown member.
    """
    names: tuple[str, ...] = import_module("protogov.envs.ensemble").shipped_ensemble().names
    for name in asked:
        if name not in names:
            raise BadInput(f"members names {name!r}; known are {', '.join(names)}")
    return {name: replace(config, member=name) for name in asked or names}


def measure(
    audit: Audit,
    members: Mapping[str, WorldConfig] | None = None,
    cheaters: Sequence[str] = CHEATERS,
    roles: Sequence[str] = (JOINT,),
) -> Iterator[Found]:
    """Measure every statement in one member after another; yields the results after each.

    Args:
        audit: the world in which constants for each market are searched, as in `room`, whose pieces are reused.
        members: name -> world of one venue; those of the audit by default.
        cheaters: names of baselines.
        roles: whose constants.
    """
    worlds = members_of(audit.config, audit.members) if members is None else members
    count = audit.sizes(SIZES).num_seeds
    asked = Statements(audit.suites, count // len(audit.suites), (STATIC, *cheaters), find_room(audit, roles))
    alone = len(asked.governed) * asked.each + num_episodes(list(asked.rooms.values()))
    rows: list[dict[str, Any]] = []
    for number, (member, config) in enumerate(worlds.items(), start=1):
        label = f"ensemble {number} of {len(worlds)}: {member}"
        jobs: dict[str, Play | Govern] = {**asked.governed, **asked.rooms, **asked.duels}
        played = play_all(config, jobs, audit.how, label, dict.fromkeys(asked.duels, replace(config, venues=2)))
        rows += [{"member": member} | row for suite in audit.suites for row in statement_rows(suite, asked, played)]
        table = columns(rows)
        notes = [
            f"{number} of {len(worlds)} members measured; {count} tapes per member and statement, shared among "
            f"the suites: {asked.each} paired tapes of each; for constants for each market, shared among a "
            f"suite's markets, at least {LEAST} each; a member takes {alone} episodes of one venue and "
            f"{num_episodes(list(asked.duels.values()))} of two",
            "above and below zero: share of members whose whole 95% interval lies there; every member is in "
            "ensemble_members",
        ]
        yield Found({"ensemble": share_table(table), "ensemble_members": table}, {"notes": notes})


def statement_rows(suite: str, asked: Statements, played: Mapping[str, Totals]) -> list[dict[str, Any]]:
    """One row per statement of one member and suite."""
    found: list[tuple[str, Mapping[str, Any], str]] = []  # statement, row that holds its interval, name in that row
    default, *cheats = cheater_rows({name: played[f"{suite}/{name}"][WELFARE][0] for name in asked.governors})
    found.append(("W of the defaults", default, "welfare"))
    found += [(f"{row['governors']} over the defaults", row, "difference") for row in cheats]
    for role in asked.picks:
        markets = []
        for market, share in market_shares(suite).items():
            single, own = played[f"{suite}/{role}/{market}"][WELFARE]
            gain = student_t(own - single)
            markets.append({"share": share, "room": gain.mean, "room_error": gain.error})
        room = in_shares(columns(markets), "room")
        row = {"room": room.mean, "room_low": room.low, "room_high": room.high}
        found.append((f"{role} constants of the default world for each market over its single ones", row, "room"))
    for row in externality_rows(suite, asked.moves, by_candidate(played[f"{suite}/duel"]), asked.each):
        rival = f"rival's {row['move']} {row['role']}"
        found += [(f"{rival} on the same mandate", row, "mandate"), (f"{rival} on W", row, "welfare")]
    return [
        {"suite": suite, "statement": statement, "mean": row[name], "low": row[f"{name}_low"],
         "high": row[f"{name}_high"]} for statement, row, name in found
    ]  # fmt: skip


def share_table(by_member: Table) -> Table:
    """One row per suite and statement: shares of members with an interval above or below zero, and range of means."""
    rows = []
    for key, own in groups(by_member, ["suite", "statement"]):
        above, below = float((own["low"] > 0.0).mean()), float((own["high"] < 0.0).mean())
        mean = own["mean"]
        rows.append(
            key | {
                "members": num_rows(own), "above": above, "below": below, "unclear": 1.0 - above - below,
                "median": np.median(mean), "least": mean.min(), "most": mean.max(),
            }
        )  # fmt: skip
    return columns(rows)


def summarise(found: Found) -> list[str]:
    """Suite by suite: the statements that hold in all members, then the shares of members for the others."""
    sentences = []
    for key, own in groups(found.tables["ensemble"], ["suite"]):
        everywhere: dict[str, list[str]] = {side: [] for side in SIDES}
        mixed = []
        for row in records(own):
            shares = [f"{side} zero in {row[side]:.0%}" for side in SIDES if row[side]]
            sure = next((side for side in SIDES if row[side] == 1.0), None)
            if sure:
                everywhere[sure].append(row["statement"])
            else:
                mixed.append(f"{row['statement']} {' and '.join(shares) or 'unclear in all'}")
        parts = [f"{side} zero: {', '.join(names)}" for side, names in everywhere.items() if names]
        members = int(own["members"].max())
        if parts:
            sentences.append(f"{key['suite']}: in all {members} members {'; '.join(parts)}")
        if mixed:
            sentences.append(f"{key['suite']}: in a part of the {members} members: {'; '.join(mixed)}")
    return sentences


def draw(found: Found) -> Figure:
    """Share of the members in which each statement's whole interval lies above or below zero: one panel per suite."""
    table = found.tables["ensemble"]
    names = names_of(table["statement"])
    wrapped = ["\n".join(wrap(spaced(name), 44)) for name in names]
    figure, panels = row_panels(names_of(table["suite"]), wrapped, left=3.2, panel=2.4, rest=2.0)
    for row in records(table):
        axes, place, left = panels[row["suite"]], names.index(row["statement"]), 0.0
        for kind, (_, colour) in KINDS.items():
            axes.barh(place, 100.0 * row[kind], left=left, color=colour, height=0.72)
            left += 100.0 * row[kind]
        label_row(axes, place, signed(row["median"]))
    for axes in panels.values():
        axes.axvline(50.0, color=BLACK, linewidth=0.6, linestyle=(0, (4, 2)))
        axes.set_xlim(0.0, 100.0)
    first = next(iter(panels.values()))
    for words, colour in KINDS.values():
        first.bar([0], [0], color=colour, label=words)
    about = "share of members [%] by where the 95% interval lies; right: median over members [bp of K0]"
    footnote(figure, about, first)
    sure = int((np.maximum(table["above"], table["below"]) == 1.0).sum())
    headline(figure, f"{sure} of {num_rows(table)} statements hold in all {int(table['members'].max())} members")
    return figure
