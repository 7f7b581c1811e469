"""Equal venues, or a lender against an options protocol: points of every game, the race to the bottom, anarchy."""

from collections.abc import Mapping, Sequence
from typing import Any

from protogov.envs.world.lever_table import LEVER_BY_NAME
from protogov.experiments.core.statistics import Interval, interval_columns, student_t
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import columns, groups, records, rounded
from protogov.experiments.core.text import listed, signed, signed_span
from protogov.experiments.figures.style import lever_scale, spaced
from protogov.experiments.studies.rivalry.cells import OBJECTIVES, PARTIES, WELFARE
from protogov.experiments.studies.rivalry.dataset import error_of, tables_of
from protogov.experiments.studies.rivalry.equilibria import Points, Strategies, anarchy, even, points_of, race
from protogov.experiments.studies.rivalry.games import Played, lever_values

DEFAULTS, NASH, JOINT, PLANNER = "defaults", "Nash", "joint", "planner"


def measured(part: str, games: Sequence[Played], facts: Mapping[str, Any]) -> Found:
    """All tables of a pairing."""
    points, parties, races, prices = [], [], [], []
    for played in games:
        for objective in OBJECTIVES:
            key = {"game": played.game.name, "market": played.market, "objective": objective}
            chosen = points_of(played, objective, even(played.totals[objective].shape[-1]))
            for name, at in named(chosen):
                points.append({**key, "point": name, **_point_row(played, objective, at)})
                parties.append({**key, "point": name, **_party_row(played, at)})
            for side in played.game.sides:
                found = race(played, objective, side)
                races.append(
                    {
                        **key, "venue": side, "lever": played.game.levers[side], "alone": found.alone,
                        "nash": found.nash, **interval_columns("difference", found.difference),
                        "stable": found.stable, "verdict": found.words(played.game.levers[side]),
                    }
                )  # fmt: skip
            price = anarchy(played, objective)
            prices.append(
                {
                    **key, **interval_columns("lost", price.lost), **interval_columns("share", price.share),
                    **interval_columns("planner", price.planner), "verdict": price.words,
                }
            )  # fmt: skip
    tables = {name: rounded(columns(rows), 5) for name, rows in (("points", points), ("parties", parties))}
    tables |= {"race": columns(races)}
    return Found(tables_of(games) | tables | {"anarchy": rounded(columns(prices), 5)}, {part: dict(facts)})


def named(points: Points) -> list[tuple[str, Strategies]]:
    """The points with their names; equilibria are numbered if there are several."""
    several = len(points.nash) > 1
    nash = [(f"{NASH} {at}" if several else NASH, one) for at, one in enumerate(points.nash, start=1)]
    return [(DEFAULTS, points.default), *nash, (JOINT, points.joint), (PLANNER, points.planner)]


def _point_row(played: Played, objective: str, at: Strategies) -> dict[str, Any]:
    row: dict[str, Any] = {"mixed": int(not at.pure)}
    for venue, own in enumerate((at.first, at.second)):
        row[f"action_{venue}"] = float(own @ played.actions)
        row[f"lever_{venue}"] = float(own @ lever_values(played.game.levers[venue], played.actions))
        row |= interval_columns(f"{objective_column(venue)}", student_t(at.value(played.totals[objective][venue])))
    row |= interval_columns("both", student_t(at.value(played.both(objective))))
    return row | interval_columns(WELFARE, student_t(at.value(played.both(WELFARE))))


def objective_column(venue: int) -> str:
    """Name of the column of what a venue's governor earns at a point."""
    return f"earned_{venue}"


def _party_row(played: Played, at: Strategies) -> dict[str, float]:
    row: dict[str, float] = {}
    for name in PARTIES:
        values = at.value(played.both(name))
        row |= {name: float(values.mean()), f"{name}_error": float(error_of(values))}
    return row


# ---------------------------------------------------------------------- words


def in_words(lever: str, value: float) -> str:
    """A lever's value with its unit."""
    factor, _ = lever_scale(unit := LEVER_BY_NAME[lever].unit)
    words = {"annual": "%", "share": "%", "vol": " vol points"}[unit]
    return f"{factor * value:.3g}{words}"


def sentences(found: Found) -> list[str]:
    """What rivals do to a lever, what it costs, and where they would go together."""
    said = []
    for name, words in (("undercuts", "undercut"), ("softer than alone", "are softer than")):
        rows = [row for row in records(found.tables["race"]) if row["verdict"] == name]
        said.append(f"{len(rows)} of {len(found.tables['race']['verdict'])} cases {words} a venue without a rival"
                    + (f": {listed([_race_words(row) for row in rows])}" if rows else ""))  # fmt: skip
    prices = records(found.tables["anarchy"])
    costly = [row for row in prices if row["verdict"] == "a price"]
    said.append(
        f"anarchy has a price in {len(costly)} of {len(prices)} cases"
        + (f": {listed([_price_words(row) for row in costly])}" if costly else "")
    )
    missing = [row for row in prices if row["verdict"].startswith("planner not found")]
    if missing:
        said.append(f"in {len(missing)} cases no cell is clearly better for all than the defaults")
    return said


def _race_words(row: Mapping[str, Any]) -> str:
    ends = (in_words(row["lever"], row[name]) for name in ("nash", "alone"))
    return f"{spaced(row['lever'])} under {row['objective']} in {row['market']} ({' instead of '.join(ends)})"


def _price_words(row: Mapping[str, Any]) -> str:
    span = signed_span(Interval(row["lost"], row["lost_low"], row["lost_high"]))
    return f"{spaced(row['game'])} under {row['objective']} in {row['market']} {span} bp of W"


def point_rows(found: Found) -> list[list[str]]:
    """Rows of the page: one a game, market and objective."""
    rows = []
    for key, own in groups(found.tables["points"], ["game", "market", "objective"]):
        cells = [spaced(key["game"]), key["market"], key["objective"]]
        by_name: dict[str, list[str]] = {}
        for row in records(own):
            name = row["point"].split()[0]
            levers = levers_of_game(key["game"])
            words = " / ".join(in_words(lever, row[f"lever_{venue}"]) for venue, lever in enumerate(levers))
            words += " mixed" if row["mixed"] else ""
            by_name.setdefault(name, []).append(f"{words} ({signed(row[WELFARE])})")
        rows.append([*cells, *("; ".join(by_name[name]) for name in (DEFAULTS, NASH, JOINT, PLANNER))])
    return rows


def levers_of_game(name: str) -> tuple[str, str]:
    """Levers of both venues, from the name of a game."""
    for lever in ("base_rate", "liquidation_threshold", "half_spread"):
        if name == lever:
            return lever, lever
        if name.startswith(f"{lever}_"):
            return lever, name.removeprefix(f"{lever}_")
    raise ValueError(f"game = {name!r} is none.")
