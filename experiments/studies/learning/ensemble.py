"""The registered comparisons of the first candidate in the world of every member of the ensemble."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from protogov.experiments.commands.options import WorldOptions, with_physics
from protogov.experiments.core.governors import GovernorSet
from protogov.experiments.core.pieces import Running
from protogov.experiments.core.statistics import Interval, interval_columns, interval_in, share_of
from protogov.experiments.core.tables import Table, columns, rounded
from protogov.experiments.studies.learning.analysis import Pair, crossed, registered
from protogov.experiments.studies.learning.describing import DIGITS, Grid
from protogov.experiments.studies.learning.kept import Rows, Unit
from protogov.experiments.studies.learning.kept_suites import SuitePlace
from protogov.experiments.studies.learning.opponents import tuned_on
from protogov.experiments.studies.learning.options import Options
from protogov.experiments.studies.learning.played import gather
from protogov.experiments.studies.learning.playing import MARKETS, Match, Tapes, play_tables
from protogov.experiments.studies.learning.preregistration import CONSTANTS, LINEAR_RULE, PLAN, SELFISH_CONSTANTS
from protogov.experiments.studies.learning.runs import Trained


def measure(
    options: Options,
    how: Running,
    rivals: Sequence[GovernorSet],
    trained: Sequence[Sequence[Trained]],
    default: Sequence[Mapping[str, Any]],
) -> dict[str, Table]:
    """Play the members, and count in how many a difference is as in the default world.

    Args:
        options: of the study.
        how: to play.
        rivals: opponents, among them the registered ones.
        trained: seeds of the first candidate's learners.
        default: `analysis.differences` of both markets in the default world.
    """
    candidate = trained[0][0].learner.candidate.name if trained else ""
    grid, shares = Grid("market", "member"), list[dict[str, Any]]()
    for market in MARKETS:
        own = [one for of in trained if of[0].learner.scenario == market for one in of]
        rows = members_kept(options, how, rivals, own, market) if own else []
        grid.put_rows(rows)
        means = {(row["learner"], row["against"]): row["both_mean"] for row in default if row["market"] == market}
        for pair in registered(candidate, market, {name for names in means for name in names}) if rows else []:
            found = [interval_in(row, pair.label) for row in rows]
            shares.append(share_row(means[pair.learner, pair.against], pair, found))
    tables = {"members": grid.table(), "shares": columns(shares) if shares else {}}
    return {name: rounded(table, DIGITS) for name, table in tables.items() if table}


def members_kept(
    options: Options, how: Running, rivals: Sequence[GovernorSet], own: Sequence[Trained], market: str
) -> list[dict[str, Any]]:
    """The comparisons of learners of a market in every member's world, a row a member, unless they are kept."""
    plain, candidate = WorldOptions(size=options.last_size).make(), own[0].learner.candidate.name
    tapes = Tapes(market, (market,), options.tapes_of("member"), PLAN.first_tape["evaluation"])
    names = {tuned_on(name, market) for name in (CONSTANTS, LINEAR_RULE, SELFISH_CONSTANTS)}
    against = [one for one in rivals if one.name in names]
    learned = [(one, one.governors()) for one in own]
    place = SuitePlace(options.check(), options.last_size, f"evaluation ensemble on {market}", tapes,
                       [*against, *(governors for _, governors in learned)], options.reduced(),
                       options.chosen_members)  # fmt: skip

    def play() -> Unit:
        rows = Rows()
        for member in options.chosen_members:
            matches = [Match(with_physics(plain, member), one, tapes) for one in against]
            matches += [Match(with_physics(one.learner.config(), member), governors, tapes)
                        for one, governors in learned]  # fmt: skip
            played = gather(play_tables(matches, how, f"ensemble: {member}"), tapes)
            row: dict[str, Any] = {"market": market, "member": member}
            for pair in registered(candidate, market, played.sets):
                row |= interval_columns(pair.label, crossed(played.difference(pair.learner, pair.against)))
            rows.append(row)
        return Unit({"members": rows})

    return place.once(play).tables["members"]


def share_row(mean: float, pair: Pair, found: Sequence[Interval]) -> dict[str, Any]:
    """Shares of members, with exact intervals; the mean difference is that of the default world.

    In `keeps_sign` the mean difference has the sign that it has in the default world, in `clear_of_zero` its interval
    excludes zero, on whatever side; in `opposite` it does so on the other side.
    """
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
