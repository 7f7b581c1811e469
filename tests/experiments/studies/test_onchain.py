"""`protogov study onchain`: equivalence by two one-sided tests, and one episode governed by contracts in an EVM."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from protogov.agents.onchain import extra
from protogov.agents.onchain.governor import ContractGovernor, SpecificationGovernor
from protogov.agents.policies import Policy
from protogov.agents.policies.architectures import make_front
from protogov.envs.simulator import Simulator
from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.core import quantised
from protogov.experiments.core.evaluation import evaluate
from protogov.experiments.core.pieces import HERE
from protogov.experiments.core.play import tape_seeds
from protogov.experiments.core.quantised import equivalence, training_markets, welfare_of
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import records
from protogov.experiments.errors import BadInput
from protogov.experiments.figures.style import look
from protogov.experiments.studies import onchain
from protogov.experiments.studies.onchain import STUDY, Options, judge, measure

WORLD = WorldOptions(size="tiny", roles=("rate",), decision_hours=6, episode_hours=48)


@pytest.fixture(scope="module")
def policies(tmp_path_factory):
    """A folder with a compact policy of random weights; its network has no hidden layer, so that it compiles fast."""
    folder, world = tmp_path_factory.mktemp("policies"), Simulator(WORLD.make(), 1)
    levers, rng = world.roles["rate_0"].levers, np.random.default_rng(0)
    front = make_front("compact", world.observation_names("rate_0"))
    weights = {
        "layer_0.weight": rng.normal(scale=0.3, size=(len(levers), 32)).astype(np.float32),
        "layer_0.bias": np.zeros(len(levers), np.float32),
    }
    Policy("rate_0", front.features, levers, (), "relu", None, 6.0, weights, front=front).save(folder)
    return folder


def options(policies, **changes):
    return replace(Options(governors=(policies,), scenarios=("natural",), tapes=3, world=WORLD), **changes)


def found(changes, gaps=(0.0, 0.0), margin=0.2):
    """What a study might have found: changes of W on natural."""
    changes = np.asarray(changes, float)
    welfare = {
        "scenario": np.full(len(changes), "natural"),
        "tape_seed": np.arange(len(changes)),
        "before": np.zeros(len(changes)),
        "after": changes,
    }
    contract = {
        "decision": np.arange(len(gaps)),
        "agent": np.full(len(gaps), "rate_0"),
        "proposed_gap": np.array(gaps),
        "executed_gap": np.zeros(len(gaps)),
    }
    reordered = {name: welfare[name] for name in ("scenario", "tape_seed")} | {"reordered": welfare["before"] + 0.5}
    tables = {"welfare": welfare, "contract": contract, "markets": onchain.market_table(welfare, reordered)}
    return Found(tables, {"agents": ["rate_0"], "margin": margin})


def test_two_one_sided_tests_are_a_90_percent_interval_within_the_margin():
    from scipy.stats import ttest_1samp

    rng = np.random.default_rng(0)
    verdicts = set()
    for shift in (0.0, 0.1, 0.15, 0.18, 0.2, 0.3, -0.15, -0.19):
        changes = shift + rng.normal(scale=0.3, size=60)
        above = ttest_1samp(changes, -0.2, alternative="greater").pvalue
        below = ttest_1samp(changes, 0.2, alternative="less").pvalue
        assert equivalence(changes).holds == (max(above, below) < 0.05), shift
        verdicts.add(equivalence(changes).holds)
    assert verdicts == {True, False}
    assert not equivalence(np.array([0.0, 1.0, -1.0])).holds, "a few noisy tapes show nothing"
    assert equivalence(np.full(5, 0.19)).holds and not equivalence(np.full(5, 0.21)).holds


def test_markets_may_be_trained_on_and_welfare_is_the_mean_over_venues():
    markets = training_markets()
    assert markets[0] == "natural" and len(markets) == 6
    assert not {"crisis-2020-03", "crisis-2023-03", "crisis-2024-08", "crisis-2025-10"} & set(markets)
    table = {
        "welfare/0": np.array([1.0, 2.0]),
        "welfare/0/lenders": np.array([9.0, 9.0]),
        "welfare/1": np.array([3.0, 6.0]),
    }
    assert welfare_of(table).tolist() == [2.0, 4.0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (np.linspace(-0.01, 0.01, 9), "the same within ±0.2 bp"),
        (np.linspace(-1.01, -0.99, 9), "loses 1.00 bp"),
        (np.linspace(0.49, 0.51, 9), "gains 0.50 bp"),
        (np.array([-3.0, 0.0, 3.1]), "not shown to be the same"),
    ],
)
def test_verdicts(changes, words):
    judged = judge(found(changes))
    assert words in judged.sentences[-1] and judged.failed == ()
    assert f"on {int('same' in words and 'not' not in words)} of 1 markets" in judged.sentences[0]


def test_a_lever_that_differs_is_a_failed_claim():
    judged = judge(found([0.0, 0.1], gaps=(0.0, 0.5)))
    assert judged.failed and "differ from the specification's from decision 1 of rate_0 on" in judged.sentences[1]


def test_a_study_plays_pairs_and_its_contract_governs_a_whole_episode(policies, tmp_path):
    for module in ("vyper", "pyrevm"):
        pytest.importorskip(module, reason="needs the optional extra: pip install 'protogov[evm]'")
    measured = measure(options(policies), replace(HERE, keep=tmp_path))
    welfare, contract = measured.tables["welfare"], measured.tables["contract"]
    assert len(welfare["before"]) == 3 and np.isfinite(welfare["after"]).all()
    assert np.abs(welfare["after"] - welfare["before"]).max() < 5 and (welfare["after"] != 0).all()
    assert contract["decision"].tolist() == list(range(8))
    assert (contract["proposed_gap"] == 0).all() and (contract["executed_gap"] == 0).all()
    judged = judge(measured)
    assert judged.failed == () and "8 decisions, 8 calls in an EVM: every lever equals" in judged.sentences[1]
    with look():
        assert set(STUDY.draw(measured)) == {"welfare"}
    page = "\n".join(STUDY.page(measured, judged))
    assert "| natural | 3 |" in page and "not audited" in page
    (row,) = records(measured.tables["markets"])
    assert row["control_tapes"] == 3 and row["scatter_reordered"] != row["scatter"] > 0
    assert row["change_low"] < row["inner_low"] < row["change"] < row["inner_high"] < row["change_high"]
    kept = len(list(tmp_path.iterdir()))
    again = measure(options(policies), replace(HERE, keep=tmp_path))
    assert len(list(tmp_path.iterdir())) == kept == 3 and np.array_equal(
        again.tables["welfare"]["after"], welfare["after"]
    )


def test_each_tape_is_played_once_under_the_policy_and_once_in_whole_numbers(policies, monkeypatch):
    monkeypatch.setattr(onchain, "BLOCK", 2)
    given = options(policies, contract_episode=False)
    welfare = measure(given, HERE).tables["welfare"]
    assert welfare["tape_seed"].tolist() == tape_seeds(3).tolist()
    block = onchain.Block(("rate_0",), (str(policies / "policy_rate_0.json"),), "natural", 0, 2, given.lanes)
    config, seeds = WORLD.make(), tape_seeds(2)
    own, integers = onchain.governors_of(config, block)
    assert isinstance(integers["rate_0"], SpecificationGovernor)
    for column, governors in (("before", own), ("after", integers)):
        assert welfare[column][:2].tolist() == welfare_of(evaluate(config, "natural", seeds, governors)).tolist()
    assert (welfare["before"] != welfare["after"]).any()


def test_a_contract_that_answers_otherwise_is_seen(policies, monkeypatch):
    for module in ("vyper", "pyrevm"):
        pytest.importorskip(module, reason="needs the optional extra: pip install 'protogov[evm]'")

    class Wrong(ContractGovernor):
        def decide(self, counts):
            return super().decide(counts) // 2

    monkeypatch.setattr(quantised, "ContractGovernor", Wrong)
    whole = onchain.Block(("rate_0",), (str(policies / "policy_rate_0.json"),), "natural", 0, 1, 7)
    table = onchain.play_contracts(WORLD.make(), whole)
    assert (table["proposed_gap"] > 0).any() and (table["executed_gap"] > 0).any()


def test_without_the_extra_nothing_is_played(policies, tmp_path, monkeypatch):
    def missing(name):
        raise extra.PackageNotFoundError(name)

    monkeypatch.setattr(extra, "version", missing)
    with pytest.raises(BadInput, match=r"vyper is not installed.*pip install 'protogov\[evm\]'"):
        measure(options(policies), replace(HERE, keep=tmp_path))
    assert not list(tmp_path.iterdir()), "tapes were played first"
    assert "contract" not in measure(options(policies, contract_episode=False), HERE).tables


def test_what_cannot_be_played_is_refused(policies, tmp_path):
    with pytest.raises(BadInput, match="GOVERNORS are missing"):
        measure(Options(), HERE)
    with pytest.raises(BadInput, match="lanes is 3; 4 to 8 are accepted"):
        measure(options(policies, lanes=3), HERE)
    features = Simulator(WORLD.make(), 1).observation_names("rate_0")
    levers = Simulator(WORLD.make(), 1).roles["rate_0"].levers
    weights = {
        "layer_0.weight": np.zeros((len(levers), len(features)), np.float32),
        "layer_0.bias": np.zeros(len(levers), np.float32),
    }
    Policy("rate_0", features, levers, (), "relu", None, 6.0, weights).save(tmp_path)
    with pytest.raises(BadInput, match=f"has {len(features)} inputs; a plain stack"):
        measure(options(tmp_path), HERE)
