"""Compact policies: 32 named features as inputs, and the integer specification as a governor like any other."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from protogov.agents.background import check_policy
from protogov.agents.baselines import make_governor
from protogov.agents.onchain.bounds import error_bound
from protogov.agents.onchain.compiler import MOST_CODE, compile_vyper
from protogov.agents.onchain.features import policy_inputs
from protogov.agents.onchain.governor import ContractGovernor, SpecificationGovernor, load_contract
from protogov.agents.onchain.inputs import Term, contract_input, counts_of, summed
from protogov.agents.onchain.machine import gas_report
from protogov.agents.onchain.manifest import FORMAT, VERSION, ManifestError
from protogov.agents.onchain.network import ExportError, plain_layers, stack_of
from protogov.agents.onchain.quantise import integer_specification
from protogov.agents.onchain.vyper_source import vyper_source
from protogov.agents.policies import PolicyError, PolicyGovernor
from protogov.agents.policies.architectures import COMPACT_INPUTS
from protogov.agents.policies.execution import Change
from protogov.envs.config import WorldConfig
from protogov.envs.simulator import Simulator
from protogov.envs.world.features import FEATURES, LIMIT

TINY = WorldConfig(size="tiny", roles=("rate",), decision_hours=6)


@pytest.fixture(scope="module")
def integers():
    """The specification of a compact policy, made once a policy."""
    known = {}

    def specification(policy):
        key = policy.weights["layer_0.weight"].tobytes()
        if key not in known:
            known[key] = integer_specification(policy, policy_inputs(policy))
        return known[key]

    return specification


@pytest.fixture
def governor(make_compact, integers):
    return SpecificationGovernor(integers(make_compact(TINY)), 6.0)


def save_manifest(governor, path):
    """As much of a manifest as a governor needs."""
    about = {
        "format": FORMAT,
        "version": VERSION,
        "agent": governor.agent,
        "decision_hours": governor.decision_hours,
        "specification": governor.specification.to_dict(),
    }
    path.write_text(json.dumps(about))
    return path


def drawn(policy, count, seed=0):
    """Observations F32[count, d]: levers in force within +-1, announced changes within what keeps them there."""
    rng = np.random.default_rng(seed)
    seen = np.clip(rng.normal(scale=3, size=(count, len(policy.features))), -LIMIT, LIMIT)
    for lever in (name.split("[")[1] for name in COMPACT_INPUTS if name.startswith("bound[")):
        executed, pending = (policy.features.index(f"{part}[{lever}") for part in ("lever_executed", "lever_pending"))
        now, bound = rng.uniform(-1, 1, (2, count))
        seen[:, executed], seen[:, pending] = now, (bound - now) / FEATURES["lever_pending"].scale
    return seen.astype(np.float32)


def test_inputs_are_the_named_features(make_compact):
    inputs = {one.name: one for one in policy_inputs(make_compact(TINY))}
    assert list(inputs) == list(COMPACT_INPUTS) and len(inputs) == 32
    for name, one in inputs.items():
        assert {term.feature: term.weight for term in one.terms} == dict(COMPACT_INPUTS[name])
        linear = all(FEATURES[term.feature.split("[")[0]].transform == "linear" for term in one.terms)
        assert one.normalised_by == ("contract" if linear else "caller")
    bound, outflow = inputs["bound[slope2]"], inputs["net_outflow_day"]
    assert (bound.unit, float(bound.step), bound.largest, bound.limit) == ("action units", 5e-5, 40_000, 1)
    assert [bound.value_weight(term) for term in bound.terms] == pytest.approx([1.0, 1.0])
    assert (outflow.limit, outflow.reach) == (20, 20) and bound.reach == pytest.approx(3 - 2 + 2)


def test_a_sum_of_another_meaning_keeps_the_whole_range(make_compact):
    policy = make_compact(TINY)
    other = {**COMPACT_INPUTS, "bound[slope2]": {"congestion": 2.0}}
    inputs = {one.name: one for one in policy_inputs(replace(policy, front=replace(policy.front, inputs=other)))}
    assert inputs["bound[slope2]"].limit == 20 and inputs["bound[slope1]"].limit == 1


def test_counts_follow_from_values_in_their_own_units(make_compact, governor):
    """By the formulas of the manifest, from physical values, without the observation."""
    specification, policy = governor.specification, make_compact(TINY)
    seen = np.zeros((1, len(policy.features)), np.float32)
    values = {"congestion": 0.3, "return_6h": -0.05, "lever_executed[slope2]": 0.25, "lever_pending[slope2]": -0.1}
    for name, value in values.items():
        feature = FEATURES[name.split("[")[0]]
        scaled = value / feature.scale
        seen[0, policy.features.index(name)] = (
            scaled if feature.transform == "linear" else np.sign(scaled) * np.log1p(abs(scaled))
        )
    counts = counts_of(specification.inputs, summed(specification.inputs, policy.features, seen))[0]
    found = {one.name: count - one.half for one, count in zip(specification.inputs, counts, strict=True)}
    assert found["congestion"] == round(0.3 / 0.0002)
    assert found["return_6h"] == -round(np.log1p(0.05 / 0.04) * 2048)
    assert found["bound[slope2]"] == round(0.15 / 5e-5)
    assert sum(map(bool, found.values())) == 3


def test_specification_is_within_its_bound_of_the_whole_policy(make_compact, integers):
    policy = make_compact(TINY)
    specification = integers(policy)
    bound = error_bound(stack_of(policy), specification)
    seen = drawn(policy, 3_000)
    expected = PolicyGovernor(policy).act_on(seen).astype(np.float64)
    errors = np.abs(SpecificationGovernor(specification, 6.0).act_on(seen, policy.features) - expected).max(axis=0)
    assert (errors <= np.array(bound.rounded) + bound.float32).all()
    assert (errors > 0).all() and np.abs(expected).max() == 1


def test_float32_is_within_its_bound_of_exact_sums(make_compact, integers):
    policy = make_compact(TINY)
    seen, hidden = drawn(policy, 3_000), None
    for weight, bias in plain_layers(policy):
        entry = seen @ policy.front.matrix().T.astype(np.float64) if hidden is None else np.maximum(hidden, 0)
        hidden = entry @ weight.T.astype(np.float64) + bias
    off = np.abs(PolicyGovernor(policy).act_on(seen) - np.clip(hidden, -1, 1)).max(axis=0)
    assert (off > 0).all() and (off <= error_bound(stack_of(policy), integers(policy)).float32).all()


def test_action_of_a_row_is_the_same_in_any_batch_and_in_any_order_of_names(governor, make_compact):
    policy = make_compact(TINY)
    seen = drawn(policy, 64)
    together = governor.act_on(seen, policy.features)
    assert np.array_equal(together, np.concatenate([governor.act_on(row[None], policy.features) for row in seen]))
    order = np.random.default_rng(0).permutation(len(policy.features))
    assert np.array_equal(together, governor.act_on(seen[:, order], [policy.features[i] for i in order]))
    assert (together * governor.specification.one == np.rint(together * governor.specification.one)).all()


def test_manifest_is_a_governor_on_a_seat_in_a_background_a_fork_and_a_snapshot(governor, tmp_path):
    path = save_manifest(governor, tmp_path / "manifest.json")
    world = Simulator(TINY, 3)
    role = world.roles["rate_0"]
    loaded = make_governor(str(path), role)
    assert loaded.specification.to_dict() == governor.specification.to_dict()
    check_policy(loaded, world.places["rate_0"], TINY)
    behind = Simulator(replace(TINY, roles=("rate", "risk"), background={"rate_0": str(path)}), 3)
    hands = Simulator(replace(TINY, roles=("rate", "risk")), 3)
    for one in (behind, hands):
        one.reset()
    still = {"risk_0": np.zeros((3, behind.action_size("risk_0")), np.float32)}

    def moved(one):
        mine = {} if one is not hands else {"rate_0": loaded.act(hands.view("rate_0"))}
        return one.step({**still, **mine}).executed["rate_0"]

    for _ in range(3):
        assert np.array_equal(moved(behind), moved(hands))
    kept, fork = behind.snapshot(), behind.fork(np.array([0, 1, 2]))
    expected = moved(behind)
    assert np.array_equal(fork.step(still).executed["rate_0"], expected)
    behind.restore(kept)
    assert np.array_equal(moved(behind), expected)
    assert loaded.state_dict() == {}


def test_seats_that_a_contract_does_not_fit_are_refused(governor, tmp_path):
    seat = Simulator(TINY, 1).places["rate_0"]
    with pytest.raises(ValueError, match=r"decides every 6 hours; the world's decision_hours is 12"):
        check_policy(governor, seat, replace(TINY, decision_hours=12))
    with pytest.raises(PolicyError, match=r"reads return_6h, return_24h, .* and 38 more, which this observation lacks"):
        governor.check_features(("congestion", "utilisation"))
    with pytest.raises(PolicyError, match="which this observation lacks"):
        governor.act(SimpleNamespace(feature_names=("congestion",), obs=np.zeros((1, 1), np.float32)))
    path = save_manifest(governor, tmp_path / "manifest.json")
    other = Simulator(replace(TINY, roles=("risk",)), 1).roles["risk_0"]
    with pytest.raises(PolicyError, match=r"manifest\.json: sets .*slope2.*; this role sets "):
        make_governor(str(path), other)
    path.write_text(path.read_text().replace('"decision_hours": 6.0', '"decision_hours": 0'))
    with pytest.raises(ManifestError, match="decision_hours is 0"):
        load_contract(path)


def test_what_a_compact_policy_has_beside_its_stack_is_refused(make_compact):
    policy = replace(make_compact(TINY), change=Change(0.5, 1.0, 0.2))
    with pytest.raises(ExportError, match="has change = "):
        plain_layers(policy)


@pytest.mark.parametrize("terms", [(), (Term("a", 0.0, "", 1.0, "", 10.0),), (Term("a", 1.0, "", 0.0, "", 10.0),)])
def test_sums_that_are_none_are_refused(terms):
    with pytest.raises(ValueError, match="accepted"):
        contract_input("a", terms)


@pytest.mark.parametrize("hidden", [(4,), pytest.param((32, 32), marks=pytest.mark.long)])
def test_contract_governs_as_the_specification_within_the_goal(hidden, make_compact):
    for module in ("vyper", "pyrevm"):
        pytest.importorskip(module, reason="needs the optional extra: pip install 'protogov[evm]'")
    policy = make_compact(TINY, hidden=hidden)
    specification = integer_specification(policy, policy_inputs(policy))
    governor = SpecificationGovernor(specification, 6.0)
    code = compile_vyper(vyper_source(specification))
    contract = ContractGovernor(specification, 6.0, code)
    seen = drawn(policy, 40)
    actions = governor.act_on(seen, policy.features)
    assert np.array_equal(contract.act_on(seen, policy.features), actions) and len(np.unique(actions[:, 0])) > 10
    report = gas_report(code, specification, [[257] * 32])
    assert report.execution < 11_000 and report.code_bytes < 16_000 < MOST_CODE
