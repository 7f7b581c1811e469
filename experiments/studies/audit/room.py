"""Room to adapt: constants for each market, in hindsight, against one set for all markets of a suite.

A market is a part of a suite. A role searches constants on every market and on every suite as a whole; for all roles
together (joint) the suite's searches are those of `tuned`. The best constants for each market and the best single set
for each suite are picked from all results and the defaults on tapes of selection. They are scored on other tapes, each
market on its own. A market in both suites is played once. Room is not a bound: a governor that reacts within a market
may gain more, and a governor that must first learn where it is may gain less.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from protogov.agents.tuning.objective import role_levers
from protogov.experiments.core.fresh_tapes import Effort
from protogov.experiments.core.play import FIRST_SCORING
from protogov.experiments.core.statistics import Floats, Interval, interval_columns, student_t
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import Table, columns, groups, num_rows, records
from protogov.experiments.figures.style import FAINT, headline
from protogov.experiments.studies.audit import drawing
from protogov.experiments.studies.audit.plan import ROLES, Audit, Sizes, span_of
from protogov.experiments.studies.audit.play import DEFAULTS, WELFARE, num_episodes, picking, scoring
from protogov.experiments.studies.audit.search import Search, search_all
from protogov.experiments.studies.audit.suites import market_shares, markets_of
from protogov.experiments.studies.audit.tuned import SIZES as TUNED
from protogov.experiments.studies.audit.tuned import search_tuned

QUESTION = "How much can adaptation gain: what do constants for each market gain over one set for all?"
JOINT = "joint"
ALL_ROLES = (*ROLES, JOINT)
SIZES = Sizes(num_seeds=256, pick_seeds=64, search_seeds=20, generations=12, population=10)
FIRST_SEED = 64  # seed of these searches, beyond those of the other measurements
MARKET_STRIDE = 2**16  # distance between the first seeds of two markets
SURE = 1.96  # standard errors of a 95% interval; a mean over markets has many degrees of freedom
Picks = Mapping[str, tuple[dict[str, Floats], dict[str, Floats]]]  # role -> (market ->, suite ->) F64[12] actions


def market_tapes(suites: Sequence[str]) -> dict[str, int]:
    """Market -> seed of its first tape of scoring. Markets share no tapes, so their errors are independent."""
    return {market: FIRST_SCORING + at * MARKET_STRIDE for at, market in enumerate(markets_of(suites))}


def room_searches(role: str, suites: Sequence[str], effort: Effort) -> list[Search]:
    """Searches of one role: one per market, and one, on twice as many tapes, per suite with several markets.

    All roles together have no search of a suite: those of `tuned` are larger.
    """
    markets = markets_of(suites)
    wholes = () if role == JOINT else tuple(suite for suite in suites if suite not in markets)
    efforts = [effort] * len(markets) + [replace(effort, tapes=2 * effort.tapes)] * len(wholes)
    return [
        Search(name, role_levers(role), effort, FIRST_SEED + at)
        for at, (name, effort) in enumerate(zip((*markets, *wholes), efforts, strict=True))
    ]


def find_room(audit: Audit, roles: Sequence[str]) -> Picks:
    """Role -> (market -> its constants, suite -> its single constants), F64[12] actions each."""
    sizes, markets = audit.sizes(SIZES), markets_of(audit.suites)
    jobs = {role: room_searches(role, audit.suites, sizes.effort) for role in roles}
    wholes = list(search_tuned(audit).values()) if JOINT in roles else []
    found = iter(search_all(audit.config, [job for of in jobs.values() for job in of], audit.how, "room: searches"))
    pools = {
        role: np.vstack([DEFAULTS, *(wholes if role == JOINT else ()), *(next(found) for _ in jobs[role])])
        for role in roles
    }
    asked = {
        f"{role}/{market}": picking(market, pool, sizes.pick_seeds)
        for role, pool in pools.items() for market in markets
    }  # fmt: skip
    played = audit.play(asked, "room: picking")
    picks = {}
    for role, pool in pools.items():
        means = {market: played[f"{role}/{market}"][WELFARE].mean(axis=1) for market in markets}
        own, single = pick_room(means, {suite: market_shares(suite) for suite in audit.suites})
        picks[role] = ({m: pool[at] for m, at in own.items()}, {suite: pool[at] for suite, at in single.items()})
    return picks


def pick_room(
    means: Mapping[str, Floats], shares: Mapping[str, Mapping[str, float]]
) -> tuple[dict[str, int], dict[str, int]]:
    """(market -> its best candidate, suite -> best in all its markets) from mean W F64[candidates] per market."""
    own = {market: int(values.argmax()) for market, values in means.items()}
    single = {
        suite: int(np.add.reduce([share * means[market] for market, share in of.items()]).argmax())
        for suite, of in shares.items()
    }
    return own, single


def measure(audit: Audit, roles: Sequence[str] = ALL_ROLES) -> Found:
    """Search constants for each market and for all markets, and score both."""
    sizes, picks, first = audit.sizes(SIZES), find_room(audit, roles), market_tapes(audit.suites)
    asked = {
        f"{role}/{market}": scoring(market, [DEFAULTS, own[market], *(single[suite] for suite in audit.suites)],
                                     sizes.num_seeds, first[market])
        for role, (own, single) in picks.items() for market in first
    }  # fmt: skip
    played = audit.play(asked, "room: scoring")
    rows = []
    for role in roles:
        for number, suite in enumerate(audit.suites, start=2):
            for market, share in market_shares(suite).items():
                welfare = played[f"{role}/{market}"][WELFARE]
                key = {"suite": suite, "role": role, "market": market, "share": share}
                rows.append(key | market_row(welfare[0], welfare[1], welfare[number]))
    markets = columns(rows)
    by_role = {(key["suite"], key["role"]): own for key, own in groups(markets, ["suite", "role"])}
    table = [
        {"suite": suite, "role": role, **suite_row(by_role[suite, role])} for suite in audit.suites for role in roles
    ]
    searches = sum(job.effort.episodes for role in roles for job in room_searches(role, audit.suites, sizes.effort))
    notes = [
        f"{len(first)} markets; a market's search sees {sizes.effort.distinct} tapes ({sizes.generations} generations "
        f"of {sizes.population}), a suite's twice as many, a joint one {audit.sizes(TUNED).effort.distinct} "
        f"(tuned); picked on {sizes.pick_seeds} others per market, scored on {sizes.num_seeds}; {searches} episodes of "
        f"searches, {num_episodes(list(asked.values()))} of scores",
        "room_markets has the gain of each market's own constants",
    ]
    return Found({"room": columns(table), "room_markets": markets}, {"notes": notes})


def market_row(default: Floats, own: Floats, single: Floats) -> dict[str, float]:
    """W under the defaults, under a market's own constants and under its suite's single ones, F64[tapes] each."""
    gain, over = student_t(own - single), student_t(single - default)
    return {
        **interval_columns("room", gain), "room_error": gain.error, "single_over_default": over.mean,
        "single_over_default_error": over.error,
    }  # fmt: skip


def suite_row(markets: Table) -> dict[str, Any]:
    """One role's room in a suite."""
    room, over = in_shares(markets, "room"), in_shares(markets, "single_over_default")
    return {
        **interval_columns("room", room), **interval_columns("single_over_default", over),
        "share": room.mean / over.mean if over.mean > 0.0 else np.nan, "markets": num_rows(markets),
    }  # fmt: skip


def in_shares(markets: Table, name: str) -> Interval:
    """A mean over markets weighted by their shares; tapes of different markets are independent."""
    share = markets["share"] / markets["share"].sum()
    mean, error = float(share @ markets[name]), float(np.sqrt(share**2 @ markets[f"{name}_error"] ** 2))
    return Interval(mean, mean - SURE * error, mean + SURE * error, error=error)


def summarise(found: Found) -> list[str]:
    """Room and the gain of single constants, suite by suite."""
    sentences = []
    for key, own in groups(found.tables["room"], ["suite"]):
        roles = (f"{row['role']} {span_of(row, 'room')} (single: {span_of(row, 'single_over_default')})"
                 for row in records(own))  # fmt: skip
        sentences.append(
            f"{key['suite']}: gain in bp of constants for each market over single ones (and of single ones over the "
            f"defaults): {', '.join(roles)}"
        )
    return sentences


def draw(found: Found) -> Figure:
    """Gain of each market's constants over a suite's single ones: one row per market, one panel per role."""
    table, markets = found.tables["room"], found.tables["room_markets"]
    suites, roles, names = (
        drawing.names_of(table["suite"]),
        drawing.names_of(table["role"]),
        drawing.names_of(markets["market"]),
    )
    looks = drawing.suite_looks(suites)
    rows = [*(name.removesuffix(" + drift") for name in names), *(f"all of {suite}" for suite in suites)]
    figure, panels = drawing.row_panels(roles, rows, left=1.6, panel=2.0, rest=2.1)
    for role, axes in panels.items():
        own = [row for row in records(markets) if row["role"] == role]
        for row in own:
            shift = 0.16 * (suites.index(row["suite"]) - (len(suites) - 1) / 2.0)
            drawing.draw_interval(axes, names.index(row["market"]) + shift, row, "room", looks[row["suite"]])
        for row in (row for row in records(table) if row["role"] == role):
            drawing.draw_interval(axes, len(names) + suites.index(row["suite"]), row, "room", looks[row["suite"]])
        axes.axhline(len(names) - 0.5, color=FAINT, linewidth=0.8)
        drawing.symlog_x(
            axes, drawing.LINEAR, min(row["room_low"] for row in own), max(row["room_high"] for row in own), 5
        )
    first = panels[roles[0]]
    for suite in suites:
        first.plot([], [], linestyle="none", label=f"over the one set for all of {suite}", **looks[suite])
    drawing.footnote(
        figure, "W of a market's own constants over one set for all [bp of K0 per episode], 95% interval;\n"
        "last rows: the suite's markets in their shares", first,
    )  # fmt: skip
    last = (f"{span_of(row, 'room')} bp on {row['suite']}" for row in records(table) if row["role"] == roles[-1])
    headline(figure, f"Gain of own {roles[-1]} constants for each market over one set for all: {', '.join(last)}")
    return figure
