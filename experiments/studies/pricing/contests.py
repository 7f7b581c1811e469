"""Measures one contestant: fits it if it learns, then scores it on every market, row by row."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.agents.pricing.learned import LearnedPricer
from protogov.agents.pricing.opponents import EwmaPricer, ImpliedPricer, SurfacePricer, fit_garch
from protogov.agents.pricing.pricer import Pricer
from protogov.agents.pricing.prices import price
from protogov.agents.pricing.quantile_law import QuantileLaw
from protogov.agents.pricing.recording import Recording, Spot, settled_apart
from protogov.agents.pricing.shape import make_shape
from protogov.agents.pricing.training import Effort, Fitted, fit
from protogov.envs.config import WorldConfig
from protogov.envs.laws import GridLaw, SampleLaw, future_law, known_law
from protogov.envs.scenarios import PathScenario, get_scenario
from protogov.envs.scenarios.replay import Replay
from protogov.experiments.core.tables import Table, concatenate, select
from protogov.experiments.studies.pricing.plan import (
    EWMA,
    FIRST_FUTURE,
    FUTURES,
    GARCH,
    IMPLIED,
    KNOWN,
    LYRA,
    STRIDE,
    TRUTH,
    Contest,
    Contestant,
    recording,
    shares,
)

TAILS = (0.01, 0.99)
GARCH_TAPES = 24  # of each training market but crises: over a hundred thousand hours for three parameters
TAIL_LEVELS = tuple(0.01 * (number + 0.5) / 10 for number in range(10))  # the law below its 1% quantile
Floats = NDArray[np.float64]


def play_contest(config: WorldConfig, job: Contest) -> Table:
    """Rows of several kinds in one table, told apart by `kind`.

    score: a market (its number in the job), tape, hour and expiry: CRPS, log score, PIT, quantile scores at 1 and 99%
    and whether they were passed, the mean quantile score of all levels below 1% (`beyond`), the standard deviation that
    was predicted and the return in units of it; `apart` marks rows of a tape whose windows do not overlap. future: a
    state: what the contestant scores on average under the true law, and what that itself scores; both standard
    deviations. fit: an epoch. price: a market. spike: a market: cleaned hours.
    """
    who, rows = job.contestant, list[Table]()
    pricer: Pricer | None = None
    if who.kind == GARCH:
        played = [recording(config, name, job.sizes.learn, training=True) for name in job.training]
        try:
            some = zip(played, _garch_tapes(job), strict=True)
            pricer = fit_garch([np.diff(one.log_close[:tapes], axis=1).ravel() for one, tapes in some])
        except ImportError:
            return _table("absent", np.zeros(1))
    elif who.kind in _OPPONENTS:
        pricer = _OPPONENTS[who.kind]()
    elif who.kind != TRUTH:
        fitted, played = _fit(config, job)
        pricer = LearnedPricer(fitted.file)
        epochs = np.arange(len(fitted.learned), dtype=np.float64)
        rows.append(_table("fit", epochs, crps=fitted.learned, log_score=fitted.held_out, hours=float(fitted.rows)))
        hours, cleaned = sum(one.log_close.size for one in played), sum(int(one.spikes.sum()) for one in played)
        rows.append(_table("cleaned", np.zeros(1), hours=hours, crps=cleaned))
    for number, market in enumerate(job.markets):
        if pricer is None and market not in KNOWN:
            continue
        one = recording(config, market, job.sizes.judge, training=False)
        rows += _judge(one, pricer, number, who, job)
    return concatenate(rows)


_OPPONENTS: dict[str, Any] = {IMPLIED: ImpliedPricer, LYRA: SurfacePricer, EWMA: EwmaPricer}


def _fit(config: WorldConfig, job: Contest) -> tuple[Fitted, list[Recording]]:
    who = job.contestant
    names = [name for name in job.training if name != who.left_out]
    played = [recording(config, name, job.sizes.learn, training=True) for name in names]
    shape = make_shape(who.kind, who.inputs)  # type: ignore[arg-type]
    parts = None if who.alike else shares(names, job.sizes.crises)
    effort = Effort(epochs=job.sizes.epochs)
    return fit(who.name, shape, played, spot=_spot(who), effort=effort, shares=parts), played


def _garch_tapes(job: Contest) -> list[int]:
    """Tapes of each training market for GARCH, at least one: the same shares as of those who learn."""
    parts = shares(job.training, job.sizes.crises)
    most = GARCH_TAPES / max(parts or (1.0,))
    return [max(round(most * part), 1) for part in parts or (1.0,) * len(job.training)]


def _spot(who: Contestant) -> Spot:
    return "pool" if who.spot == "pool" else "oracle"


_COLUMNS = (
    "market", "tape", "hour", "hours", "crps", "log_score", "pit", "pinball_low", "pinball_high", "below", "above",
    "beyond", "apart", "reference", "deviation", "surprise", "true_deviation",
)  # fmt: skip


def _table(kind: str, tape: Floats, **values: Any) -> Table:
    """Rows of a kind; what is not given is NaN."""
    size = len(tape)
    filled = {name: np.broadcast_to(np.asarray(values.get(name, np.nan), np.float64), size) for name in _COLUMNS}
    return {"kind": np.full(size, kind), **filled, "tape": np.asarray(tape, np.float64)}


def _judge(one: Recording, pricer: Pricer | None, number: int, who: Contestant, job: Contest) -> list[Table]:
    """Every STRIDE-th decision of a market; a pricer that remembers sees all of them."""
    tables, prices = list[Table](), list[tuple[float, float, float]]()
    remembers = isinstance(pricer, LearnedPricer) and pricer.file.shape.window > 1
    for decision, reading in enumerate(one.readings[:-1]):
        if decision % STRIDE:
            if remembers and pricer is not None:
                pricer.laws(reading)
            continue
        law = None if pricer is None else pricer.laws(reading)
        n, e = reading.hours.shape
        outcome, known = one.outcomes(decision, _spot(who))
        if not known.any():  # recorded candles end before any of the expiries
            continue
        tape, hours = np.repeat(np.arange(n), e)[known], reading.hours.ravel()[known]
        scored: QuantileLaw | GridLaw
        if law is None:
            assert one.marks is not None
            start = one.basis(decision, _spot(who))
            now = one.marks[np.arange(n), reading.hour]
            outcome = outcome + np.repeat(start, e)  # from the tape's own price, which the truth knows
            scored = known_law(get_scenario(one.scenario), now[tape], np.rint(hours))
        else:
            scored = law.rows(known)
            if decision % (4 * STRIDE) == 0:
                prices.append(_arbitrage(law, reading))
        hour = np.repeat(reading.hour, e)[known].astype(np.float64)
        tables.append(_score(scored, outcome[known], tape.astype(np.float64), hour, hours, number))
        if law is not None and one.scenario in FUTURES:
            tables += _futures(one, decision, law, number, who, job)
    if not tables:
        return []
    table = concatenate(tables)
    table["apart"] = _apart(table, _opened_at(one, job.markets[number]))
    found = [table, _table("spike", np.zeros(1), market=number, hours=float(one.log_close.size), crps=one.spikes.sum())]
    if prices:
        share, most, drift = np.array(prices).T
        found.append(
            _table("price", np.zeros(1), market=number, crps=share.mean(), log_score=most.max(), pit=drift.mean())
        )
    return found


def _score(law: QuantileLaw | GridLaw, y: Floats, tape: Floats, hour: Floats, hours: Floats, number: int) -> Table:
    low, high = law.quantile(TAILS).T
    pinballs = [
        np.maximum(level * (y - q), (level - 1.0) * (y - q)) for level, q in zip(TAILS, (low, high), strict=True)
    ]
    if isinstance(law, QuantileLaw):
        log_density = law.log_density(y)
    else:
        with np.errstate(divide="ignore"):
            log_density = np.log(np.maximum(law.density(y), 1e-12))
    below = law.quantile(TAIL_LEVELS)
    levels = np.array(TAIL_LEVELS)
    beyond = np.maximum(levels * (y[:, None] - below), (levels - 1.0) * (y[:, None] - below)).mean(axis=1)
    mean, variance = law.moments()
    deviation = np.sqrt(variance)
    return _table(
        "score", tape, market=number, hour=hour, hours=hours, crps=law.crps(y), log_score=log_density, pit=law.cdf(y),
        pinball_low=pinballs[0], pinball_high=pinballs[1], below=y < low, above=y > high, beyond=beyond,
        deviation=deviation, surprise=(y - mean) / deviation,
    )  # fmt: skip


def _opened_at(one: Recording, market: str) -> NDArray[np.int64] | None:
    """Candle at which each tape of recorded candles opens, I64[n]; None for other markets."""
    return one.marks[:, 0] if one.marks is not None and isinstance(get_scenario(market), Replay) else None


def _apart(table: Table, opened_at: NDArray[np.int64] | None) -> Floats:
    """1 where windows of a tape do not overlap, 0 elsewhere and for what is no score.

    Tapes of recorded candles are windows of one history: there no two windows of all tapes overlap.
    """
    chosen = np.zeros(len(table["tape"]))
    scores = table["kind"] == "score"
    tape, start = table["tape"].astype(np.int64), table["hour"]
    group = tape if opened_at is None else np.zeros_like(tape)
    start = start if opened_at is None else start + opened_at[tape]
    for one in np.unique(group[scores]):
        rows = np.flatnonzero(scores & (group == one))
        ends = start[rows] + table["hours"][rows]
        chosen[rows[settled_apart(start[rows].tolist(), ends.tolist())]] = 1.0
    return chosen


def _arbitrage(law: QuantileLaw, reading: Any) -> tuple[float, float, float]:
    """Share of the nodes that an earlier expiry lifts, by how much at most [share of the forward], and mean drift."""
    found = price(law, reading)
    nodes = reading.strike > 0.0
    return (
        float((found.lifted[nodes] > 1e-9).mean()), float(found.lifted.max()),
        float(found.drift[reading.listed].mean()),
    )  # fmt: skip


# ---------------------------------------------------------------- futures of a state


@lru_cache(maxsize=64)
def _law_of_state(market: str, key: int, hour: int, hours: int, futures: int) -> SampleLaw:
    scenario = get_scenario(market)
    assert isinstance(scenario, PathScenario)
    return future_law(scenario, key, hour, [hours], futures, first=FIRST_FUTURE)[hours]


def _futures(
    one: Recording, decision: int, law: QuantileLaw, number: int, who: Contestant, job: Contest
) -> list[Table]:
    """What the law scores on average under the truth of some states: of the nearest expiry beyond a day."""
    reading = one.readings[decision]
    e = reading.hours.shape[1]
    chosen = [row for row, at in _states(one, job.sizes.states) if at == decision]
    rows = []
    for tape in chosen:
        expiry = int(np.argmax(reading.listed[tape] & (reading.hours[tape] >= 24.0)))
        hours = round(float(reading.hours[tape, expiry]))
        truth = _law_of_state(one.scenario, int(one.keys[tape]), int(reading.hour[tape]), hours, job.sizes.futures)
        shifted = truth.values - one.basis(decision, _spot(who))[tape]
        many = law.rows(np.full(len(shifted), tape * e + expiry))
        own = many.crps(shifted)
        rows.append(
            _table(
                "future", np.array([float(tape)]), market=number, hour=float(reading.hour[tape]), hours=float(hours),
                crps=own.mean(), reference=truth.expected_crps(), deviation=np.sqrt(many.moments()[1][0]),
                true_deviation=shifted.std(),
            )
        )  # fmt: skip
    return rows


def _states(one: Recording, count: int) -> list[tuple[int, int]]:
    """(tape, decision) of states spread over tapes and hours, the same for every contestant."""
    decisions = np.arange(0, len(one.readings) - 1, STRIDE)
    rng = np.random.default_rng(len(one.keys))
    return [(number % len(one.keys), int(rng.choice(decisions))) for number in range(count)]


def rows_of(table: Table, kind: str) -> Table:
    """Rows of one kind."""
    return select(table, table["kind"] == kind)
