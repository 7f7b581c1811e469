"""The optional measures: their analytic fixtures, what a broken one looks like, and the simulated world."""

from dataclasses import replace

import numpy as np
import pytest

from protogov.agents.policies import Policy
from protogov.agents.policies.architectures import Front
from protogov.envs.config import WorldConfig
from protogov.experiments.cli import main
from protogov.experiments.core.pieces import Running
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.emergence import extraction
from protogov.experiments.studies.emergence.controls import OPEN
from protogov.experiments.studies.emergence.fixtures import FollowedMarkets, PassedOn, Still
from protogov.experiments.studies.emergence.forks import Plan
from protogov.experiments.studies.emergence.laboratory import examine
from protogov.experiments.studies.emergence.optional import checks, dynamics
from protogov.experiments.studies.emergence.optional.contagion import Contagion, Tails, TailSample, spectral_radius
from protogov.experiments.studies.emergence.optional.fitting import Episodes, Hawkes, log_likelihood
from protogov.experiments.studies.emergence.optional.information import groups_of
from protogov.experiments.studies.emergence.optional.parts import OPTIONAL, chosen
from protogov.experiments.studies.emergence.optional.record import memory_of, record, shifted
from protogov.experiments.studies.emergence.optional.social import SocialInfluence
from protogov.experiments.studies.emergence.optional.transfer import transfer_entropy
from protogov.experiments.studies.emergence.responses import can_start_from, warm_options
from protogov.experiments.studies.emergence.subjects import typed_subject
from protogov.experiments.studies.emergence.tasks import Setting, Task
from protogov.experiments.studies.emergence.tiers import TIERS
from protogov.experiments.studies.emergence.writing import OPTIONAL as TITLES
from protogov.experiments.studies.emergence.writing import write_report


def plan(rows=8, **rest):
    return Plan(np.arange(rows, dtype=np.uint64), limits=OPEN, **rest)


@pytest.mark.parametrize("name", list(checks.CHECKS))
def test_every_measure_gives_the_known_answer_in_its_fixture(name):
    made = checks.CHECKS[name]()
    assert [f"{one.name}: {one.found}, should be {one.expected}" for one in made if not one.passed] == []
    assert all(one.guards == (name,) for one in made)


def test_every_measure_has_a_check_a_heading_and_a_part():
    assert set(OPTIONAL) == set(checks.CHECKS) == set(TITLES)
    assert chosen(["all"]) == tuple(OPTIONAL) and chosen(["hawkes", "dynamics", "hawkes"]) == ("dynamics", "hawkes")
    with pytest.raises(BadInput, match="optional holds 'entropy'; all, transfer-entropy"):
        chosen(["entropy"])


def test_against_white_noise_whatever_is_persistent_would_have_a_peak(monkeypatch):
    monkeypatch.setattr(dynamics, "red_spectrum", lambda rho, frequencies: np.ones_like(frequencies))
    monkeypatch.setattr(dynamics, "persistence", lambda series: 0.0)
    failed = [one.name for one in checks.peaks_known() if not one.passed]
    assert failed == ["red noise"]


def test_a_shift_keeps_a_series_and_goes_beyond_what_it_remembers():
    series = checks.second_order(200, 6)
    memory = memory_of(series)
    moved = shifted(series, np.random.default_rng(0), memory)
    assert np.array_equal(np.sort(moved, axis=0), np.sort(series, axis=0)) and 1 <= memory <= 50
    starts = [int(np.flatnonzero(moved[:, row] == series[0, row])[0]) for row in range(6)]
    assert all(memory < start < 200 - memory for start in starts) and len(set(starts)) > 1


def test_a_record_holds_the_main_direction_of_the_levers_and_names_who_stands_still():
    governors = {"rate_0": FollowedMarkets.follower(0.5), "rate_1": Still(0.3)}
    seen = record(FollowedMarkets(4), governors, plan(4, steps=12))
    assert seen.agents == ("rate_0",) and seen.still == ("rate_1",)
    assert seen.series.shape == (12, 4, 1) and np.abs(seen.series.mean(axis=0)).max() < 1e-12
    assert seen.outside.shape == (12, 4, 0)


def test_a_series_that_is_known_already_gives_no_entropy():
    draw = np.random.default_rng(0)
    source = draw.normal(size=(50, 2))
    target = np.roll(source, 1, axis=0)
    assert transfer_entropy(target, source, source[..., None]) == pytest.approx(0.0, abs=1e-9)
    assert transfer_entropy(target, source, source[..., None][..., :0]) > 1.0


def test_groups_of_governors_are_of_three_to_six():
    six = tuple(f"{role}_{venue}" for venue in (0, 1) for role in ("rate", "risk", "spread"))
    assert groups_of(six) == (six, six[:3], six[3:])
    assert groups_of(six[:2]) == () and groups_of(six[:3]) == (six[:3],)


def test_social_influence_asks_for_draws_enough():
    with pytest.raises(BadInput, match="resamples is 8; 64 at least are accepted"):
        SocialInfluence(resamples=8).extract(FollowedMarkets(2), {}, plan(2))


def test_what_passes_between_venues_has_the_radius_of_its_cycle():
    assert spectral_radius(np.array([[9.0, 0.2], [0.8, 9.0]])) == pytest.approx(0.4)
    shocks = {str(venue): (PassedOn.shock(venue, 1.0), 1.0) for venue in range(2)}
    measure = Contagion(shocks)
    governors = {agent: Still() for agent in PassedOn.agents}
    at = plan(8, times=(1,), steps=5, read=PassedOn.read_losses)
    found = {one.name: one for one in measure.reduce(measure.extract(PassedOn(8), governors, at))}
    passed = PassedOn.passed(5)
    assert found["loss of 1 after a shock at 0"].value == pytest.approx(passed[1, 0])
    assert found["loss of 1 after a shock at 0"].verdict == "contagion"
    assert found["loss of 0 after a shock at 0"].verdict == "own loss"
    radius = found["spectral radius between venues"]
    assert radius.value == pytest.approx(np.sqrt(passed[0, 1] * passed[1, 0])) and radius.found


def test_tails_of_a_short_record_are_withheld_and_of_a_long_one_have_an_interval():
    draw = np.random.default_rng(0)
    returns = draw.normal(size=(10_000, 2)) @ np.array([[1.0, 0.6], [0.0, 0.8]])
    measure = Tails(("0", "1"), resamples=10)
    enough = measure.reduce(TailSample(("0", "1"), returns, np.repeat(np.arange(50), 200)))
    covar = next(one for one in enough if one.name == "delta-CoVaR of 1 given 0")
    assert covar.interval.low < -0.987 < covar.interval.high and not covar.found
    few = measure.reduce(TailSample(("0", "1"), returns[:500], np.repeat(np.arange(5), 100)))
    assert all("500 returns of the record, 10,000 are needed" in one.verdict for one in few)
    assert np.isnan(few[0].value)


def test_the_likelihood_of_a_process_without_offspring_is_poissons():
    seen = Episodes.of([np.array([1.0, 4.0]), np.array([2.0, 3.0, 9.0]), np.empty(0)], 10.0)
    found = log_likelihood(Hawkes(0.7, 0.0, 1.0), seen)
    assert found == pytest.approx(seen.counts * np.log(0.7) - 7.0)
    one = log_likelihood(Hawkes(0.7, 0.5, 2.0), Episodes.of([np.array([1.0, 1.5])], 10.0))[0]
    rate = 0.7 + 0.5 * 2.0 * np.exp(-2.0 * 0.5)
    left = 0.5 * (2.0 - np.exp(-2.0 * 9.0) - np.exp(-2.0 * 8.5))
    assert one == pytest.approx(np.log(0.7) + np.log(rate) - 7.0 - left)


# ---------------------------------------------------------------------- in the simulated world


WORLD = WorldConfig(size="tiny", venues=2, episode_hours=12)
TIER = replace(
    TIERS["smoke"], worlds=2, windows=(1, 5), crisis_worlds=2, muted=2, control_worlds=2, moments=(0.2,)
)  # fmt: skip


def test_all_of_them_in_the_simulated_world_and_in_the_report(tmp_path, monkeypatch):
    monkeypatch.setattr("protogov.experiments.studies.emergence.laboratory.PARTS", ())
    subject = typed_subject(["spread_1=follower-1", "spread_0=wanderer-1", "rate_1=pi", "rate_0=pi"], WORLD)
    setting = Setting(WORLD, stress="jump", crisis="jump", controls=False, optional=tuple(OPTIONAL))
    report = examine(subject, setting, TIER, Running(1, tmp_path / "pieces"))
    measures = {one.measure for one in report.findings}
    assert {"transfer-entropy", "contagion", "dynamics"} <= measures
    assert "deterministic" in report.missing["social-influence"]
    own = [one for one in report.findings if one.name == "loss of 0 after a shock at 0"]
    assert own[0].value > 0.0  # who stole from venue 0 cost it something
    page = write_report(tmp_path / "out", report, "the command")[-1].read_text()
    assert "Transfer entropy" in page and "Hawkes beside forks" in page
    assert {"transfer", "spectrum"} <= {path.stem for path in (tmp_path / "out" / "figures").iterdir()}


def test_an_unknown_name_is_refused_before_anything_is_played(capsys):
    assert main(["emergence", "--governors", "pi", "--optional", "entropy"]) == 2
    assert "optional holds 'entropy'" in capsys.readouterr().err


# ---------------------------------------------------------------------- a response that starts as another policy


def policy_of(front, hidden, **rest):
    empty = Policy("rate_0", ("a", "b"), ("base_rate",), hidden, "tanh", (-1.0,), 6.0, {}, front=front, **rest)
    weights = {name: np.zeros(shape, np.float32) for name, shape in empty.expected_shapes().items()}
    return replace(empty, weights=weights)


@pytest.mark.parametrize(("family", "hidden"), [("mlp", (8,)), ("linear", ())])
def test_a_warm_start_takes_the_family_and_sizes_of_the_policy(tmp_path, family, hidden):
    path = str(policy_of(Front(family, ("a", "b")), hidden).save(tmp_path)[0])
    wanted = {"start": path, "architecture": family, "activation": "tanh"}
    assert warm_options(path) == wanted | ({"hidden_sizes": hidden} if hidden else {})
    assert can_start_from(path) and not can_start_from("contract/manifest.json") and warm_options("constant") == {}


@pytest.mark.long
@pytest.mark.parametrize("family", ["linear", "recurrent"])
def test_a_response_begins_as_a_policy_of_another_family(tmp_path, family):
    from protogov.agents.ppo import PPOSettings, Trainer
    from protogov.envs import Simulator

    world = replace(WORLD, episode_hours=10)
    learned = Trainer(
        Simulator(world, 4, scenario="jump"),
        PPOSettings(architecture=family, hidden_sizes=(8, 8), num_steps=4, batch_size=16),
        total_rollouts=1,
        seed=0,
    )
    learned.run()
    path = next(str(one) for one in learned.save_policies(tmp_path) if "spread_0" in str(one))
    subject = typed_subject([f"spread_0={path}"], world)
    task = Task("trained", subject, replace(TIER, ladder_worlds=2), "jump", 1, "spread_0|warm|0", (1.0, 4.0))
    assert np.isfinite(extraction.loaded(extraction.extract(world, task))["gains"]).all()
