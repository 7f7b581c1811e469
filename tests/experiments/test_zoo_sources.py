"""Learners and cells of the studies as entries of the zoo: the policies that were kept, measured where they govern."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from math import inf

import numpy as np
import pytest

from protogov.agents.policies.policy import load_policy_file
from protogov.agents.tuning.networks import Networks
from protogov.agents.zoo.entries import read_entry
from protogov.envs.config import WorldConfig
from protogov.envs.sizes import SIZES
from protogov.experiments.cli import main
from protogov.experiments.commands import zoo
from protogov.experiments.commands.zoo_sources import read_source
from protogov.experiments.core.evaluation import evaluate
from protogov.experiments.core.governors import STATIC, GovernorSet, baseline
from protogov.experiments.studies.coexistence import store
from protogov.experiments.studies.coexistence.cells import Cell
from protogov.experiments.studies.coexistence.start import find_start
from protogov.experiments.studies.learning.candidates import find_candidates
from protogov.experiments.studies.learning.kept import Place, Unit
from protogov.experiments.studies.learning.runs import Learner, Start, Trained
from protogov.experiments.training.validation import ValidationOptions

# features of its own: a list in the file, and a part of the world in which it is measured
LEARNER = Learner(find_candidates(("attention",))[0], "tiny", "cooperative", "mix", (100, 101, 102), 224.0, 4)
CELL = Cell("evolution", 1.0, 2, inf)
START = find_start(CELL.world("tiny"), "tuned-mix")
ABOUT = ("--name", "small", "--about", "a test", "--tapes", "2")


@pytest.fixture(scope="module", autouse=True)
def small():
    """Validation on one market, and episodes of half a day."""
    chosen = ValidationOptions.chosen
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ValidationOptions, "chosen", lambda self: chosen(self)[:1])
        patch.setitem(SIZES, "tiny", replace(SIZES["tiny"], episode_hours=12))
        yield


def point(config, number):
    """Weights of governors unlike all others."""
    networks = Networks(config)
    return networks.start(np.full(len(networks.levers), 0.1)) + 0.2 * np.random.default_rng(number).normal(
        size=networks.size
    )


def keep_learner(folder, learner):
    """Keep a learner as the study does; returns its file and the policies that were kept."""
    start = Start(np.zeros(12), np.zeros((12, 4)))
    place = Place(folder, learner, start, ["size tiny instead of core full", "hours 224 instead of 1e7"])
    trained = []
    for seed in learner.seeds:
        way = folder / "way" / str(seed)
        way.mkdir(parents=True)
        for policy in Networks(learner.config()).policies(point(learner.config(), seed)):
            policy.save(way)
        trained.append(Trained(learner, seed, ((240.0, way),)))
    rounded, digest = place.keep_policies(trained)
    place.write(Unit({}, archive=digest))
    return place.path, [one.way[-1][1] for one in rounded]


def keep_cell(folder):
    """Keep a cell of two venues as the study does, three seeds and two checkpoints; returns its file and weights."""
    config = CELL.world("tiny")
    tables = [
        {**{f"after_{k}": point(config, 10 * seed + k).astype(np.float32) for k in range(2)},
         **{name: np.ones(Networks(config).size) for name in ("hours_0", "hours_1", *store.SPENT)}}
        for seed in range(3)
    ]  # fmt: skip
    made = {"algorithm": CELL.algorithm, "scenario": "mix", "hours": 2.5e6, "seeds": [0, 1, 2], "start": asdict(START)}
    store.write_cell(folder, CELL.name, config, made, tables, (0, 1, 2), "protogov study coexistence")
    return folder / f"{CELL.name}.json", tables


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A learner, one with privileged features, and a cell: kind -> its file, and what it holds."""
    folder = tmp_path_factory.mktemp("stored")
    sighted = replace(LEARNER, candidate=find_candidates(("ppo",))[0], seeds=(100,), privileged=True)
    return {
        "learner": keep_learner(folder / "learner", LEARNER), "privileged": keep_learner(folder / "sighted", sighted),
        "cell": keep_cell(folder / "cell"),
    }  # fmt: skip


def gains(config, entry, seed):
    """W of both venues over the defaults, in bp of their K0 together, by hand; and that of venue 0 alone."""
    sources = {agent: str(path) for agent, path in entry.policies(seed).items()}
    seeds = np.uint64(zoo.FIRST_CHOOSING) + np.arange(2, dtype=np.uint64)
    (scenario,) = ValidationOptions().chosen()
    usd, capital = [], []
    for one in (GovernorSet("one", seed, sources), baseline(STATIC, config)):
        table = evaluate(config, scenario, seeds, one.make(config))
        usd.append(np.stack([table[f"welfare/{v}"] * table[f"opening_value/{v}"] for v in range(config.venues)]))
        capital = np.stack([table[f"opening_value/{v}"] for v in range(config.venues)])
    return (usd[0] - usd[1]).sum(axis=0) / capital.sum(axis=0), ((usd[0] - usd[1]) / capital)[0]


def test_a_kept_learner_becomes_an_entry(stored, tmp_path):
    path, rounded = stored["learner"]
    before = files_in(path.parents[1])
    assert main(["zoo", str(path), *ABOUT, "--seeds", "102", "100", "--out", str(tmp_path / "zoo")]) == 0
    entry = read_entry(tmp_path / "zoo" / "small")
    assert entry.seeds == (100, 102) and sorted(one.name for one in entry.folder.iterdir() if one.is_dir()) == [
        "100", "102",
    ]  # fmt: skip
    for seed, one in zip(LEARNER.seeds, rounded, strict=True):
        assert seed == 101 or {path.name: path.read_bytes() for path in entry.policies(seed).values()} == {
            path.name: path.read_bytes() for path in one.glob("*.json")
        }
    about = entry.manifest
    assert about["command"] == "protogov study learning --stage training --size tiny --hours 224"
    assert about["source"] == "learner tiny_attention-cooperative-on-mix_100 of the study of learning"
    assert about["scenario"] == "mix" and about["market_hours"] == 224.0
    assert about["commit"] == json.loads(path.read_text())["versions"]["commit"]
    config = WorldConfig.from_dict(about["world"])
    assert config == LEARNER.config() and "accounts" in config.observe
    for seed, score in about["validation"]["by_seed"].items():
        assert score["policies"] == "last"
        assert score["mean"] == pytest.approx(gains(config, entry, int(seed))[0].mean(), rel=1e-9) != 0.0
    assert files_in(path.parents[1]) == before  # nothing is unpacked beside it


def test_a_cell_of_two_venues_becomes_an_entry(stored, tmp_path):
    path, tables = stored["cell"]
    assert main(["zoo", str(path), *ABOUT, "--seeds", "0", "2", "--out", str(tmp_path / "zoo")]) == 0
    entry = read_entry(tmp_path / "zoo" / "small")
    config = CELL.world("tiny")
    assert entry.seeds == (0, 2) and WorldConfig.from_dict(entry.manifest["world"]) == config
    assert entry.manifest["scenario"] == "mix" and entry.manifest["market_hours"] == 2.5e6
    assert entry.manifest["command"] == "protogov study coexistence"
    for seed in entry.seeds:
        policies = [load_policy_file(entry.policies(seed)[agent.name]) for agent in config.learners()]
        # of the last checkpoint, around the constants at which they started
        assert np.array_equal(START.networks(config).point(policies), tables[seed]["after_1"])
        both, first = gains(config, entry, seed)
        score = entry.manifest["validation"]["by_seed"][str(seed)]["mean"]
        assert score == pytest.approx(both.mean(), rel=1e-9) != pytest.approx(first.mean(), rel=1e-3)


def files_in(folder):
    return sorted(path for path in folder.rglob("*"))


@pytest.mark.parametrize(
    ("kind", "change", "given", "why"),
    [
        ("learner", None, ("--seeds", "100", "7"), "seeds holds 7; 100, 101, 102 are accepted, which "),
        ("learner", None, ("--policies", "last", "best"), "policies is last best, but "),
        ("learner", lambda about: about.update(format="protogov-law"),
         (), "is of the format 'protogov-law'; protogov-run, protogov-learner, protogov-cell are accepted"),
        ("learner", lambda about: about.update(archive=""), (), "has no policies, its stage keeps none"),
        ("learner", lambda about: about.update(archive="", failed="seed 1: diverged"),
         (), "its training broke off (seed 1: diverged)"),
        ("learner", lambda about: about.update(archive="0"), (), ".zip: does not match its SHA-256"),
        ("learner", lambda about: about["made_with"].update(physics="0"), (), "was trained in another world"),
        ("learner", lambda about: about["made_with"]["learner"].pop("form"), (), "does not describe a learner ("),
        ("learner", lambda about: about["made_with"]["learner"].update(size="huge"),
         (), ".json: size = 'huge' must be one of"),
        ("privileged", None, (), "see what only the simulator knows (privileged is true)"),
        ("cell", None, ("--policies", "best"), "policies is best, but "),
        ("cell", None, ("--seeds", "3"), "seeds holds 3; 0, 1, 2 are accepted"),
        ("cell", lambda about: about.update(physics="0"), (), "was trained in another world"),
        ("cell", lambda about: about.pop("config"), (), "does not describe a cell ('config')"),
        ("cell", lambda about: about["config"].update(venues=3), (), "does not describe a cell (venues"),
        ("cell", lambda about: about.update(sha256="0"), (), ".safetensors: does not match its SHA-256"),
    ],
)  # fmt: skip
def test_what_cannot_be_an_entry_is_one_sentence(kind, change, given, why, stored, tmp_path, capsys):
    path = shutil.copytree(stored[kind][0].parent, tmp_path / "stored") / stored[kind][0].name
    if change is not None:
        about = json.loads(path.read_text())
        change(about)
        path.write_text(json.dumps(about))
    assert main(["zoo", str(path), *ABOUT, *given, "--out", str(tmp_path / "zoo")]) == 2
    said = capsys.readouterr().err
    assert why in said and said.startswith("protogov: ") and said.count("\n") == 1
    assert not (tmp_path / "zoo").exists()


def test_entries_together_are_small(stored, tmp_path, monkeypatch, capsys):
    """Three seeds beside what is there: refused before they are scored, and accepted with a byte more."""
    path, out = stored["cell"][0], tmp_path / "zoo"
    (out / "other").mkdir(parents=True)
    (out / "other" / "manifest.json").write_text(" " * 10_000)
    (out / "no_entry.json").write_text(" " * 10_000)
    (tmp_path / "again").mkdir()
    config, together = CELL.world("tiny"), 10_000
    for seed in range(3):
        for policy in START.networks(config).policies(stored["cell"][1][seed]["after_1"]):
            policy.save(tmp_path / "again")
        together += sum(file.stat().st_size for file in (tmp_path / "again").iterdir())
    source = read_source(path, ("last",), (), tmp_path / "scratch")
    monkeypatch.setattr(zoo, "MOST_BYTES", together)
    zoo.check_bytes(path, source, out)
    monkeypatch.setattr(zoo, "MOST_BYTES", together - 1)
    assert main(["zoo", str(path), *ABOUT, "--out", str(out)]) == 2
    said = capsys.readouterr()
    assert f"have {together - 10_000:,} bytes, and the entries in {out} 10,000; {together - 1:,} together" in said.err
    assert "scoring" not in said.out
