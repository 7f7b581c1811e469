"""Room for adaptation: constants for each market, in hindsight, against one set for all markets of a suite.

A market is a part of a suite. A role searches constants on every market and on every suite as a whole, all roles
together with the searches of `tuned`; from all that was found, and the defaults, the best for each market and the best
single ones for each suite are picked on tapes of selection and scored on others, each market on its own. Both suites
share the markets that they share. Room is no bound: a governor that reacts within a market may gain more, and one that
must first learn where it is, less.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from protogov.agents.tuning.objective import role_levers
from protogov.envs.config import WorldConfig
from protogov.envs.world.lever_table import LEVERS
from protogov.experiments.audit.measurement import (
    FIRST_SCORING,
    FIRST_SELECTION,
    PICKING,
    Floats,
    Measurement,
    Paired,
    columns,
)
from protogov.experiments.audit.playing import WELFARE, Play, as_points, episodes_of, play_pieces_of
from protogov.experiments.audit.running import HERE, Piece, Running, run_pieces
from protogov.experiments.audit.searching import Effort, Search, offers, search_piece, total_episodes
from protogov.experiments.audit.suites import SUITES, market_shares
from protogov.experiments.audit.tuned import EFFORT as TUNED
from protogov.experiments.audit.tuned import search_tuned
from protogov.experiments.core.tables import Table, num_rows, select

QUESTION = "What is there to react to: what do constants for each market gain over one set for all?"
JOINT = "joint"
ROLES = ("rate", "risk", "spread", JOINT)
EFFORT = Effort(generations=12, population=10, tapes=20)
FIRST_SEED = 64  # of these searches: beyond those of the other measurements
PICK_TAPES = 64
MARKET_STRIDE = 2**16  # tapes between those of two markets
SURE = 1.96  # standard errors of a 95% interval; a mean over markets has many degrees of freedom


def markets_of(suites: Sequence[str]) -> tuple[str, ...]:
    """The markets of all suites, each once."""
    return tuple(dict.fromkeys(market for suite in suites for market in market_shares(suite)))


def market_tapes(suites: Sequence[str]) -> dict[str, int]:
    """Market -> seed of its first tape of scoring: markets share none, so that their errors are independent."""
    return {market: FIRST_SCORING + at * MARKET_STRIDE for at, market in enumerate(markets_of(suites))}


def room_searches(role: str, suites: Sequence[str], effort: Effort) -> list[Search]:
    """Of one role: a search a market, and one a suite, of twice as many tapes, that has several markets.

    All roles together have none of a suite: those of `tuned` are larger.
    """
    markets = markets_of(suites)
    jobs = [Search(market, role_levers(role), effort, FIRST_SEED + at) for at, market in enumerate(markets)]
    twice = replace(effort, tapes=2 * effort.tapes)
    wholes = [] if role == JOINT else [suite for suite in suites if suite not in markets]
    for at, suite in enumerate(wholes):
        jobs.append(Search(suite, role_levers(role), twice, FIRST_SEED + len(markets) + at))
    return jobs


def find_room(
    config: WorldConfig,
    suites: Sequence[str],
    effort: Effort,
    pick_seeds: int,
    roles: Sequence[str],
    how: Running,
    tuned: Effort = TUNED,
) -> dict[str, tuple[dict[str, Floats], dict[str, Floats]]]:
    """Role -> (market -> its constants, suite -> the single ones), F64[12] actions each."""
    markets = markets_of(suites)
    jobs = {role: room_searches(role, suites, effort) for role in roles}
    pieces = [Piece(f"room_{role}_{job.suite}", job) for role in roles for job in jobs[role]]
    pools = {role: [np.zeros(len(LEVERS))] for role in roles}
    if JOINT in roles:
        pools[JOINT] += [end for ends in search_tuned(config, suites, tuned, how).values() for end in ends]
    found = iter(run_pieces(search_piece, config, pieces, how, "room: searches"))
    for role in roles:
        pools[role] += [end for _ in jobs[role] for end in offers(next(found))]
    asked = {
        f"{role}/{market}": Play(market, as_points(np.array(pools[role])), FIRST_SELECTION + PICKING, pick_seeds)
        for role in roles
        for market in markets
    }
    played = play_pieces_of(config, asked, how, "room: picking")
    picks = {}
    for role in roles:
        means = {market: played[f"{role}/{market}"][f"{WELFARE}/0"].mean(axis=1) for market in markets}
        own, single = pick_room(means, {suite: market_shares(suite) for suite in suites})
        pool = pools[role]
        picks[role] = ({m: pool[at] for m, at in own.items()}, {suite: pool[at] for suite, at in single.items()})
    return picks


def pick_room(
    means: Mapping[str, Floats], shares: Mapping[str, Mapping[str, float]]
) -> tuple[dict[str, int], dict[str, int]]:
    """(market -> its best candidate, suite -> the best in all its markets) from mean W F64[candidates] a market."""
    own = {market: int(values.argmax()) for market, values in means.items()}
    single = {
        suite: int(np.add.reduce([share * means[market] for market, share in of.items()]).argmax())
        for suite, of in shares.items()
    }
    return own, single


def measure_room(
    config: WorldConfig,
    suites: Sequence[str] = SUITES,
    num_seeds: int = 256,
    effort: Effort = EFFORT,
    pick_seeds: int = PICK_TAPES,
    roles: Sequence[str] = ROLES,
    how: Running = HERE,
    tuned: Effort = TUNED,
) -> Measurement:
    """Search constants for each market and for all, and score the one against the other.

    Args:
        config: one venue.
        suites: what is drawn from.
        num_seeds: scoring tapes a market.
        effort: of a market's search; a suite's has twice the tapes.
        pick_seeds: tapes of selection a market.
        roles: whose levers; "joint" for all.
        how: processes, and where finished pieces are kept.
        tuned: of the searches of `tuned`, which are taken up where they are kept.
    """
    picks = find_room(config, suites, effort, pick_seeds, roles, how, tuned)
    first = market_tapes(suites)
    markets = markets_of(suites)
    asked = {}
    for role in roles:
        own, single = picks[role]
        for market in markets:
            points = np.array([np.zeros(len(LEVERS)), own[market], *(single[suite] for suite in suites)])
            asked[f"{role}/{market}"] = Play(market, as_points(points), first[market], num_seeds)
    played = play_pieces_of(config, asked, how, "room: scoring")
    rows: list[dict[str, object]] = []
    for role in roles:
        for number, suite in enumerate(suites):
            for market, share in market_shares(suite).items():
                welfare = played[f"{role}/{market}"][f"{WELFARE}/0"]
                gain, over = Paired.of(welfare[1] - welfare[2 + number]), Paired.of(welfare[2 + number] - welfare[0])
                rows.append(
                    {
                        "suite": suite, "role": role, "market": market, "share": share, "room": gain.mean,
                        "error": gain.error, "low": gain.low, "high": gain.high, "single_over_default": over.mean,
                        "single_error": over.error,
                    }
                )  # fmt: skip
    by_market = columns(rows)
    table = columns([suite_row(by_market, suite, role) for suite in suites for role in roles])
    searches = sum(total_episodes(room_searches(role, suites, effort)) for role in roles)
    scoring = episodes_of(list(asked.values()))
    notes = (
        f"{len(markets)} markets; a market's search sees {effort.distinct} tapes ({effort.generations} generations of "
        f"{effort.population}), a suite's twice as many, those of joint {tuned.distinct} each (tuned); picked on "
        f"{pick_seeds} others a market, scored on {num_seeds}; {searches} episodes of searches, {scoring} of scores",
        "what each market's own constants gain is in room_markets.csv",
    )
    return Measurement("room", QUESTION, say(table), table, notes, {"room_markets": by_market})


def suite_row(by_market: Table, suite: str, role: str) -> dict[str, object]:
    """One role's room in a suite: markets in their shares; tapes of one are independent of those of another."""
    rows = select(by_market, (by_market["suite"] == suite) & (by_market["role"] == role))
    share = rows["share"] / rows["share"].sum()
    room, over = float(share @ rows["room"]), float(share @ rows["single_over_default"])
    error = float(np.sqrt((share**2) @ rows["error"] ** 2))
    single_error = float(np.sqrt((share**2) @ rows["single_error"] ** 2))
    return {
        "suite": suite, "role": role, "room": room, "low": room - SURE * error, "high": room + SURE * error,
        "single_over_default": over, "single_low": over - SURE * single_error,
        "single_high": over + SURE * single_error,
        "share": room / over if over > 0.0 else np.nan, "markets": num_rows(rows),
    }  # fmt: skip


def say(table: Table) -> tuple[str, ...]:
    """Room and what single constants gain, suite by suite."""
    parts = []
    for suite in dict.fromkeys(table["suite"]):
        roles = ", ".join(
            f"{table['role'][row]} {table['room'][row]:+.1f} [{table['low'][row]:+.1f}, {table['high'][row]:+.1f}] "
            f"beside {table['single_over_default'][row]:+.1f} [{table['single_low'][row]:+.1f}, "
            f"{table['single_high'][row]:+.1f}]" for row in np.flatnonzero(table["suite"] == suite)
        )  # fmt: skip
        parts.append(f"{suite}: constants for each market gain {roles} bp that single ones gain over the defaults")
    return tuple(parts)
