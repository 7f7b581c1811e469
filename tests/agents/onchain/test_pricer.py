"""A pricer's quantile head as a contract: outputs with ends of their own, and how they are read."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from protogov.agents.baselines import make_governor
from protogov.agents.onchain import manifest
from protogov.agents.onchain.affine import affine_errors
from protogov.agents.onchain.bounds import error_bound
from protogov.agents.onchain.compiler import MOST_CODE, compile_vyper
from protogov.agents.onchain.features import network_inputs
from protogov.agents.onchain.heads import QUANTILES, quantile_outputs, quantiles
from protogov.agents.onchain.inputs import observations_of, pack
from protogov.agents.onchain.machine import Deployed, gas_report
from protogov.agents.onchain.network import ExportError, stack_of
from protogov.agents.onchain.pricer import SpecificationPricer, load_pricer_contract
from protogov.agents.onchain.quantise import integer_specification
from protogov.agents.onchain.search import extreme_sums
from protogov.agents.onchain.specification import read_specification
from protogov.agents.onchain.vyper_source import vyper_source
from protogov.agents.pricing.features import FEATURES
from protogov.agents.pricing.learned import LearnedPricer, PricerFile, load_pricer_file
from protogov.agents.pricing.networks import FLOOR, make_network
from protogov.agents.pricing.quantile_law import LEVELS, MEDIAN
from protogov.agents.pricing.recording import record, record_world
from protogov.agents.pricing.shape import make_shape
from protogov.agents.zoo import zoo_pricer
from protogov.envs.config import WorldConfig
from protogov.envs.roles import ROLES


def make_pricer(generation="compact", inputs="chain", seed=0):
    """A pricer with fresh weights, of which the last layer's are large enough for steps to reach their floor."""
    shape = make_shape(generation, inputs)
    weights = {name: array.numpy().copy() for name, array in make_network(shape, seed).state_dict().items()}
    last = max(name for name in weights if name.endswith("weight"))
    weights[last] *= 4.0
    return PricerFile("small", shape, "pool", weights)


@pytest.fixture(scope="module")
def pricer():
    return make_pricer()


@pytest.fixture(scope="module")
def specification(pricer):
    return integer_specification(pricer, network_inputs(pricer))


def test_outputs_are_the_median_and_steps_above_their_floor(pricer, specification, draw_counts):
    assert specification.head == QUANTILES and specification.levers == quantile_outputs()
    assert specification.levers[:1] == ("step from 0.0025 to 0.005",) and specification.levers[MEDIAN] == "median"
    assert specification.levers[-1] == "step from 0.995 to 0.9975" and len(specification.levers) == len(LEVELS)
    floor = round(FLOOR * specification.one)
    assert specification.ends[0] == specification.ends[-1] == (floor, None)
    assert specification.ends[MEDIAN] == (None, None)
    outputs = specification.decide(draw_counts(specification, 300))
    steps = np.delete(outputs, MEDIAN, axis=1)
    assert steps.min() == floor and (steps == floor).mean() > 0.05 and (steps > floor).mean() > 0.5
    assert outputs[:, MEDIAN].min() < 0 < outputs[:, MEDIAN].max()
    assert (np.diff(quantiles(outputs), axis=1) >= floor).all()
    assert read_specification(specification.to_dict()).to_dict() == specification.to_dict()


def test_steps_add_up_as_the_network_adds_them_up(pricer):
    import torch

    network = LearnedPricer(pricer)._network
    seen = np.random.default_rng(0).normal(size=(50, len(pricer.shape.inputs))).astype(np.float32)
    with torch.no_grad():
        expected = network(torch.from_numpy(seen), torch.zeros(50, 1, 0), torch.zeros(50, 0, 0)).numpy()
    assert quantiles(stack_of(pricer).act(seen)) == pytest.approx(expected, abs=1e-12)


def test_specification_is_within_its_bound_of_the_network(pricer, specification, draw_counts):
    stack = stack_of(pricer)
    bound = error_bound(stack, specification)
    counts = draw_counts(specification, 300)
    seen = observations_of(specification.inputs, counts).astype(np.float32)
    off = np.abs(specification.decide(counts) / specification.one - stack.act(seen)).max(axis=0)
    assert (off > 0).all() and (off <= np.array(bound.quantised) + bound.float32).all()
    assert max(bound.quantised) < 60 * off.max(), "the bound says nothing"
    low, high = affine_errors(stack, specification, rounding=False)
    # steps are held above a floor that whole numbers round
    rounded = abs(round(FLOOR * specification.one) / specification.one - FLOOR)
    assert (np.array(bound.quantised) <= np.maximum(high, -low) + rounded + 1e-15).all()


def test_laws_in_whole_numbers_are_those_of_the_pricer(pricer, specification):
    market = record(record_world(WorldConfig(episode_hours=48)), "jump", 5, 4, training=True)
    own, whole = LearnedPricer(pricer), SpecificationPricer(specification)
    bound = error_bound(stack_of(pricer), specification)
    far = (np.array(bound.rounded) + bound.float32).sum()  # a quantile is a sum of steps
    for reading in market.readings[::3]:
        scale = np.repeat(reading.reference_vol(), reading.hours.shape[1])
        one, other = (each.laws(reading).quantiles for each in (own, whole))
        assert 0 < np.abs(one - other).max() <= far * scale.max()


def test_generated_text_computes_the_specification(specification, draw_counts, run_as_python):
    decide = run_as_python(vyper_source(specification))
    counts = draw_counts(specification, 4)
    for row, outputs in zip(counts, specification.decide(counts).tolist(), strict=True):
        assert decide(pack(row)) == outputs


def test_inputs_have_the_scaling_of_their_table(specification):
    for one in specification.inputs:
        row = FEATURES[one.name]
        assert one.normalised_by == ("caller" if row.symlog else "contract")
        assert [(term.feature, term.scale) for term in one.terms] == [(row.name, row.scale)]
        if not row.symlog:
            assert one.unit == row.unit and float(one.step / one.observation_step) == pytest.approx(row.scale)


@pytest.mark.parametrize("generation", ["linear", "mlp", "recurrent", "attention"])
def test_other_generations_are_refused_by_name(generation):
    other = make_pricer(generation)
    with pytest.raises(ExportError, match=f"the pricer small is of the generation {generation}; a pricer of the gen"):
        integer_specification(other, network_inputs(other))


def test_a_manifest_of_a_pricer_is_no_governor_and_one_of_another_head_no_pricer(specification, tmp_path):
    path = tmp_path / "manifest.json"
    about = {"format": manifest.FORMAT, "version": manifest.VERSION, "specification": specification.to_dict()}
    path.write_text(json.dumps(about))
    assert load_pricer_contract(path).specification.to_dict() == specification.to_dict()
    with pytest.raises(ValueError, match=r"manifest\.json: its outputs are quantiles; a governor needs actions"):
        make_governor(path, ROLES["rate"])
    about["specification"]["head"] = "actions"
    path.write_text(json.dumps(about | {"decision_hours": 6}))
    with pytest.raises(ValueError, match=r"its outputs are actions; a pricer needs quantiles"):
        load_pricer_contract(path)
    about["specification"]["head"] = "prices"
    path.write_text(json.dumps(about))
    with pytest.raises(ValueError, match="the head 'prices'; one each, and actions or quantiles, are accepted"):
        load_pricer_contract(path)


@pytest.mark.long
def test_contract_of_the_shipped_pricer_is_its_specification_and_its_gas_is_pinned(draw_counts):
    for module in ("vyper", "pyrevm"):
        pytest.importorskip(module, reason="needs the optional extra: pip install 'protogov[evm]'")
    shipped = load_pricer_file(zoo_pricer("zoo/pricer"))
    specification = integer_specification(shipped, network_inputs(shipped))
    code = compile_vyper(vyper_source(specification))
    contract = Deployed(code, specification)
    ends = [extreme_sums(specification, layer) for layer in range(3)]
    counts = np.concatenate([draw_counts(specification, 340), *ends])
    for row, outputs in zip(counts, specification.decide(counts).tolist(), strict=True):
        assert contract.decide(row) == outputs
    gas = gas_report(code, specification, [np.full(29, 257)])  # two bytes that are not 0
    assert gas.to_dict() == {"code_bytes": 21_259, "deploy": 4_610_185, "execution": 14_162, "transaction": 36_178}
    assert gas.code_bytes < MOST_CODE


def test_ends_are_held_where_they_matter(specification):
    """A lane that no accepted input can fill needs no test, and the text has none."""
    source = vyper_source(specification)
    floor = round(FLOOR * specification.one)
    zero = 1 << (specification.lane_bits - 1 - specification.layers[-1].shift)
    assert source.count(f"max({zero + floor}, ") == len(LEVELS) - 1 and "min(" not in source
    capped = replace(specification, ends=((floor, 2 * floor),) * len(LEVELS))
    assert vyper_source(capped).count("min(") == len(LEVELS)
