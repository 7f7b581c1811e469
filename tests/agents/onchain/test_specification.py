"""The integer specification: exact, within its proved bounds of the policy, and what the generated text computes."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from protogov.agents.onchain import bounds
from protogov.agents.onchain.affine import affine_errors
from protogov.agents.onchain.bounds import error_bound
from protogov.agents.onchain.features import policy_inputs
from protogov.agents.onchain.inputs import LinearFeature, contract_inputs, counts_of, observations_of, pack, read_input
from protogov.agents.onchain.network import ExportError, plain_layers, stack_of
from protogov.agents.onchain.quantise import integer_specification, quantise
from protogov.agents.onchain.search import climb, error_corners, errors, extreme_sums, largest_errors, sign_corners
from protogov.agents.onchain.specification import pack_lanes, read_specification, unpack_lanes
from protogov.agents.onchain.vyper_source import vyper_source
from protogov.agents.policies import PolicyGovernor
from protogov.agents.policies.architectures import Front
from protogov.agents.policies.execution import Change
from protogov.agents.policies.incumbent import Incumbent, Slope

SHAPES = [(5, 9, 4, 2), (1, 1), (3, 2), (17, 8, 7, 15, 1), (32, 32, 32, 3)]


def plain(counts, specification):
    """The specification once more, number by number."""
    outputs = []
    for row in counts.tolist():
        x = row
        for index, layer in enumerate(specification.layers):
            sums = [
                sum(w * v for w, v in zip(weights, x, strict=True)) + bias
                for weights, bias in zip(layer.weight.tolist(), layer.bias.tolist(), strict=True)
            ]
            x = [(total + layer.rounding) // 2**layer.shift for total in sums]
            if index < len(specification.layers) - 1:
                x = [max(value, 0) for value in x]
        outputs.append([max(-specification.one, min(value, specification.one)) for value in x])
    return outputs


@pytest.mark.parametrize("sizes", SHAPES)
@pytest.mark.parametrize("lanes", [4, 7, 8])
def test_generated_text_computes_the_specification(sizes, lanes, make_policy, make_inputs, draw_counts, run_as_python):
    policy = make_policy(sizes)
    specification = integer_specification(policy, make_inputs(policy), lanes)
    decide = run_as_python(vyper_source(specification))
    counts = draw_counts(specification, 20)
    corners = [sign_corners(specification, layer) for layer in range(len(specification.layers))]
    counts = np.concatenate([counts, *(corner[:10] for corner in corners)])
    expected = specification.decide(counts)
    assert expected.tolist() == plain(counts, specification)
    for row, outputs in zip(counts, expected.tolist(), strict=True):
        assert decide(pack(row)) == outputs
    assert len(np.unique(expected[:, 0])) > 10


def test_text_is_the_same_for_the_same_specification_and_its_names_cannot_leave_a_comment(make_policy, make_inputs):
    policy = make_policy(agent='rate_0"""\nimport os')
    specification = integer_specification(policy, make_inputs(policy))
    source = vyper_source(specification)
    assert source == vyper_source(read_specification(specification.to_dict()))
    assert "\nimport" not in source and source.count('"""') == 4


@pytest.mark.parametrize("index", range(5))
def test_counts_out_of_range_are_refused(policy, index, make_inputs, run_as_python):
    specification = integer_specification(policy, make_inputs(policy))
    decide = run_as_python(vyper_source(specification))
    counts = np.array([one.largest for one in specification.inputs])
    decide(pack(counts))
    counts[index] += 1
    with pytest.raises(AssertionError, match="input out of range"):
        decide(pack(counts))
    with pytest.raises(ValueError, match="must be whole numbers from 0"):
        specification.decide(counts[None])
    with pytest.raises(AssertionError, match="input out of range"):  # beyond the last input
        decide([1 << 16 * 5])


@pytest.mark.parametrize("sizes", [(2, 3, 2), (3, 4, 3, 1)])
def test_sums_stay_in_their_lane_at_every_corner(sizes, make_policy, make_inputs):
    policy = make_policy(sizes)
    specification = integer_specification(policy, make_inputs(policy))
    most = [one.largest for one in specification.inputs]
    corners = np.array(list(product(*((0, one) for one in most))))
    sums = specification.activations(corners)
    largest, half = most, 1 << (specification.lane_bits - 1)
    for index, layer in enumerate(specification.layers):
        ranges = np.array(layer.sum_range(largest))
        assert (sums[index] >= ranges[:, 0]).all() and (sums[index] <= ranges[:, 1]).all()
        if index == 0:  # of a linear layer the corners are the extremes
            assert np.array_equal(np.stack([sums[0].min(axis=0), sums[0].max(axis=0)], axis=1), ranges)
        assert ranges.min() + layer.rounding >= -half and ranges.max() + layer.rounding < half
        assert 4 * max(ranges.max(), -ranges.min()) > half, "the scale is smaller than it could be"
        largest = layer.largest_values(largest)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_weight_that_leaves_its_lane_is_found(policy, sign, make_inputs):
    specification = integer_specification(policy, make_inputs(policy))
    layer = specification.layers[1]
    weight = layer.weight.copy()
    weight[2, 3] = sign << 30
    spoilt = replace(
        specification, layers=(specification.layers[0], replace(layer, weight=weight), *specification.layers[2:])
    )
    assert "layer 1, neuron 2" in spoilt.lane_problem()
    with pytest.raises(ValueError, match="overflows: layer 1, neuron 2"):
        read_specification(spoilt.to_dict())


@pytest.mark.parametrize(("sizes", "seed"), [((5, 9, 4, 2), 0), ((5, 9, 4, 2), 1), ((32, 32, 32, 3), 0), ((3, 2), 0)])
def test_specification_is_within_its_bound_of_torch_and_the_empirical_limit_is_tight(
    sizes, seed, make_policy, make_inputs, draw_counts
):
    policy = make_policy(sizes, seed)
    quantised = quantise(policy, make_inputs(policy))
    specification, bound = quantised.specification, quantised.bound
    act = PolicyGovernor(policy).act_on
    seen = largest_errors(specification, stack_of(policy))
    limit = np.array(bound.quantised) + bound.float32
    assert (seen <= limit).all()
    assert (seen > 0).all()
    again = errors(specification, act, draw_counts(specification, 2_000, seed=9)).max(axis=0)
    assert (again <= 1.2 * seen).all(), "random inputs find more than the search did"
    rng = np.random.default_rng(3)
    observations = np.clip(rng.normal(scale=4, size=(2_000, sizes[0])), -10, 10).astype(np.float32)
    actions = specification.decide(counts_of(specification.inputs, observations)) / specification.one
    assert (np.abs(actions - act(observations)).max(axis=0) <= np.array(bound.rounded) + bound.float32).all()


@pytest.mark.parametrize("index", [0, 1, 2])
def test_bound_follows_what_the_integers_are(policy, index, make_inputs):
    quantised = quantise(policy, make_inputs(policy))
    specification = quantised.specification
    layers = list(specification.layers)
    entry = 10 if index == 0 else layers[index - 1].value_bits  # of an observation or a value, 2**entry is about 1
    wrong = 1 << (layers[index].sum_bits - entry - (0 if index == 0 else 3))
    layers[index] = replace(layers[index], weight=layers[index].weight + wrong)
    spoilt = replace(specification, layers=tuple(layers))
    seen = largest_errors(spoilt, stack_of(policy)).max()
    assert seen > max(quantised.bound.quantised) + max(quantised.bound.float32)
    after = error_bound(stack_of(policy), spoilt)
    assert seen <= max(after.quantised) + max(after.float32)


def test_bound_of_a_linear_policy_is_reached(make_policy):
    """One weight: the bound is what arithmetic by hand gives, and some input comes close to it."""
    weights = {"layer_0.weight": np.array([[0.31415]], np.float32), "layer_0.bias": np.zeros(1, np.float32)}
    policy = make_policy((1, 1), weights=weights)
    inputs = contract_inputs(policy.features, 2.0)
    quantised = quantise(policy, inputs)
    layer, one = quantised.specification.layers[0], inputs[0]
    exact = Fraction(float(np.float32(0.31415))) * one.observation_step
    worst = max(
        abs(Fraction(int(y), quantised.specification.one) - exact * (count - one.half))
        for count, (y,) in zip(
            range(0, one.largest + 1, 7),
            quantised.specification.decide(np.arange(0, one.largest + 1, 7)[:, None]),
            strict=True,
        )
    )
    half_a_step = Fraction(1, 2 * quantised.specification.one)
    weight_error = abs(Fraction(int(layer.weight[0, 0]), 2**layer.sum_bits) - exact) * one.half
    assert worst <= quantised.bound.quantised[0] <= float(half_a_step + weight_error) * 1.000001
    assert float(worst) > 0.95 * quantised.bound.quantised[0]


def errors_before_clipping(stack, specification, counts):
    """Of each output, in float64: the last sum of the specification less that of the network at the same inputs."""
    last, hidden = specification.layers[-1], observations_of(specification.inputs, counts)
    for weight, bias in stack.layers[:-1]:
        hidden = np.maximum(hidden @ weight.T.astype(np.float64) + bias, 0)
    weight, bias = stack.layers[-1]
    held = ((specification.activations(counts)[-1] + last.rounding) >> last.shift) / specification.one
    return held - (hidden @ weight.T.astype(np.float64) + bias + stack.added)


def coarser(specification, bits):
    """The same with the lowest bits of all weights cut off: errors of weights then decide."""
    layers = tuple(replace(one, weight=(one.weight >> bits) << bits) for one in specification.layers)
    return replace(specification, layers=layers)


@pytest.mark.parametrize(("sizes", "bits"), [((5, 9, 4, 2), 8), ((32, 32, 32, 3), 6), ((3, 2), 0), ((4, 6, 2), 0)])
def test_affine_forms_enclose_the_errors_of_all_inputs(sizes, bits, make_policy, make_inputs, draw_counts):
    policy = make_policy(sizes, 1)
    stack, specification = stack_of(policy), coarser(integer_specification(policy, make_inputs(policy)), bits)
    low, high = affine_errors(stack, specification, rounding=False)
    corners = [sign_corners(specification, layer) for layer in range(len(specification.layers))]
    counts = np.concatenate([draw_counts(specification, 500), error_corners(specification, stack.layers), *corners])
    found = errors_before_clipping(stack, specification, counts)
    assert (found >= low - 1e-12).all() and (found <= high + 1e-12).all()
    wide, _ = affine_errors(stack, specification, rounding=True)
    assert (wide < low).all()


def test_affine_forms_are_reached_by_one_neuron_whose_weight_is_too_large(make_policy):
    """Between 0 and e: the half of the error that the form follows and the half that it does not make up all of it."""
    weights = {
        "layer_0.weight": np.array([[1.0]], np.float32), "layer_0.bias": np.zeros(1, np.float32),
        "layer_1.weight": np.array([[0.25]], np.float32), "layer_1.bias": np.zeros(1, np.float32),
    }  # fmt: skip
    policy = make_policy((1, 1, 1), weights=weights)
    specification = integer_specification(policy, contract_inputs(policy.features, 2.0))
    first = specification.layers[0]
    specification = replace(
        specification, layers=(replace(first, weight=first.weight + first.weight // 8), specification.layers[1])
    )
    low, high = affine_errors(stack_of(policy), specification, rounding=False)
    assert high[0] == pytest.approx(4.0 / 8 * 0.25, rel=1e-3)  # an eighth of the way from end to end, times 1/4
    most = np.array([[one.largest for one in specification.inputs]])
    assert errors_before_clipping(stack_of(policy), specification, most)[0, 0] == pytest.approx(high[0], rel=1e-3)


def test_affine_forms_halve_the_bound_of_the_goal(make_policy, make_inputs, monkeypatch):
    policy = make_policy((32, 32, 32, 3))
    tight = quantise(policy, make_inputs(policy)).bound
    none = np.full(3, 1e9)
    monkeypatch.setattr(bounds, "affine_errors", lambda *given, **named: (-none, none))
    wide = quantise(policy, make_inputs(policy)).bound
    for name in ("quantised", "rounded"):
        assert (np.array(getattr(tight, name)) < 0.6 * np.array(getattr(wide, name))).all()


def test_bound_of_float32_is_what_higham_gives_by_hand(make_policy):
    """One weight 1/2, one bias 1/4, an observation within +-2: rounding of the observation, then of a sum of two."""
    weights = {"layer_0.weight": np.array([[0.5]], np.float32), "layer_0.bias": np.array([0.25], np.float32)}
    policy = make_policy((1, 1), weights=weights)
    bound = quantise(policy, contract_inputs(policy.features, 2.0)).bound
    gamma = 2 * 2.0**-24 / (1 - 2 * 2.0**-24)
    observed = 2 * gamma
    assert bound.float32[0] == pytest.approx(0.5 * (observed + gamma * (2 + observed)) + 0.25 * gamma, rel=1e-12)


def test_climbing_beats_its_start_and_stays_in_range(policy, make_inputs):
    specification = integer_specification(policy, make_inputs(policy))
    layer = len(specification.layers) - 1
    starts = sign_corners(specification, layer)
    best = extreme_sums(specification, layer)
    sums = [specification.activations(counts)[layer] for counts in (starts, best)]
    outputs = sums[0].shape[1]
    before, after = (np.diag(one[:outputs]) - np.diag(one[outputs:]) for one in sums)
    assert (after >= before).all()
    assert np.array_equal(climb(lambda counts: np.zeros(len(counts)), starts, specification), starts)


def test_signs_of_the_bound_make_a_linear_policy_worst(make_policy, make_inputs):
    policy = make_policy((4, 2))
    specification = integer_specification(policy, make_inputs(policy))
    layers = plain_layers(policy)
    layer = specification.layers[0]
    # coarse weights, so that their errors and not the rounding of outputs decide
    coarse = replace(layer, weight=(layer.weight >> 9) << 9, bias=layer.bias)
    specification = replace(specification, layers=(coarse,))
    half = np.array([one.half for one in specification.inputs])
    unit = np.array([float(one.observation_step) for one in specification.inputs])
    off = coarse.weight / 2.0**coarse.sum_bits - layers[0][0] * unit

    def error(counts):  # of the weights alone, before clipping
        return (counts - half) @ off.T

    corners = np.array(list(product(*((0, one.largest) for one in specification.inputs))))
    found = error(error_corners(specification, layers))
    assert np.allclose(np.diag(found[:2]), error(corners).max(axis=0))
    assert np.allclose(np.diag(found[2:]), error(corners).min(axis=0))


@pytest.mark.parametrize("bits", [32, 36, 64])
def test_lanes_hold_signed_numbers(bits):
    rng, count = np.random.default_rng(0), 256 // bits
    half = 1 << (bits - 1)
    for numbers in [
        [-half + 1] * count,
        [half - 1] * count,
        [0] * count,
        *rng.integers(-half, half, (50, count)).tolist(),
    ]:
        word = pack_lanes(numbers, bits)
        assert 0 <= word < 1 << 256 and unpack_lanes(word, bits, count) == numbers
    a, b = (rng.integers(-1000, 1000, count).tolist() for _ in range(2))
    total = (7 * pack_lanes(a, bits) + pack_lanes(b, bits)) % (1 << 256)
    assert unpack_lanes(total, bits, count) == [7 * x + y for x, y in zip(a, b, strict=True)]


def test_inputs_are_counts_whose_middle_is_an_observation_of_zero():
    inputs = contract_inputs(("a", "b"), 10.0, {"b": LinearFeature("share", 0.3)})
    assert [one.normalised_by for one in inputs] == ["caller", "contract"]
    assert inputs[0].step == Fraction(1, 2048) and inputs[0].half == 20_480
    assert inputs[1].step == Fraction(1, 10_000) and inputs[1].half == 30_000  # +-3 by a ten-thousandth
    assert [read_input(one.to_dict()) for one in inputs] == list(inputs)
    seen = np.array([[0.0, 0.0], [10.0, -10.0], [1e9, -1e9], [0.25, 1 / 3]])
    counts = counts_of(inputs, seen)
    assert counts.tolist() == [[20_480, 30_000], [40_960, 0], [40_960, 0], [20_992, 31_000]]
    assert np.allclose(
        observations_of(inputs, counts), np.clip(seen, -10, 10), atol=float(max(i.rounding for i in inputs))
    )
    for limit in (0.0, np.inf, np.nan):
        with pytest.raises(ValueError, match="a finite number above 0"):
            contract_inputs(("a",), limit)


def test_features_of_the_world_that_are_linear_are_folded(make_policy):
    names = ("utilisation", "rival_debt", "return_1h", "feature_3", "lever_executed[slope2]")
    inputs = policy_inputs(make_policy((5, 4, 1), features=names))
    assert [one.normalised_by for one in inputs] == ["contract", "contract", "caller", "caller", "contract"]
    assert [one.unit for one in inputs] == ["share", "share of K0", "observation", "observation", "action units"]
    assert float(inputs[1].step / inputs[1].observation_step) == pytest.approx(0.5)
    assert [float(one.limit) for one in inputs] == [10, 10, 10, 10, 1]
    assert inputs[2].terms == (("return_1h", 1.0, "log", 0.02, "symlog", 10.0),)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"sizes": (33, 4, 1)}, r"has 33 inputs; a plain stack .* at most 32 inputs, each"),
        ({"activation": "tanh"}, "has the activation tanh; a plain stack"),
        ({"extra": "front.weight"}, r"has front\.weight beside its layers; a plain stack"),
    ],
)
def test_policies_that_do_not_fit_are_refused_by_name(changes, why, make_policy, make_inputs):
    extra = changes.pop("extra", None)
    policy = make_policy(**changes)
    if extra:
        policy.weights[extra] = np.zeros(3, np.float32)
    with pytest.raises(ExportError, match=f"the policy of rate_0 {why}"):
        quantise(policy, make_inputs(policy))


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("incumbent", Incumbent("adaptive", (0.0, 0.0), (Slope("lever_0", "feature_0", 0.1, 0.0, 1.0, 1.0, False),))),
        ("change", Change(0.5, 1.0, 1.0)),
        ("front", Front("recurrent", ("feature_0",), 24)),
    ],
)
def test_what_a_policy_has_beside_a_plain_stack_is_refused(policy, part, value, make_inputs):
    object.__setattr__(policy, part, value)
    with pytest.raises(ExportError, match="of the architecture recurrent" if part == "front" else f"has {part} = "):
        quantise(policy, make_inputs(policy))


def test_a_residual_around_constants_has_them_in_its_last_bias(policy, make_inputs, draw_counts):
    """The whole policy is the reference: clip(constant + output), with the constants in float32."""
    held = (0.6180339887, -0.3)
    residual = replace(policy, incumbent=Incumbent("constants", held))
    specification, plain_one = (integer_specification(one, make_inputs(one)) for one in (residual, policy))
    last, other = specification.layers[-1], plain_one.layers[-1]
    assert last.sum_bits == other.sum_bits and np.array_equal(last.weight, other.weight)
    assert (last.bias - other.bias) / 2.0**last.sum_bits == pytest.approx(held, abs=2e-7)
    bound, seen = error_bound(stack_of(residual), specification), largest_errors(specification, stack_of(residual))
    assert (seen <= np.array(bound.quantised) + bound.float32).all()
    counts = draw_counts(specification, 300)
    acted = PolicyGovernor(residual).act_on(observations_of(specification.inputs, counts).astype(np.float32))
    assert np.abs(specification.decide(counts) / specification.one - acted).max() <= seen.max() * 1.2
    assert bound.float32 > error_bound(stack_of(policy), plain_one).float32


@pytest.mark.parametrize("lanes", [1, 3, 9, 16])
def test_lanes_whose_sums_would_leave_64_bits_are_refused(policy, lanes, make_inputs):
    document = integer_specification(policy, make_inputs(policy)).to_dict()
    with pytest.raises(ValueError, match=f"3 layers and {lanes} lanes; 1 or more, and 4 to 8, are accepted"):
        read_specification(document | {"lanes": lanes})


def test_weights_that_no_scale_fits_are_refused(make_policy, make_inputs):
    policy = make_policy()
    policy.weights["layer_1.weight"] *= np.float32(1e9)
    with pytest.raises(ExportError, match="no scale keeps the sums of layer 1 within 36 bits; fewer lanes"):
        quantise(policy, make_inputs(policy))
    with pytest.raises(ValueError, match="lanes is 9"):
        quantise(make_policy(), make_inputs(make_policy()), lanes=9)


def test_dead_neurons_and_zero_weights(make_policy, make_inputs, draw_counts, run_as_python):
    policy = make_policy((4, 9, 1))
    policy.weights["layer_0.weight"][:] = 0.0
    policy.weights["layer_0.weight"][0, 1] = 1.0
    policy.weights["layer_0.bias"][:] = -1.0
    specification = integer_specification(policy, make_inputs(policy, fold=False))
    decide = run_as_python(vyper_source(specification))
    for row in draw_counts(specification, 5):
        assert decide(pack(row)) == specification.decide(row[None])[0].tolist()
