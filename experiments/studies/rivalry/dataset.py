"""The data set of constant strategies: what every pair of constants pays to whom, with standard errors.

`read_cells(folder)` reads a folder that `protogov study rivalry` wrote. One row per market, game, venue, pair of
actions and payoff:

    market           source of the tapes: "calm", "stress", ...
    game             the lever; of unlike venues lever of venue 0 and lever of venue 1, joined by "_"
    venue            whose payoff; equal venues share one table, that of venue 0
    action, rival    of this venue's lever and of its rival's, in [-1, 1]; 0 is the default
    payoff           "mandate" and "profit" of the lever's governor, "welfare" (W); and the parties: borrowers,
                     suppliers, option_lps, traders, treasury, defaults (haircuts, open deficit, latent shortfall),
                     which add up to W; and liquidators, informed, arbitrageurs, which W leaves out
    mean, error      bp of the venue's K0 per episode, over the tapes, which are the same in every cell; standard error.
                     Errors of different cells are strongly dependent: a difference is known better than its ends

Git keeps a short form with a row per own action, a column per rival's action, and in each row the largest of its
errors, which stands for all of them: `cells_MARKET.csv` has the governors' payoffs and W with four digits,
`by_party_MARKET_GAME.csv` the parties with three, each game apart, because git keeps no long tables. The long form,
`cells.parquet`, is in the folder of whoever ran the study. The reader takes the long one if it is there. Of folders
that were made before there were parties in the short form, it gives none.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from protogov.experiments.core.results import load_tables, read_manifest
from protogov.experiments.core.statistics import Floats
from protogov.experiments.core.tables import Table, columns, concatenate, num_rows, records
from protogov.experiments.core.text import listed
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.rivalry.cells import COLUMNS, PARTIES, PAYOFFS
from protogov.experiments.studies.rivalry.games import Played

LONG, SHORT, BY_PARTY = "cells", "cells_", "by_party_"
KEYS = ("market", "game", "venue", "action", "rival", "payoff", "mean", "error")
_RIVAL = "at_"  # before the rival's action in the name of a column


def error_of(values: Floats) -> Floats:
    """Standard error of a mean over the last axis."""
    return np.asarray(values.std(axis=-1, ddof=1) / np.sqrt(values.shape[-1]))


def tables_of(played: Sequence[Played]) -> dict[str, Table]:
    """The long table; of each market a short one of payoffs, and for each game one of parties."""
    found = {LONG: concatenate([_long(one) for one in played])}
    for market in dict.fromkeys(one.market for one in played):
        own, name = [one for one in played if one.market == market], _word(market)
        payoffs = [{"game": one.game.name, **row} for one in own for row in _short(one, PAYOFFS, 4)]
        found[f"{SHORT}{name}"] = columns(payoffs)
        found |= {f"{BY_PARTY}{name}_{one.game.name}": columns(list(_short(one, tuple(PARTIES), 3))) for one in own}
    return found


def _word(market: str) -> str:
    """A market in the name of a table: without "_", which separates it from the game."""
    return re.sub("[^A-Za-z0-9.-]+", "-", market)


def _views(played: Played, names: Sequence[str]) -> Iterator[tuple[int, str, Floats]]:
    """(venue, payoff, F64[own, rival's, tapes]) of every table."""
    for venue in played.game.sides:
        for name in names:
            table = played.totals[name][venue]
            yield venue, name, table if venue == 0 else table.transpose(1, 0, 2)


def _long(played: Played) -> Table:
    parts = []
    own, rival = np.meshgrid(played.actions, played.actions, indexing="ij")
    for venue, name, table in _views(played, COLUMNS):
        known: dict[str, Any] = {
            "market": played.market, "game": played.game.name, "venue": venue, "payoff": name,
        }  # fmt: skip
        cells = {"action": own, "rival": rival, "mean": table.mean(axis=2), "error": error_of(table)}
        part = {key: np.full(own.size, value) for key, value in known.items()}
        part |= {key: values.ravel() for key, values in cells.items()}
        parts.append({key: part[key] for key in KEYS})
    return concatenate(parts)


def _short(played: Played, names: Sequence[str], digits: int) -> Iterator[dict[str, Any]]:
    """A row a venue, payoff and own action: the largest error, and a mean with so many digits a rival's action."""
    for venue, name, table in _views(played, names):
        for action, row, errors in zip(played.actions, table.mean(axis=2), error_of(table), strict=True):
            pairs = zip(played.actions, row, strict=True)
            across = {f"{_RIVAL}{rival:.3f}": float(f"{value:.{digits}g}") for rival, value in pairs}
            known = {"venue": venue, "payoff": name, "action": round(float(action), 3)}
            yield {**known, "error": float(f"{errors.max():.2g}"), **across}


def read_cells(folder: str | Path) -> Table:
    """The data set of a folder in its long form; see the module for its columns.

    Args:
        folder: of one pairing, such as `results/rivalry/alike`.

    Raises:
        BadInput: the folder holds none, or lacks a short table, which git does not keep if it is too long.
    """
    folder = Path(folder)
    about = read_manifest(folder)
    if about.get("study") != "rivalry" or LONG not in about["tables"]:
        raise BadInput(f"{folder}: holds no table of cells; a part alike or unlike of protogov study rivalry does")
    tables = load_tables(folder, about["tables"])
    if LONG in tables:
        return tables[LONG]
    if missing := [file for name, file in about["tables"].items() if name != LONG and name not in tables]:
        raise BadInput(f"{folder}: lacks {listed(missing)}: git does not keep long tables; run its command again")
    (facts,) = about["facts"].values()
    return lengthened(tables, facts["markets"])


def lengthened(tables: Mapping[str, Table], markets: Sequence[str]) -> Table:
    """The data set from its short tables."""
    found = []
    for market in markets:
        found.append(_lengthened(market, tables[f"{SHORT}{_word(market)}"]))
        start = f"{BY_PARTY}{_word(market)}_"
        for name, own in tables.items():
            if name.startswith(start):
                game = np.full(num_rows(own), name.removeprefix(start))
                found.append(_lengthened(market, {"game": game, **own}))
    return concatenate(found)


def _lengthened(market: str, table: Table) -> Table:
    rows = records(table)
    rivals = {name: float(name.removeprefix(_RIVAL)) for name in table if name.startswith(_RIVAL)}
    # stored folders have rows of errors between those of means, which the column "is" tells apart
    errors = {_key(row): row for row in rows if row.get("is") == "error"}
    found = []
    for row in (one for one in rows if one.get("is", "mean") == "mean"):
        game, venue, payoff, action = _key(row)
        for name, rival in rivals.items():
            error = errors[_key(row)][name] if errors else row["error"]
            values = (market, game, venue, action, rival, payoff, row[name], error)
            found.append(dict(zip(KEYS, values, strict=True)))
    return columns(found)


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["game"], row["venue"], row["payoff"], row["action"]
