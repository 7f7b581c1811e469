"""The study of pricers: its statistics against closed forms, negative controls, and a tiny run from end to end."""

import importlib.util
import json

import numpy as np
import pytest
from scipy import stats

from protogov.envs.scenarios import get_scenario, held_out_splits
from protogov.experiments.cli import main
from protogov.experiments.core.pieces import HERE
from protogov.experiments.core.tables import read_csv
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.pricing.comparing import (
    binomial_p,
    by_decision,
    diebold_mariano,
    pit_counts,
    uniform_p,
)
from protogov.experiments.studies.pricing.plan import CRISES, EVALUATION, TRAINING, UNSEEN
from protogov.experiments.studies.pricing.study import Options, measure


def newey_west(d: np.ndarray, tape: np.ndarray, lags: int) -> float:
    """Newey and West (1987) of a mean, within tapes, by hand."""
    centred, total = d - d.mean(), 0.0
    for one in np.unique(tape):
        x = centred[tape == one]
        total += (x * x).sum()
        for lag in range(1, lags + 1):
            total += 2.0 * (1.0 - lag / (lags + 1.0)) * (x[lag:] * x[:-lag]).sum()
    return float(np.sqrt(total) / len(d))


def test_diebold_mariano_is_newey_west_by_hand() -> None:
    rng = np.random.default_rng(0)
    tape = np.repeat(np.arange(5), 20)
    d = np.convolve(rng.standard_normal(103), np.ones(4) / 4, "valid") + 0.3
    found = diebold_mariano(d, tape, 3)
    assert found.difference == pytest.approx(d.mean()) and found.lags == 3
    assert found.error == pytest.approx(newey_west(d, tape, 3), rel=1e-9)
    assert found.p == pytest.approx(2 * stats.norm.sf(abs(found.difference / found.error)), rel=1e-6)
    assert diebold_mariano(d, tape, 500).lags == 19  # no more than a tape has


def test_overlapping_windows_are_not_taken_for_independent() -> None:
    """Scores of windows of eight decisions: without lags a true null is refused far too often, with them rarely."""
    rng, tape = np.random.default_rng(1), np.repeat(np.arange(20), 30)
    naive = honest = 0
    for _ in range(60):
        d = np.concatenate([np.convolve(rng.standard_normal(37), np.ones(8), "valid") for _ in range(20)])
        naive += diebold_mariano(d, tape, 0).p < 0.05
        honest += diebold_mariano(d, tape, 14).p < 0.05
    assert naive > 20 and honest < 13


def test_a_vol_that_is_wrong_is_found_out_by_both_tests() -> None:
    """The negative control: the same returns under their own law, and under one a third too wide."""
    rng = np.random.default_rng(2)
    x = rng.standard_normal(400)

    def crps(sd: float) -> np.ndarray:
        z = x / sd
        return np.asarray(sd * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi)))

    assert uniform_p(stats.norm.cdf(x)) > 0.05 and uniform_p(stats.norm.cdf(x / 1.35)) < 0.01
    wrong = diebold_mariano(crps(1.35) - crps(1.0), np.repeat(np.arange(40), 10), 2)
    assert wrong.difference > 0 and wrong.p < 0.01
    assert np.isnan(uniform_p(x[:3])) and pit_counts(np.array([0.05, 0.06, 0.99]))[[0, 9]].tolist() == [2, 1]
    assert binomial_p(20, 400, 0.01) < 1e-6 and binomial_p(4, 400, 0.01) > 0.5 and np.isnan(binomial_p(0, 0, 0.01))


def test_means_over_expiries_keep_time_in_order() -> None:
    table = {
        "tape": np.array([0.0, 0, 1, 0, 1]), "hour": np.array([24.0, 24, 24, 48, 48]),
        "hours": np.array([30.0, 100, 40, 500, 20]),
    }  # fmt: skip
    values, tapes, lags = by_decision(table, np.array([1.0, 3.0, 5.0, 7.0, 9.0]), near=True)
    assert values.tolist() == [2.0, 5.0, 9.0] and tapes.tolist() == [0, 1, 1] and lags == 4
    assert by_decision(table, np.arange(5.0), near=False)[0].tolist() == [3.0]


def test_what_is_learned_from_is_not_held_out_and_the_test_stays_sealed() -> None:
    assert not [name for name in TRAINING if held_out_splits(get_scenario(name))]
    for name in UNSEEN:
        assert held_out_splits(get_scenario(name)) and name in EVALUATION
    assert not [name for name in EVALUATION if name.startswith("test-")] and set(CRISES) <= set(TRAINING)


SMALL = (
    "--training", "gbm", "jump", "--markets", "gbm", "jump", "--learn", "4", "--judge", "3", "--epochs", "2",
    "--states", "1", "--futures", "60", "--jobs", "1", "--world.episode-hours", "120",
)  # fmt: skip


def test_the_study_from_end_to_end(tmp_path, monkeypatch) -> None:
    out = tmp_path / "pricing"
    choice = ["--generations", "linear", "compact", "--inputs", "chain", "--leave-out", "jump"]
    assert main(["study", "pricing", *SMALL, *choice, "--out", str(out)]) == 0
    scores = read_csv(out / "scores.csv")
    names = {"truth", "implied", "lyra", "ewma", "linear", "compact", "compact-chain", "compact-chain-oracle"}
    names |= {"compact-without-jump"} | ({"garch"} if importlib.util.find_spec("arch") else set())
    assert set(scores["contestant"]) == names
    truth = scores["contestant"] == "truth"
    assert scores["market"][truth].tolist() == ["gbm"] and scores["over_truth"][truth][0] == pytest.approx(0.0)
    assert set(scores["market"][scores["contestant"] == "compact-without-jump"]) == {"jump"}
    assert (scores["rows"] == scores["rows"][0]).all() and (scores["crps_bp"] > 0).all()
    futures = read_csv(out / "futures.csv")
    assert set(futures["market"]) == {"jump"} and (futures["over_truth"] > -30.0).all()
    page = (out / "README.md").read_text()
    assert "The best learned pricer" in page and "A crisis left out" in page and (out / "pit.png").is_file()
    facts = json.loads((out / "manifest.json").read_text())["facts"]
    assert facts["best"] in {"linear", "compact"} and facts["sizes"]["judge"] == 3
    # finished pieces are not played again, and a page is drawn from tables alone
    monkeypatch.setattr("protogov.experiments.studies.pricing.contests._fit", None)
    assert main(["study", "pricing", *SMALL, *choice, "--out", str(out)]) == 0
    assert main(["study", "pricing", "--redraw", "--out", str(out)]) == 0
    assert (out / "README.md").read_text().partition("Made on")[0] == page.partition("Made on")[0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (Options(training=("gbm", "crash-heldout")), "training names 'crash-heldout'"),
        (Options(training=("test-bates",)), "training names 'test-bates'"),
        (Options(markets=("gbm", "nowhere"), leave_out=()), "markets or recorded name 'nowhere'"),
        (Options(leave_out=("mix",)), "leave-out names 'mix'"),
        (Options(judge=1), "judge is 1"),
    ],
)
def test_the_study_refuses(options: Options, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        measure(options, HERE)
