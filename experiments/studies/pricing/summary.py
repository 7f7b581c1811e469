"""The study's tables, from the rows of all contestants."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from protogov.agents.pricing.features import FEATURES, NODE_INPUTS
from protogov.agents.pricing.shape import GENERATIONS
from protogov.envs.scenarios import get_scenario
from protogov.envs.scenarios.replay import Replay
from protogov.envs.scenarios.sealed import sealed_names
from protogov.experiments.core.statistics import holm, student_t
from protogov.experiments.core.tables import Table, columns, select
from protogov.experiments.studies.pricing.comparing import (
    Floats,
    binomial_p,
    by_decision,
    diebold_mariano,
    pit_counts,
    uniform_p,
)
from protogov.experiments.studies.pricing.contests import rows_of
from protogov.experiments.studies.pricing.plan import (
    IMPLIED,
    KNOWN,
    OPPONENTS,
    TRUTH,
    Contest,
    recorded_name,
)

Played = Mapping[str, tuple[Contest, Table]]  # name of a contestant -> its piece and rows
NOT = float("nan")
BP = 1e4
# what is compared: prefix of columns, score, expiries (within a week, later, all)
COMPARED = (("week", "crps", True), ("later", "crps", False), ("tail", "beyond", None))


def _short(rows: Sequence[Mapping[str, Any]]) -> Table:
    """A table whose numbers have three digits: committed files are small."""
    return columns(
        [{key: float(f"{one:.3g}") if isinstance(one, float) else one for key, one in row.items()} for row in rows]
    )


def scores_on(played: Played, name: str, market: str) -> Table:
    """Score rows of a contestant on a market; no rows where it did not play there."""
    job, table = played[name]
    if market not in job.markets or "absent" in table["kind"]:
        return {key: column[:0] for key, column in table.items()}
    scores = rows_of(table, "score")
    return select(scores, scores["market"] == job.markets.index(market))


def split_of(market: str) -> str:
    """Split of a market; "recorded" for a file."""
    if market in sealed_names():
        return "test"
    try:
        found = get_scenario(market)
    except ValueError:  # the file is not there any more
        return "recorded"
    return "recorded" if isinstance(found, Replay) else str(found.split)


def score_table(played: Played, markets: Sequence[str]) -> Table:
    """A row a market and contestant: CRPS, what it is over implied vol's and the truth's, PIT, both tails.

    `pit_holm` is adjusted for the number of markets with a known law, a family a contestant. `tail_bp` is the quantile
    score at 1%, `beyond_bp` its mean over all levels below 1%: the law beyond its 1% quantile on its own (Gneiting and
    Ranjan 2011). In recorded files no two windows overlap, whatever the tape.
    """
    rows: list[dict[str, Any]] = []
    for market in markets:
        implied, truth = (_mean(played, name, market) for name in (IMPLIED, TRUTH))
        for name, (job, _) in played.items():
            own = scores_on(played, name, market)
            if not len(own["tape"]):
                continue
            apart = select(own, own["apart"] == 1.0)
            crps, low = float(own["crps"].mean()), int(apart["below"].sum())
            high, windows = int(apart["above"].sum()), len(apart["tape"])
            rows.append(
                {
                    "market": recorded_name(market), "split": split_of(market), "contestant": name,
                    "left_out": job.contestant.left_out, "crps_bp": BP * crps,
                    "over_implied": 100.0 * (crps / implied - 1.0), "over_truth": 100.0 * (crps / truth - 1.0),
                    "log_score": float(own["log_score"].mean()), "windows": windows,
                    "pit_p": uniform_p(apart["pit"]), "pit_holm": NOT,
                    "below_1": low, "below_p": binomial_p(low, windows, 0.01),
                    "above_99": high, "above_p": binomial_p(high, windows, 0.01),
                    "tail_bp": BP * float(own["pinball_low"].mean()), "beyond_bp": BP * float(own["beyond"].mean()),
                    "upper_tail_bp": BP * float(own["pinball_high"].mean()),
                }
            )  # fmt: skip
    for name in played:
        known = [row for row in rows if row["contestant"] == name and row["market"] in KNOWN]
        for row, p in zip(known, holm(np.array([row["pit_p"] for row in known])), strict=True):
            row["pit_holm"] = float(p)
    return _short(rows)


def _mean(played: Played, name: str, market: str) -> float:
    own = scores_on(played, name, market)["crps"] if name in played else np.zeros(0)
    return float(own.mean()) if len(own) else NOT


def comparison_table(played: Played, markets: Sequence[str], learned: Sequence[str]) -> Table:
    """Diebold-Mariano against implied vol; of the learned against the truth too, where that is known.

    Contestants are the generations, their opponents, and those that read the chain alone. A row has CRPS of expiries
    within a week (`week`) and later ones (`later`), and of all expiries the quantile score below 1% (`tail`). Windows
    of a recorded file overlap from tape to tape: nothing is tested there.
    """
    rows = []
    for market in markets:
        for name, (job, _) in played.items():
            if name not in (*GENERATIONS, *OPPONENTS) and job.contestant.spot != "pool":
                continue
            for against in (IMPLIED, TRUTH):
                if name in (against, TRUTH) or against not in played or (against == TRUTH and name not in learned):
                    continue
                if (job.contestant.spot == "pool" and against == TRUTH) or split_of(market) == "recorded":
                    continue
                rows += _compare(played, market, name, against)
    return _short(rows)


def _compare(played: Played, market: str, name: str, against: str) -> list[dict[str, Any]]:
    one, other = (scores_on(played, which, market) for which in (name, against))
    if not len(one["tape"]) or len(one["tape"]) != len(other["tape"]):
        return []
    row: dict[str, Any] = {"market": market, "contestant": name, "against": against}
    for column, score, near in COMPARED:
        differences, tapes, lags = by_decision(one, one[score] - other[score], near)
        found = diebold_mariano(differences, tapes, lags) if len(np.unique(tapes)) > 1 else None
        row |= {
            f"{column}_bp": NOT if found is None else BP * found.difference,
            f"{column}_error": NOT if found is None else BP * found.error,
            f"{column}_p": NOT if found is None else found.p, f"{column}_lags": 0 if found is None else found.lags,
        }  # fmt: skip
    return [row]


def pit_table(played: Played, markets: Sequence[str]) -> Table:
    """Windows that do not overlap in tenths of the PIT, a row a contestant and market with a known law.

    The market `unseen` is all those of the splits validation and test together.
    """
    rows = []
    for name in played:
        pooled: list[Floats] = []
        for market in markets:
            own = scores_on(played, name, market)
            pit = own["pit"][own["apart"] == 1.0] if len(own["tape"]) else np.zeros(0)
            if len(pit):
                rows += [{"market": market, "contestant": name, **_bins(pit)}] * (market in KNOWN)
                pooled += [pit] * (split_of(market) in ("validation", "test"))
        if pooled:
            rows.append({"market": "unseen", "contestant": name, **_bins(np.concatenate(pooled))})
    return _short(rows) if rows else {}


def _bins(pit: Floats) -> dict[str, int]:
    return {f"bin_{number}": int(count) for number, count in enumerate(pit_counts(pit))}


def vol_table(played: Played, markets: Sequence[str]) -> Table:
    """A row a market and contestant: predicted over true standard deviation, and squared returns in units of it.

    CRPS forgives a wrong width: a normal law that is 28% too wide scores 2% more than the right one. The ratio is a
    geometric mean over rows, with the root mean square of its log beside it (`off`); it needs a true law. The squared
    return over the predicted variance (`variance_ratio`, 1 if the width is right, more if the law is too narrow) is of
    windows that do not overlap, with a 95% interval over tapes; it needs none. `bias` is the mean return over the
    predicted mean, in predicted standard deviations, with its interval. Recorded files are left out: there tapes depend
    on each other.
    """
    rows = []
    for market in (one for one in markets if split_of(one) != "recorded"):
        truth = scores_on(played, TRUTH, market) if TRUTH in played else {}
        for name, (job, table) in played.items():
            own = scores_on(played, name, market)
            if not len(own["tape"]) or name not in (*GENERATIONS, *OPPONENTS, TRUTH):
                continue
            futures = rows_of(table, "future")
            here = select(futures, futures["market"] == job.markets.index(market))
            log_ratio = np.zeros(0)
            if truth and len(truth["tape"]) == len(own["tape"]):
                log_ratio = np.log(own["deviation"] / truth["deviation"])
            elif len(here["tape"]):
                log_ratio = np.log(here["deviation"] / here["true_deviation"])
            apart = select(own, own["apart"] == 1.0)
            _, tapes = np.unique(apart["tape"], return_inverse=True)
            by_tape = np.bincount(tapes, apart["surprise"] ** 2) / np.bincount(tapes)
            found = student_t(by_tape)
            bias = student_t(np.bincount(tapes, apart["surprise"]) / np.bincount(tapes))
            rows.append(
                {
                    "market": market, "contestant": name,
                    "vol_ratio": float(np.exp(log_ratio.mean())) if len(log_ratio) else NOT,
                    "off": 100.0 * float(np.sqrt((log_ratio**2).mean())) if len(log_ratio) else NOT,
                    "variance_ratio": found.mean, "low": found.low, "high": found.high, "bias": bias.mean,
                    "bias_low": bias.low, "bias_high": bias.high, "tapes": len(by_tape),
                }
            )  # fmt: skip
    return _short(rows)


def future_table(played: Played) -> Table:
    """A row a market and contestant: expected CRPS over that of the law that futures tell, mean over states [%]."""
    rows = []
    for name, (job, table) in played.items():
        own = rows_of(table, "future")
        for number in np.unique(own["market"]):
            here = select(own, own["market"] == number)
            found = student_t(100.0 * (here["crps"] / here["reference"] - 1.0))
            rows.append(
                {
                    "market": job.markets[int(number)], "contestant": name, "states": len(here["tape"]),
                    "over_truth": found.mean, "low": found.low, "high": found.high,
                }
            )  # fmt: skip
    return _short(rows) if rows else {}


def fit_table(played: Played) -> Table:
    """A row a learned contestant: samples, epochs, scores on tapes that it learned and did not, cleaned hours."""
    rows = []
    for name, (job, table) in played.items():
        fits, cleaned = rows_of(table, "fit"), rows_of(table, "cleaned")
        if len(fits["tape"]):
            best = int(np.argmin(fits["log_score"]))
            rows.append(
                {
                    "contestant": name, "generation": job.contestant.kind, "inputs": job.contestant.inputs,
                    "spot": job.contestant.spot, "samples": int(fits["hours"][0]), "epochs": len(fits["tape"]),
                    "first": float(fits["log_score"][0]), "learned": float(fits["crps"][best]),
                    "held_out": float(fits["log_score"][best]), "hours": int(cleaned["hours"][0]),
                    "cleaned": int(cleaned["crps"][0]),
                }
            )  # fmt: skip
    return _short(rows)


def price_table(played: Played) -> Table:
    """A row a generation and market: nodes that an earlier expiry lifts, cleaned hours of the market."""
    rows = []
    for name, (job, table) in played.items():
        if name not in GENERATIONS:
            continue
        prices, spikes = rows_of(table, "price"), rows_of(table, "spike")
        for row, number in enumerate(prices["market"]):
            rows.append(
                {
                    "market": recorded_name(job.markets[int(number)]), "contestant": name,
                    "lifted_share": float(prices["crps"][row]), "lifted_most_bp": BP * float(prices["log_score"][row]),
                    "drift_bp": BP * float(prices["pit"][row]),
                    "cleaned": int(spikes["crps"][spikes["market"] == number][0]),
                }
            )  # fmt: skip
    return _short(rows)


def feature_rows() -> list[dict[str, str]]:
    """Every input: name, group, source, unit, what for."""
    rows = [
        {"feature": row.name, "group": row.group, "source": row.source, "unit": row.unit, "about": row.about}
        for row in FEATURES.values()
    ]
    return rows + [
        {"feature": name, "group": "node", "source": "chain", "unit": "", "about": about}
        for name, about in NODE_INPUTS.items()
    ]
