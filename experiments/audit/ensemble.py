"""In what share of an ensemble of worlds each statement holds: a headline is of the ensemble, not of one point of it.

A member is a configuration. Defaults, cheaters, the rivals' externalities and what the default world's constants for
each market have over its single ones are measured in each on the same tapes: constants found in the default world say
whether they carry over, and are not a member's own room for adaptation. A statement holds in a member where its whole
95% interval lies on one side of zero. Members are finished one after the other, and what is written is of those that
are: a run that is cut off goes on with the next.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil

import numpy as np

from protogov.agents.baselines import CHEATERS
from protogov.envs.config import WorldConfig
from protogov.experiments.audit.cheaters import cheater_rows
from protogov.experiments.audit.coupling import MOVES
from protogov.experiments.audit.measurement import FIRST_SCORING, Floats, Measurement, Paired, columns
from protogov.experiments.audit.playing import (
    WELFARE,
    Govern,
    Play,
    as_points,
    chunks,
    episodes_of,
    join_pieces,
    play_job,
    play_pieces,
)
from protogov.experiments.audit.rivals import externality_points, externality_rows, rival_moves
from protogov.experiments.audit.room import EFFORT, PICK_TAPES, TUNED, find_room, market_tapes, suite_row
from protogov.experiments.audit.running import HERE, Piece, Running, run_pieces
from protogov.experiments.audit.searching import Effort
from protogov.experiments.audit.suites import SUITES, market_shares
from protogov.experiments.core.tables import Table
from protogov.experiments.governors import STATIC

QUESTION = "In what share of the ensemble's worlds does each statement hold?"
TAPES = 1024  # a member, shared out over the suites
LEAST = 16  # tapes of a market, however rare it is
# of each role the move that reaches a rival farthest in trials: all six cost twice as much
REACHING = {"rate": ("dear",), "risk": ("strict",), "spread": ("wide",)}
Rows = list[dict[str, object]]
Picks = Mapping[str, tuple[dict[str, Floats], dict[str, Floats]]]  # of `find_room`


@dataclass(frozen=True)
class Plan:
    """What is asked of every member.

    Attributes:
        suites: what is drawn from.
        each: tapes a suite.
        governors: names of baselines, the defaults' first.
        picks: constants of the default world, by role.
    """

    suites: Sequence[str]
    each: int
    governors: Sequence[str]
    picks: Picks

    @property
    def moves(self) -> dict[tuple[str, str], Floats]:
        """Of a rival."""
        return rival_moves({role: {name: MOVES[role][name] for name in names} for role, names in REACHING.items()})

    @property
    def rooms(self) -> dict[str, Play]:
        """Suite/role/market -> single constants, then the market's own, on its share of the suite's tapes."""
        first, asked = market_tapes(self.suites), {}
        for suite in self.suites:
            for role, (own, single) in self.picks.items():
                for market, share in market_shares(suite).items():
                    points = as_points(np.array([single[suite], own[market]]))
                    count = max(ceil(self.each * share), LEAST)
                    asked[f"{suite}/{role}/{market}"] = Play(market, points, first[market], count)
        return asked

    @property
    def duels(self) -> dict[str, Play]:
        """Suite -> nobody's move and each move of a rival, on two venues."""
        points = as_points(externality_points(self.moves))
        return {suite: Play(suite, points, FIRST_SCORING, self.each) for suite in self.suites}


def measure_ensemble(
    members: Mapping[str, WorldConfig],
    base: WorldConfig,
    suites: Sequence[str] = SUITES,
    num_seeds: int = TAPES,
    cheaters: Sequence[str] = CHEATERS,
    roles: Sequence[str] = ("joint",),
    effort: Effort = EFFORT,
    pick_seeds: int = PICK_TAPES,
    how: Running = HERE,
    tuned: Effort = TUNED,
) -> Iterator[Measurement]:
    """Measure every statement in one member after the other; yields what is known after each.

    Args:
        members: name -> world of one venue.
        base: the world in which constants for each market are searched.
        suites: what is drawn from.
        num_seeds: tapes a member and statement, shared out over the suites evenly.
        cheaters: names of baselines.
        roles: whose constants.
        effort: of the searches of `room`; with that of `room`, its pieces are taken as they are.
        pick_seeds: tapes on which these constants are picked.
        how: processes, and where finished pieces are kept.
        tuned: of the searches of `tuned`, likewise.
    """
    each = num_seeds // len(suites)
    plan = Plan(suites, each, (STATIC, *cheaters), find_room(base, suites, effort, pick_seeds, roles, how, tuned))
    alone = len(suites) * each * len(plan.governors) + episodes_of(list(plan.rooms.values()))
    rows: Rows = []
    for number, (member, config) in enumerate(members.items(), start=1):
        rows += measure_member(member, config, plan, how, f"ensemble {number} of {len(members)}: {member}")
        table = share_table(columns(rows))
        notes = (
            f"{number} of {len(members)} members measured; {num_seeds} tapes a member and statement, the suites share "
            f"them: {each} paired tapes of each; those of constants for each market are shared out over a suite's "
            f"markets, at least {LEAST} each; a member takes {alone} episodes of one venue and "
            f"{episodes_of(list(plan.duels.values()))} of two",
            "above and below: share of members whose whole 95% interval lies there; every member is in "
            "ensemble_members.csv",
        )
        yield Measurement("ensemble", QUESTION, say(table), table, notes, {"ensemble_members": columns(rows)})


def measure_member(member: str, config: WorldConfig, plan: Plan, how: Running, label: str) -> Rows:
    """Every statement in one member, a row a suite and statement."""
    rooms, duels, two = plan.rooms, plan.duels, replace(config, venues=2)
    governed = [
        (suite, name, Piece(f"{member}_{suite}_{name}", Govern(suite, name, first, count)))
        for suite in plan.suites for name in plan.governors for first, count in chunks(FIRST_SCORING, plan.each)
    ]  # fmt: skip
    played = {f"room/{key}": (job, play_pieces(job)) for key, job in rooms.items()}
    played |= {f"duel/{suite}": (job, play_pieces(job, two)) for suite, job in duels.items()}
    pieces = [piece for _, _, piece in governed] + [piece for _, some in played.values() for piece in some]
    parts = iter(run_pieces(play_job, config, pieces, how, label))
    runs: dict[tuple[str, str], list[Floats]] = {}
    for suite, name, _ in governed:
        runs.setdefault((suite, name), []).append(next(parts)[WELFARE])
    totals = {key: join_pieces(job, [next(parts) for _ in some]) for key, (job, some) in played.items()}
    rows: Rows = []
    for suite in plan.suites:
        for row in cheater_rows({name: np.concatenate(runs[suite, name]) for name in plan.governors}):
            base_row = row["governors"] == STATIC
            what = ("welfare", "welfare_low", "welfare_high") if base_row else ("difference", "low", "high")
            statement = "W of the defaults" if base_row else f"{row['governors']} over the defaults"
            rows.append(_row(member, suite, statement, *(row[name] for name in what)))
        for role in plan.picks:
            row = _room(suite, role, totals)
            statement = f"{role} constants of the default world for each market over its single ones"
            rows.append(_row(member, suite, statement, row["room"], row["low"], row["high"]))
        of = totals[f"duel/{suite}"]
        each = [{column: values[at] for column, values in of.items()} for at in range(1 + len(plan.moves))]
        for row in externality_rows(suite, plan.moves, each, plan.each):
            rival = f"rival's {row['move']} {row['role']}"
            rows.append(_row(member, suite, f"{rival} on the same mandate", row["mandate"], row["low"], row["high"]))
            rows.append(
                _row(member, suite, f"{rival} on W", row["welfare"], row["welfare_low"], row["welfare_high"])
            )  # fmt: skip
    return rows


def _row(member: str, suite: str, statement: str, mean: object, low: object, high: object) -> dict[str, object]:
    return {"member": member, "suite": suite, "statement": statement, "mean": mean, "low": low, "high": high}


def _room(suite: str, role: str, totals: Mapping[str, Mapping[str, Floats]]) -> dict[str, object]:
    """What the constants for each market have over the single ones, markets in their shares."""
    markets: Rows = []
    for market, share in market_shares(suite).items():
        welfare = totals[f"room/{suite}/{role}/{market}"][f"{WELFARE}/0"]
        gain = Paired.of(welfare[1] - welfare[0])
        markets.append(
            {
                "suite": suite, "role": role, "share": share, "room": gain.mean, "error": gain.error,
                "single_over_default": 0.0, "single_error": 0.0,
            }
        )  # fmt: skip
    return suite_row(columns(markets), suite, role)


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


def say(table: Table) -> tuple[str, ...]:
    """The shares of every statement, suite by suite."""
    parts = []
    for suite in dict.fromkeys(table["suite"]):
        said = []
        for row in np.flatnonzero(table["suite"] == suite):
            side = "above" if table["above"][row] >= table["below"][row] else "below"
            said.append(f"{table['statement'][row]} {side} zero in {table[side][row]:.0%}")
        parts.append(f"{suite}: of {int(table['members'].max())} members, {', '.join(said)}")
    return tuple(parts)
