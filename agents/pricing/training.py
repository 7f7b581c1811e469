"""Fits a pricer to recorded markets: CRPS in units of the reference deviation, named regularisation, early stopping."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from protogov.agents.pricing.learned import PricerFile, node_inputs
from protogov.agents.pricing.networks import PricerNetwork, make_network
from protogov.agents.pricing.pricer import years_of
from protogov.agents.pricing.quantile_law import LEVELS
from protogov.agents.pricing.recording import Recording, Spot
from protogov.agents.pricing.shape import Shape

F32 = NDArray[np.float32]
_LEVELS = np.array(LEVELS)
# what each level stands for in the integral over levels that CRPS is, and a little for each so that tails are learned
WEIGHTS = np.diff(np.concatenate([[0.0], 0.5 * (_LEVELS[1:] + _LEVELS[:-1]), [1.0]])) + 0.005
LARGEST_RETURN = 12.0  # in reference deviations: beyond it a quantile score is linear and only its slope counts


@dataclass(frozen=True)
class Regularisation:
    """What keeps a fit from learning its tapes by heart.

    Attributes:
        weight_decay: of AdamW, on all weights.
        input_noise: standard deviation of normal noise on the normalised inputs.
        patience: epochs without a better score on the held-out tapes after which the fit ends; it keeps the best.
        held_out: share of the tapes, whole ones, that only decide when to stop.
    """

    weight_decay: float = 1e-3
    input_noise: float = 0.02
    patience: int = 4
    held_out: float = 0.15


@dataclass(frozen=True)
class Effort:
    """What a fit spends: passes over the samples, samples a step, and the largest learning rate (falling to zero)."""

    epochs: int = 24
    batch: int = 1024
    learning_rate: float = 3e-3


@dataclass(frozen=True)
class Samples:
    """Rows to learn from, a row a market, decision and expiry.

    Attributes:
        inputs: F32[m, inputs].
        reading: I64[m], row of `sequence` and `nodes`: a market at a decision.
        sequence: F32[r, window, sequence].
        nodes: F32[r, tokens, node_inputs].
        returns: F32[m], log return over the reference deviation.
        tape: I64[m], of all tapes of all recordings.
        market: I64[m], of the recordings.
    """

    inputs: F32
    reading: NDArray[np.int64]
    sequence: F32
    nodes: F32
    returns: F32
    tape: NDArray[np.int64]
    market: NDArray[np.int64]

    def batch(self, rows: NDArray[np.int64]) -> tuple[torch.Tensor, ...]:
        """Inputs, sequence, nodes and returns of some rows, as the network and the score take them."""
        at = self.reading[rows]
        arrays = self.inputs[rows], self.sequence[at], self.nodes[at], self.returns[rows]
        return tuple(torch.from_numpy(array) for array in arrays)


def samples_of(recordings: Sequence[Recording], shape: Shape, spot: Spot) -> Samples:
    """Every known outcome of every decision.

    Raises:
        ValueError: there is none.
    """
    parts: dict[str, list[Any]] = {name: [] for name in Samples.__annotations__}
    readings = tapes = 0
    for market, one in enumerate(recordings):
        n = len(one.keys)
        past = np.zeros((n, shape.window, len(shape.sequence)), np.float32)
        for decision, reading in enumerate(one.readings):
            e = reading.hours.shape[1]
            if shape.generation == "recurrent":
                past = np.concatenate([past[:, 1:], reading.inputs(shape.sequence)[:, :1].astype(np.float32)], axis=1)
            outcome, known = one.outcomes(decision, spot)
            scale = np.repeat(reading.reference_vol(), e) * np.sqrt(years_of(reading))
            inputs = reading.inputs(shape.inputs).reshape(n * e, -1)
            world = np.repeat(np.arange(n), e)
            parts["inputs"].append(inputs[known].astype(np.float32))
            parts["reading"].append(readings + world[known])
            parts["sequence"].append(past.copy())
            parts["nodes"].append(node_inputs(reading, shape))
            parts["returns"].append(np.clip(outcome / scale, -LARGEST_RETURN, LARGEST_RETURN)[known].astype(np.float32))
            parts["tape"].append(tapes + world[known])
            parts["market"].append(np.full(int(known.sum()), market))
            readings += n
        tapes += n
    found = Samples(**{name: np.concatenate(arrays) for name, arrays in parts.items()})
    if not len(found.returns):
        raise ValueError(
            "recordings hold no expiry whose outcome is known; longer tapes or nearer expiries are needed."
        )
    return found


def score(quantiles: torch.Tensor, returns: torch.Tensor, counts: torch.Tensor | None = None) -> torch.Tensor:
    """Weighted quantile score of a batch, a scalar: close to CRPS / 2 in units of the reference deviation.

    Args:
        quantiles: F64[b, levels].
        returns: F32[b].
        counts: F64[b], what each row counts for; 1 by default.
    """
    miss = returns[:, None] - quantiles
    levels = torch.from_numpy(_LEVELS)
    each = torch.maximum(levels * miss, (levels - 1.0) * miss)
    rows = (each * torch.from_numpy(WEIGHTS)).sum(dim=1)
    return (rows if counts is None else rows * counts).mean()


def row_counts(market: NDArray[np.int64], shares: Sequence[float]) -> NDArray[np.float64]:
    """What each row counts for, F64[m], 1 on average, so that the rows of each market have its share of the whole.

    Args:
        market: I64[m], of each row.
        shares: of each market, in any unit.

    Raises:
        ValueError: another number of shares than markets, or one that is not positive.
    """
    wanted, rows = np.asarray(shares, np.float64), np.bincount(market)
    if len(wanted) != len(rows) or not (wanted > 0.0).all():
        raise ValueError(f"shares are {list(shares)}; {len(rows)} positive numbers, one a recording, are accepted.")
    share = np.where(rows > 0, wanted, 0.0) / wanted[rows > 0].sum()
    return np.asarray((share / np.maximum(rows, 1) * len(market))[market])


@dataclass(frozen=True)
class Fitted:
    """A pricer and how its fit went.

    Attributes:
        file: the pricer.
        learned, held_out: score of each epoch on the tapes that it learned and on those that it did not.
        rows: samples that it learned from.
    """

    file: PricerFile
    learned: tuple[float, ...]
    held_out: tuple[float, ...]
    rows: int


def fit(
    name: str,
    shape: Shape,
    recordings: Sequence[Recording],
    *,
    spot: Spot = "oracle",
    seed: int = 0,
    effort: Effort | None = None,
    regularisation: Regularisation | None = None,
    shares: Sequence[float] | None = None,
) -> Fitted:
    """Train a pricer on recordings that were made for training.

    The same arguments give the same weights on one machine and torch version.

    Args:
        name: of the pricer.
        shape: of its network.
        recordings: to learn from.
        spot: what its returns start from.
        seed: of weights, order, noise and the choice of the tapes that are held out.
        effort: what is spent.
        regularisation: against overfitting.
        shares: how much of what is learned each recording is, in any unit: a market is as frequent in a prediction as
            it was in training. By default all rows are alike.

    Raises:
        ValueError: nothing to learn from, or shares that do not fit.
    """
    effort, regular = effort or Effort(), regularisation or Regularisation()
    samples = samples_of(recordings, shape, spot)
    generator = np.random.default_rng(seed)
    tapes = generator.permutation(int(samples.tape.max()) + 1)
    kept = tapes[: max(round(regular.held_out * len(tapes)), 1)]
    aside = np.isin(samples.tape, kept)
    learned_rows, held_rows = np.flatnonzero(~aside), np.flatnonzero(aside)
    if not len(learned_rows) or not len(held_rows):
        raise ValueError(f"{len(tapes)} tapes are too few to learn from and to hold some out; two or more are needed.")
    counts = None if shares is None else row_counts(samples.market, shares)
    network = make_network(shape, seed)
    optimiser = torch.optim.AdamW(network.parameters(), lr=effort.learning_rate, weight_decay=regular.weight_decay)
    steps = effort.epochs * -(-len(learned_rows) // effort.batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(steps, 1))
    noise = torch.Generator().manual_seed(seed)
    best, best_weights, waited = np.inf, _weights(network), 0
    learned: list[float] = []
    held: list[float] = []
    for _ in range(effort.epochs):
        total = 0.0
        order = generator.permutation(learned_rows)
        for at in range(0, len(order), effort.batch):
            rows = order[at : at + effort.batch]
            inputs, sequence, nodes, returns = samples.batch(rows)
            if regular.input_noise > 0.0:
                inputs = inputs + regular.input_noise * torch.randn(inputs.shape, generator=noise)
            loss = score(network(inputs, sequence, nodes), returns, _of(counts, rows))
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            total += float(loss.detach()) * len(returns)
        learned.append(total / len(order))
        held.append(_score_rows(network, samples, held_rows, counts))
        if held[-1] < best:
            best, best_weights, waited = held[-1], _weights(network), 0
        else:
            waited += 1
            if waited > regular.patience:
                break
    about: dict[str, Any] = {
        "scenarios": [one.scenario for one in recordings], "tapes": len(tapes), "seed": seed,
        "regularisation": asdict(regular), "effort": asdict(effort),
    }  # fmt: skip
    about |= {} if shares is None else {"shares": [float(share) for share in shares]}
    return Fitted(PricerFile(name, shape, spot, best_weights, about), tuple(learned), tuple(held), len(learned_rows))


def _of(counts: NDArray[np.float64] | None, rows: NDArray[np.int64]) -> torch.Tensor | None:
    return None if counts is None else torch.from_numpy(counts[rows])


def _score_rows(
    network: PricerNetwork,
    samples: Samples,
    rows: NDArray[np.int64],
    counts: NDArray[np.float64] | None,
    chunk: int = 8192,
) -> float:
    total = 0.0
    with torch.no_grad():
        for at in range(0, len(rows), chunk):
            some = rows[at : at + chunk]
            *inputs, returns = samples.batch(some)
            total += float(score(network(*inputs), returns, _of(counts, some))) * len(returns)
    return total / (len(rows) if counts is None else float(counts[rows].sum()))


def _weights(network: PricerNetwork) -> dict[str, F32]:
    return {name: value.detach().numpy().copy() for name, value in network.state_dict().items()}
