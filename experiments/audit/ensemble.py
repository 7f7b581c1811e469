"""In what share of an ensemble of worlds each statement holds: a headline is of the ensemble, not of one point of it.

A member is a configuration. Defaults, cheaters, the room for adaptation and the rivals' externalities are measured in
each on the same tapes. The constants of the room are those that were found in the default world, so that a member also
says whether they carry over. A statement holds in a member where its whole 95% interval lies on one side of zero.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import ceil

import numpy as np

from protogov.agents.baselines import CHEATERS
from protogov.envs.config import WorldConfig
from protogov.experiments.audit.cheaters import cheater_rows, play_all
from protogov.experiments.audit.coupling import MOVES
from protogov.experiments.audit.measurement import FIRST_SCORING, Measurement, Paired, columns
from protogov.experiments.audit.playing import WELFARE, Play, as_points, episodes_of, play_pieces_of
from protogov.experiments.audit.rivals import externality_points, externality_rows, rival_moves
from protogov.experiments.audit.room import EFFORT, find_room, suite_row
from protogov.experiments.audit.running import HERE, Running
from protogov.experiments.audit.searching import Effort
from protogov.experiments.audit.suites import SUITES, market_shares
from protogov.experiments.governors import STATIC
from protogov.experiments.tables import Table, num_rows

QUESTION = "In what share of the ensemble's worlds does each statement hold?"
TAPES = 1024  # a member, shared out over the suites
LEAST = 16  # tapes of a market, however rare it is
# of each role the move that reaches a rival farthest in trials: all six cost twice as much
REACHING = {"rate": ("dear",), "risk": ("strict",), "spread": ("wide",)}
Rows = list[dict[str, object]]


def measure_ensemble(
    members: Mapping[str, WorldConfig],
    base: WorldConfig,
    suites: Sequence[str] = SUITES,
    num_seeds: int = TAPES,
    cheaters: Sequence[str] = CHEATERS,
    roles: Sequence[str] = ("joint",),
    effort: Effort = EFFORT,
    pick_seeds: int = 64,
    how: Running = HERE,
) -> Measurement:
    """Measure every statement in every member.

    Args:
        members: name -> world of one venue.
        base: the world in which the constants of the room are searched.
        suites: what is drawn from.
        num_seeds: tapes a member, shared out over the suites evenly.
        cheaters: names of baselines.
        roles: whose room.
        effort: of the searches of the room; with that of `room`, its pieces are taken as they are.
        pick_seeds: tapes on which the room's constants are picked.
        how: processes, and where finished pieces are kept.
    """
    each = num_seeds // len(suites)
    rows: Rows = []
    names = (STATIC, *cheaters)
    played = play_all(members, suites, each, names, how, "ensemble: cheaters")
    for member in members:
        for suite in suites:
            for row in cheater_rows({name: played[member, suite, name] for name in names}):
                base_row = row["governors"] == STATIC
                what = ("welfare", "welfare_low", "welfare_high") if base_row else ("difference", "low", "high")
                statement = "W of the defaults" if base_row else f"{row['governors']} over the defaults"
                rows.append(_row(member, suite, statement, *(row[name] for name in what)))
    room, room_episodes = _room(members, base, suites, each, roles, effort, pick_seeds, how)
    rivals, rival_episodes = _rivals(members, suites, each, how)
    by_member = columns(rows + room + rivals)
    table = share_table(by_member)
    spent = len(members) * len(suites) * len(names) * each + room_episodes + rival_episodes
    notes = (
        f"{len(members)} members, {each} tapes a suite in each; {spent} episodes, {rival_episodes} of them of two "
        "venues, beside the searches of room",
        "above and below: share of members whose whole 95% interval lies there; every member is in "
        "ensemble_members.csv",
    )
    return Measurement("ensemble", QUESTION, say(table), table, notes, {"ensemble_members": by_member})


def _row(member: str, suite: str, statement: str, mean: object, low: object, high: object) -> dict[str, object]:
    return {"member": member, "suite": suite, "statement": statement, "mean": mean, "low": low, "high": high}


def _room(
    members: Mapping[str, WorldConfig],
    base: WorldConfig,
    suites: Sequence[str],
    each: int,
    roles: Sequence[str],
    effort: Effort,
    pick_seeds: int,
    how: Running,
) -> tuple[Rows, int]:
    """Room of every member in the constants of `base`; a market has its share of the tapes."""
    picks = find_room(base, suites, effort, pick_seeds, roles, how)
    asked, worlds = {}, {}
    keys = [(m, s, r, market) for m in members for s in suites for r in roles for market in market_shares(s)]
    for member, suite, role, market in keys:
        own, single = picks[role]
        name = f"{member}/{suite}/{role}/{market}"
        count = max(ceil(each * market_shares(suite)[market]), LEAST)
        asked[name] = Play(market, as_points(np.array([single[suite], own[market]])), FIRST_SCORING, count)
        worlds[name] = members[member]
    played = play_pieces_of(base, asked, how, "ensemble: room", worlds)
    found: Rows = []
    for member in members:
        for suite in suites:
            for role in roles:
                markets: Rows = []
                for market, share in market_shares(suite).items():
                    welfare = played[f"{member}/{suite}/{role}/{market}"][f"{WELFARE}/0"]
                    gain = Paired.of(welfare[1] - welfare[0])
                    markets.append(
                        {
                            "suite": suite, "role": role, "share": share, "room": gain.mean, "error": gain.error,
                            "single_over_default": 0.0, "single_error": 0.0,
                        }
                    )  # fmt: skip
                row = suite_row(columns(markets), suite, role)
                found.append(_row(member, suite, f"room of {role}", row["room"], row["low"], row["high"]))
    return found, episodes_of(list(asked.values()))


def _rivals(members: Mapping[str, WorldConfig], suites: Sequence[str], each: int, how: Running) -> tuple[Rows, int]:
    """What a rival's moves change for the W of a venue that stands still, on two venues."""
    moves = rival_moves({role: {name: MOVES[role][name] for name in names} for role, names in REACHING.items()})
    points = as_points(externality_points(moves))
    asked = {f"{m}/{suite}": Play(suite, points, FIRST_SCORING, each) for m in members for suite in suites}
    worlds = {name: replace(members[name.partition("/")[0]], venues=2) for name in asked}
    played = play_pieces_of(next(iter(worlds.values())), asked, how, "ensemble: rivals", worlds)
    found: Rows = []
    for name, totals in played.items():
        member, _, suite = name.partition("/")
        for row in externality_rows(suite, moves, totals):
            statement = f"rival's {row['move']} {row['role']} on W"
            found.append(_row(member, suite, statement, row["welfare"], row["welfare_low"], row["welfare_high"]))
    return found, episodes_of(list(asked.values()))


def share_table(by_member: Table) -> Table:
    """A row a suite and statement: shares of members whose interval is above or below zero, and the range of means."""
    keys = dict.fromkeys(zip(by_member["suite"].tolist(), by_member["statement"].tolist(), strict=True))
    rows: Rows = []
    for suite, statement in keys:
        here = (by_member["suite"] == suite) & (by_member["statement"] == statement)
        mean, low, high = (by_member[name][here].astype(np.float64) for name in ("mean", "low", "high"))
        above, below = float((low > 0.0).mean()), float((high < 0.0).mean())
        rows.append(
            {
                "suite": suite, "statement": statement, "members": int(here.sum()), "above": above, "below": below,
                "unclear": float(1.0 - above - below), "median": float(np.median(mean)), "least": float(mean.min()),
                "most": float(mean.max()),
            }
        )  # fmt: skip
    return columns(rows)


def say(table: Table) -> str:
    """The shares of every statement, suite by suite."""
    parts = []
    for suite in dict.fromkeys(table["suite"]):
        said = []
        for row in np.flatnonzero(table["suite"] == suite):
            side = "above" if table["above"][row] >= table["below"][row] else "below"
            said.append(f"{table['statement'][row]} {side} zero in {table[side][row]:.0%}")
        parts.append(f"{suite}: {', '.join(said)}")
    return f"of {int(table['members'].max())} members, {'; '.join(parts)}" if num_rows(table) else "nothing measured"
