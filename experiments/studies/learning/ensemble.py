"""The registered comparisons of the first candidate in the world of every member of the ensemble."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from protogov.experiments.commands.options import WorldOptions, with_physics
from protogov.experiments.core.governors import GovernorSet
from protogov.experiments.core.pieces import Running
from protogov.experiments.core.statistics import Interval, interval_columns, share_of
from protogov.experiments.core.tables import Table, columns, rounded
from protogov.experiments.studies.learning.analysis import Pair, crossed, registered
from protogov.experiments.studies.learning.describing import DIGITS, Grid
from protogov.experiments.studies.learning.opponents import tuned_on
from protogov.experiments.studies.learning.options import Options
from protogov.experiments.studies.learning.played import Played, gather
from protogov.experiments.studies.learning.playing import MARKETS, Match, Tapes, play_tables
from protogov.experiments.studies.learning.preregistration import CONSTANTS, LINEAR_RULE, PLAN, SELFISH_CONSTANTS
from protogov.experiments.studies.learning.runs import Trained


def measure(
    options: Options,
    how: Running,
    rivals: Sequence[GovernorSet],
    trained: Sequence[Sequence[Trained]],
    default: Mapping[str, Played],
) -> dict[str, Table]:
    """Play the members, and count in how many a difference is as in the default world.

    Args:
        options: of the study.
        how: to play.
        rivals: opponents, among them the registered ones.
        trained: seeds of the first candidate's learners.
        default: market -> its suite in the default world.
    """
    candidate = trained[0][0].learner.candidate.name if trained else ""
    plain, first = WorldOptions(size=options.last_size).make(), PLAN.first_tape["evaluation"]
    grid, shares = Grid("market", "member"), list[dict[str, Any]]()
    for market in MARKETS:
        own = [of for of in trained if of[0].learner.scenario == market]
        names = {tuned_on(name, market) for name in (CONSTANTS, LINEAR_RULE, SELFISH_CONSTANTS)}
        against = [one for one in rivals if one.name in names]
        tapes = Tapes(market, (market,), options.tapes_of("member"), first)
        found: dict[str, list[Interval]] = {}
        for member in options.chosen_members if own else ():
            matches = [Match(with_physics(plain, member), one, tapes) for one in against]
            matches += [
                Match(with_physics(one.learner.config(), member), one.governors(), tapes) for of in own for one in of
            ]
            played = gather(play_tables(matches, how, f"ensemble: {member}"), tapes)
            for pair in registered(candidate, market, played.sets):
                one = crossed(played.difference(pair.learner, pair.against))
                found.setdefault(pair.label, []).append(one)
                grid.put((market, member), interval_columns(pair.label, one))
        pairs = registered(candidate, market, default[market].sets) if found else []
        shares += [share_row(default[market], pair, found[pair.label]) for pair in pairs]
    tables = {"members": grid.table(), "shares": columns(shares) if shares else {}}
    return {name: rounded(table, DIGITS) for name, table in tables.items() if table}


def share_row(default: Played, pair: Pair, found: Sequence[Interval]) -> dict[str, Any]:
    """Shares of members, with exact intervals.

    In `keeps_sign` the mean difference has the sign that it has in the default world, in `clear_of_zero` its interval
    excludes zero, on whatever side; in `opposite` it does so on the other side.
    """
    mean = float(default.difference(pair.learner, pair.against).mean())
    sign = np.sign(mean)
    hits = {
        "keeps_sign": [np.sign(one.mean) == sign for one in found],
        "clear_of_zero": [one.excludes_zero for one in found],
        "opposite": [one.excludes_zero and np.sign(one.mean) != sign for one in found],
    }
    row = {"market": pair.market, "learner": pair.learner, "against": pair.against, "default_world": mean,
           "members": len(found)}  # fmt: skip
    for label, own in hits.items():
        row |= interval_columns(label, share_of(int(sum(own)), len(own)))
    return row
