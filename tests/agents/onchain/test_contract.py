"""Contracts in an EVM: equal to the integer specification, refused out of range, gas as pinned, weights read back.

Needs the optional extra `evm`, and py-evm for a second EVM.
"""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from protogov.agents.baselines import make_governor
from protogov.agents.onchain.compiler import MOST_CODE, compile_vyper
from protogov.agents.onchain.decode import DecodeError, decode_layers, layer_places
from protogov.agents.onchain.features import policy_inputs
from protogov.agents.onchain.governor import SpecificationGovernor
from protogov.agents.onchain.inputs import counts_of, observations_of, summed
from protogov.agents.onchain.machine import Deployed, calldata, calldata_gas, gas_report, read_outputs
from protogov.agents.onchain.manifest import first_difference, make_contract, verify
from protogov.agents.onchain.network import plain_layers, stack_of
from protogov.agents.onchain.quantise import integer_specification
from protogov.agents.onchain.search import climb, error_corners, errors, extreme_sums, largest_errors, sign_corners
from protogov.agents.onchain.vyper_source import vyper_source
from protogov.agents.policies import PolicyGovernor
from protogov.agents.policies.policy import load_policy_file
from protogov.agents.zoo import zoo_policies
from protogov.envs.config import WorldConfig
from protogov.envs.simulator import Simulator

for module in ("vyper", "pyrevm"):
    pytest.importorskip(module, reason="needs the optional extra: pip install 'protogov[evm]'")

GOAL_SHAPE = (32, 32, 32, 3)


@pytest.fixture(scope="module")
def compiled():
    """(specification, code) of a policy, compiled once a text."""
    known = {}

    def compile_policy(policy, inputs, lanes=7):
        specification = integer_specification(policy, inputs, lanes)
        source = vyper_source(specification)
        if source not in known:
            known[source] = compile_vyper(source)
        return specification, known[source]

    return compile_policy


def worst_counts(specification, policy):
    """Inputs on which each sum is at its largest and smallest, and on which each action's error climbs."""
    layers = range(len(specification.layers))
    counts = [extreme_sums(specification, layer) for layer in layers]
    corners = [sign_corners(specification, layer) for layer in layers]
    starts = np.concatenate([*corners, error_corners(specification, plain_layers(policy))])
    act = PolicyGovernor(policy).act_on
    for lever in range(len(specification.levers)):

        def score(tried, lever=lever):
            return errors(specification, act, tried)[:, lever]

        counts.append(climb(score, starts, specification, sweeps=1))
    return np.concatenate([*counts, starts])


@pytest.mark.parametrize(
    ("sizes", "lanes"), [(GOAL_SHAPE, 7), ((5, 9, 4, 2), 8), ((17, 4, 3, 6, 1), 4), ((3, 2), 7), ((1, 1), 7)]
)
def test_contract_is_the_specification(sizes, lanes, make_policy, make_inputs, draw_counts, compiled):
    policy = make_policy(sizes)
    specification, code = compiled(policy, make_inputs(policy, fold=sizes != GOAL_SHAPE), lanes)
    contract = Deployed(code, specification)
    counts = np.concatenate([draw_counts(specification, 340), worst_counts(specification, policy)])
    if len(specification.inputs) <= 5:
        ends = product(*((0, one.largest) for one in specification.inputs))
        counts = np.concatenate([counts, list(ends)])
    for row, outputs in zip(counts, specification.decide(counts).tolist(), strict=True):
        assert contract.decide(row) == outputs


@pytest.mark.parametrize("index", [0, 1, 4])
def test_contract_reverts_out_of_range(policy, index, make_inputs, compiled):
    specification, code = compiled(policy, make_inputs(policy))
    contract = Deployed(code, specification)
    counts = [one.largest for one in specification.inputs]
    contract.decide(counts)
    for wrong in (counts[index] + 1, 65_535):
        with pytest.raises(RuntimeError, match="[Rr]evert"):
            contract.decide([*counts[:index], wrong, *counts[index + 1 :]])
    good = calldata(specification, counts)
    for bad in (good[:-1], b"", good[:4], b"\1" + good[1:], good[:4] + bytes([1]) + good[5:]):
        with pytest.raises(RuntimeError, match="[Rr]evert"):
            contract.call(bad)


def test_second_evm_gives_the_same(policy, make_inputs, draw_counts, compiled):
    chains = pytest.importorskip("eth.chains.base", reason="needs a second EVM: pip install py-evm")
    from eth.db.atomic import AtomicDB
    from eth.vm.forks.cancun import CancunVM

    specification, code = compiled(policy, make_inputs(policy))
    place, caller = b"\x22" * 20, b"\x11" * 20
    genesis = {"difficulty": 0, "gas_limit": 30_000_000, "timestamp": 1, "extra_data": b"", "nonce": bytes(8)}
    chain = chains.MiningChain.configure(__name__="Chain", vm_configuration=((0, CancunVM),))
    account = {"balance": 0, "nonce": 1, "code": code.runtime, "storage": {}}
    machine = chain.from_genesis(
        AtomicDB(), {**genesis, "mix_hash": bytes(32), "coinbase": bytes(20)}, {place: account}
    ).get_vm()
    counts = np.concatenate([draw_counts(specification, 30), extreme_sums(specification, 2)])
    other = Deployed(code, specification)
    for row, outputs in zip(counts, specification.decide(counts).tolist(), strict=True):
        data = calldata(specification, row)
        run = machine.execute_bytecode(
            origin=caller, gas_price=0, gas=10**7, to=place, sender=caller, value=0, data=data, code=code.runtime
        )
        assert not run.is_error and read_outputs(run.output) == outputs
        assert other.decide(row) == outputs
        assert run.get_gas_used() == other.gas_used - 21_000 - calldata_gas(data)


def test_gas_of_the_goal_is_pinned(make_policy, make_inputs, draw_counts, compiled):
    policy = make_policy(GOAL_SHAPE)
    specification, code = compiled(policy, make_inputs(policy, fold=False))
    counts = [*draw_counts(specification, 2), np.full(32, 257)]  # 257 is two bytes that are not 0
    report = gas_report(code, specification, counts)
    assert report.to_dict() == {"code_bytes": 15_764, "deploy": 3_434_904, "execution": 9_902, "transaction": 31_990}
    assert report.execution < 11_000 and report.code_bytes < 16_000 < MOST_CODE
    # what it costs says nothing of the inputs
    assert {gas_report(code, specification, [one]).execution for one in counts} == {report.execution}


@pytest.mark.long
@pytest.mark.parametrize("agent", ["rate_0", "risk_0", "spread_0"])
def test_shipped_compact_policies_are_within_the_goal_and_the_empirical_limit_holds_in_play(agent, compiled):
    """In play: at observations of episodes that they govern, which the search of errors has not seen."""
    policy = load_policy_file(zoo_policies("zoo/compact")[agent])
    specification, code = compiled(policy, policy_inputs(policy))
    report = gas_report(code, specification, [np.full(32, 257)])
    assert report.execution < 11_000 and report.code_bytes < 16_000
    world = Simulator(WorldConfig(episode_hours=168), 32, scenario="mix")
    world.reset(seeds=11)
    governors = {name: make_governor("zoo/compact", role, agent=name) for name, role in world.roles.items()}
    whole, off = SpecificationGovernor(specification, 6.0), np.zeros(len(specification.levers))
    while not world.truncated().any():
        view = world.view(agent)
        exact = observations_of(specification.inputs, counts_of(specification.inputs, summed(
            specification.inputs, view.feature_names, view.obs)))  # fmt: skip
        gap = np.abs(whole.act(view) - stack_of(policy).act(exact.astype(np.float32))).max(axis=0)
        off = np.maximum(off, gap)
        world.step({name: governor.act(world.view(name)) for name, governor in governors.items()})
    seen = largest_errors(specification, stack_of(policy))
    assert (off > 0).all() and (off <= 1.2 * seen).all()


def test_gas_of_eight_lanes_is_less(make_policy, make_inputs, compiled):
    policy = make_policy((2, 16, 1))
    reports = [
        gas_report(code, specification, [[0] * 2])
        for specification, code in (compiled(policy, make_inputs(policy), lanes) for lanes in (4, 7, 8))
    ]
    assert reports[0].execution > reports[1].execution > reports[2].execution


def test_weights_are_read_back_from_code(make_policy, make_inputs, compiled):
    policy = make_policy((4, 9, 4, 2))
    # 1, -1, powers of two and 0 are those that a compiler writes otherwise
    for numbers in (None, (1.0, -1.0, 0.5, 0.0)):
        if numbers:
            for weight in policy.weights.values():
                weight[:] = np.resize(np.array(numbers, np.float32), weight.shape)
        specification, code = compiled(policy, make_inputs(policy, fold=False))
        if numbers:
            layer = specification.layers[-1]
            weight = np.array([[1, -1, 2, 0], [0, 0, 0, 0]])
            specification = replace(specification, layers=(*specification.layers[:-1], replace(layer, weight=weight)))
            code = compile_vyper(vyper_source(specification))
        found = decode_layers(code.runtime, specification, layer_places(specification, code.runtime))
        for (weight, bias), layer in zip(found, specification.layers, strict=True):
            assert np.array_equal(weight, layer.weight) and np.array_equal(bias, layer.bias)


@pytest.mark.parametrize(("layer", "neuron", "column"), [(0, 8, 4), (1, 3, 8), (2, 1, 0)])
def test_first_weight_that_differs_is_named(policy, layer, neuron, column, make_inputs, compiled):
    specification, code = compiled(policy, make_inputs(policy))
    one = specification.layers[layer]
    weight, bias = one.weight.copy(), one.bias.copy()
    stated = weight[neuron, column]
    weight[neuron, column] += 1
    bias[-1] -= 1
    changed = (
        *specification.layers[:layer],
        replace(one, weight=weight, bias=bias),
        *specification.layers[layer + 1 :],
    )
    given = compile_vyper(vyper_source(replace(specification, layers=changed))).runtime
    expected = (
        f"layer {layer}, neuron {neuron}, input {column} has weight {stated + 1} in the code and {stated} in the "
    )
    assert first_difference(specification, given, code.runtime).startswith(expected)


def test_a_bias_another_byte_and_other_code_are_told_apart(policy, make_inputs, compiled):
    specification, code = compiled(policy, make_inputs(policy))
    one = specification.layers[1]
    bias = one.bias.copy()
    bias[2] += 5
    changed = replace(specification, layers=(specification.layers[0], replace(one, bias=bias), specification.layers[2]))
    text = first_difference(specification, compile_vyper(vyper_source(changed)).runtime, code.runtime)
    assert text.startswith(
        f"layer 1, neuron 2 has bias {one.bias[2] + 5} in the code and {one.bias[2]} in the manifest"
    )
    cut = code.runtime[:-1] + bytes([code.runtime[-1] ^ 1])
    text = first_difference(specification, cut, code.runtime)
    assert text.startswith("all weights are equal, yet") and text.endswith(f"at byte {len(cut) - 1:,}")
    with pytest.raises(DecodeError, match="holds 0 words of sums"):
        decode_layers(b"\x60\x00", specification, layer_places(specification, code.runtime))
    assert "holds 0 words of sums" in first_difference(specification, b"\x60\x00", code.runtime)


def test_manifest_and_code_are_verified(make_policy, tmp_path):
    contract = make_contract(make_policy((3, 4, 2)))
    manifest, code = tmp_path / "manifest.json", tmp_path / "code.hex"
    about = contract.manifest()
    manifest.write_text(json.dumps(about))
    code.write_text(contract.code.runtime.hex())
    assert verify(manifest, code).problem == ""
    limit = np.array(about["error"]["empirical_limit"])
    assert (limit <= 1.2 * np.array(contract.seen) * (1 + 1e-12)).all() and (limit > 0).all()
    assert (np.array(contract.seen) <= np.array(contract.bound.quantised) + contract.bound.float32).all()
    row = about["specification"]["layers"][0]["weight"][1]
    row[2] += 1
    manifest.write_text(json.dumps(about))
    assert (
        f"layer 0, neuron 1, input 2 has weight {row[2] - 1} in the code and {row[2]}" in verify(manifest, code).problem
    )
    row[2] -= 1
    about["code_keccak256"] = "00" * 32
    manifest.write_text(json.dumps(about))
    assert "states code_keccak256 0000" in verify(manifest, code).problem
