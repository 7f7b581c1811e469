"""Inputs on which a quantised policy is at its worst: corners by the signs of weights, then one input at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from protogov.agents.onchain.inputs import counts_of, observations_of
from protogov.agents.onchain.network import Layers, Stack
from protogov.agents.onchain.specification import Specification

Score = Callable[[NDArray[np.int64]], NDArray[np.float64]]
Act = Callable[[NDArray[np.float32]], NDArray[np.floating]]


def sign_corners(specification: Specification, layer: int) -> NDArray[np.int64]:
    """Counts int64 [2 * outputs, inputs] at the ends that make each sum of a layer largest, then smallest.

    By the signs of the weights of all layers up to it, as if every neuron before were active: for the first layer these
    are the extremes themselves, further on a place to climb from.
    """
    signs = np.eye(len(specification.inputs))
    for one in specification.layers[: layer + 1]:
        signs = (one.weight / 2.0**one.sum_bits) @ signs
    most = _most(specification)
    return np.concatenate([np.where(signs > 0, most, 0), np.where(signs > 0, 0, most)])


def error_corners(specification: Specification, layers: Layers) -> NDArray[np.int64]:
    """Counts int64 [2 * levers, inputs] at the ends that the bound's own signs make worst for each action.

    The terms of the bound, as if every neuron were active: the errors of a layer's weights times its inputs, and its
    weights times the errors of its inputs.

    Args:
        specification: of the network.
        layers: the network's own weights and biases.
    """
    unit = np.array([float(one.observation_step) for one in specification.inputs])
    values, wrong = np.eye(len(unit)), np.zeros((len(unit), len(unit)))
    for (weight, _), layer in zip(layers, specification.layers, strict=True):
        off = layer.weight / (2.0**layer.sum_bits * unit) - weight
        values, wrong = weight @ values, off @ values + weight @ wrong
        unit = np.full(len(weight), 2.0**-layer.value_bits)
    most = _most(specification)
    return np.concatenate([np.where(wrong > 0, most, 0), np.where(wrong > 0, 0, most)])


def climb(
    score: Score, starts: NDArray[np.int64], specification: Specification, sweeps: int = 2, seed: int = 0
) -> NDArray[np.int64]:
    """From each start change one count at a time, to an end, the middle or a random place, wherever the score grows.

    Args:
        score: of counts [m, inputs]: float64 [m], where row i * k + j is the j-th of the k candidates of start i.
        starts: int64 [n, inputs].
        specification: whose inputs these are.
        sweeps: over all inputs.
        seed: of random places.
    """
    rng, best, most = np.random.default_rng(seed), starts.copy(), _most(specification)
    for _ in range(sweeps):
        for index in rng.permutation(best.shape[1]):
            places = np.array([-1, 0, most[index] // 2, most[index], rng.integers(most[index] + 1)])
            tried = np.repeat(best[:, None, :], len(places), axis=1)
            tried[:, 1:, index] = places[1:]  # the first stays where it is
            scores = score(tried.reshape(-1, best.shape[1])).reshape(len(best), len(places))
            best = tried[np.arange(len(best)), scores.argmax(axis=1)]
    return best


def extreme_sums(specification: Specification, layer: int) -> NDArray[np.int64]:
    """Counts int64 [2 * outputs, inputs] on which each sum of a layer is large, then small: `sign_corners`, climbed."""
    starts, outputs = sign_corners(specification, layer), len(specification.layers[layer].bias)

    def score(counts: NDArray[np.int64]) -> NDArray[np.float64]:
        start = np.arange(len(counts)) // (len(counts) // len(starts))
        sums = specification.activations(counts)[layer][np.arange(len(counts)), start % outputs]
        return np.where(start < outputs, sums, -sums).astype(np.float64)

    return climb(score, starts, specification, sweeps=1)


def errors(specification: Specification, act: Act, counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """|specification - network| of each output, float64 [n, levers], at the observations of counts [n, inputs]."""
    seen = observations_of(specification.inputs, counts).astype(np.float32)
    return np.abs(specification.decide(counts) / specification.one - act(seen).astype(np.float64))


def largest_errors(specification: Specification, stack: Stack, seed: int = 0) -> NDArray[np.float64]:
    """The largest error seen of each output, float64 [levers].

    Over 4,000 observations, normal with four standard deviations and uniform, 1,000 corners, those of `sign_corners`
    and `error_corners`, and climbs to the largest error of each lever: from the 16 places where it was worst, and from
    `error_corners`.

    Args:
        specification: of the network.
        stack: the network, whose `act` is asked.
        seed: of all that is drawn.
    """
    rng, inputs = np.random.default_rng(seed), specification.inputs
    most, width = _most(specification), len(inputs)
    scales = np.repeat([0.1, 1.0, 3.0, 10.0], 500)[:, None]
    drawn = [
        counts_of(inputs, scales * rng.normal(size=(2_000, width))),
        rng.integers(0, most + 1, size=(2_000, width)),
        np.where(rng.random((1_000, width)) < 0.5, most, 0),
        *(sign_corners(specification, layer) for layer in range(len(specification.layers))),
    ]
    act = stack.act
    by_signs = error_corners(specification, stack.layers)
    counts = np.concatenate([*drawn, by_signs])
    found = errors(specification, act, counts)
    seen = found.max(axis=0)
    for lever in range(len(seen)):
        starts = np.concatenate([counts[np.argsort(found[:, lever])[-16:]], by_signs])

        def score(tried: NDArray[np.int64], lever: int = lever) -> NDArray[np.float64]:
            return errors(specification, act, tried)[:, lever]

        seen[lever] = max(seen[lever], score(climb(score, starts, specification, seed=seed)).max())
    return np.asarray(seen)


def _most(specification: Specification) -> NDArray[np.int64]:
    return np.array([one.largest for one in specification.inputs], np.int64)
