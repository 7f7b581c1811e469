"""The study of pricers: its statistics against closed forms, negative controls, and a tiny run from end to end."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from protogov.agents.pricing.quantile_law import LEVELS, QuantileLaw, normal_law
from protogov.envs.scenarios import get_scenario, held_out_splits
from protogov.envs.scenarios.sealed import SealedTest
from protogov.experiments.cli import main
from protogov.experiments.core.pieces import HERE
from protogov.experiments.core.tables import read_csv
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.pricing import contests, final
from protogov.experiments.studies.pricing.comparing import (
    binomial_p,
    by_decision,
    diebold_mariano,
    pit_counts,
    uniform_p,
)
from protogov.experiments.studies.pricing.plan import (
    CRISES,
    EVALUATION,
    GARCH,
    TRAINING,
    UNSEEN,
    Contest,
    Contestant,
    Sizes,
    shares,
)
from protogov.experiments.studies.pricing.study import Options, measure
from protogov.experiments.studies.pricing.summary import score_table, vol_table
from protogov.experiments.training import open_test


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


CHOICE = ("--generations", "linear", "compact", "--inputs", "chain", "--leave-out", "jump")


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny finished study, which also scores a file of recorded candles."""
    folder = tmp_path_factory.mktemp("studies")
    tape = get_scenario("jump").draw([5], 400)[0]
    prices = [",".join(str(float(hour[name])) for name in ("open", "high", "low", "close")) for hour in tape]
    rows = [f"{1577836800 + 3600 * hour},{line}" for hour, line in enumerate(prices)]
    candles = folder / "candles.csv"
    candles.write_text("time,open,high,low,close\n" + "\n".join(rows) + "\n")
    out = folder / "pricing"
    assert main(["study", "pricing", *SMALL, *CHOICE, "--recorded", str(candles), "--out", str(out)]) == 0
    return out


def test_the_study_from_end_to_end(played: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = read_csv(played / "scores.csv")
    names = {"truth", "implied", "lyra", "ewma", "linear", "compact", "compact-chain", "compact-chain-oracle"}
    names |= {"compact-without-jump"} | ({"garch"} if importlib.util.find_spec("arch") else set())
    assert set(scores["contestant"]) == names
    assert set(scores["market"]) == {"gbm", "jump", "candles.csv"}
    assert set(scores["split"][scores["market"] == "candles.csv"]) == {"recorded"}
    assert (scores["beyond_bp"] > 0).all() and (scores["beyond_bp"] < scores["tail_bp"]).all()
    assert np.isnan(scores["pit_holm"][scores["market"] != "gbm"]).all()
    compared = read_csv(played / "comparisons.csv")
    assert "candles.csv" not in compared["market"] and np.isfinite(compared["tail_p"]).any()
    # all tapes of the file are windows of one history of 400 hours
    assert (scores["windows"][scores["market"] == "candles.csv"] <= 400 // 24).all()
    truth = scores["contestant"] == "truth"
    assert scores["market"][truth].tolist() == ["gbm"] and scores["over_truth"][truth][0] == pytest.approx(0.0)
    assert set(scores["market"][scores["contestant"] == "compact-without-jump"]) == {"jump"}
    assert (scores["crps_bp"] > 0).all()
    futures = read_csv(played / "futures.csv")
    assert set(futures["market"]) == {"jump"} and (futures["over_truth"] > -30.0).all()
    vols = read_csv(played / "vols.csv")
    known = vols["market"] == "gbm"
    assert vols["vol_ratio"][known & (vols["contestant"] == "truth")][0] == pytest.approx(1.0)
    assert np.isfinite(vols["vol_ratio"][known]).all() and (vols["variance_ratio"] > 0.0).all()
    page = (played / "README.md").read_text()
    assert "The best learned pricer" in page and "A crisis left out" in page and (played / "pit.png").is_file()
    facts = json.loads((played / "manifest.json").read_text())["facts"]
    assert facts["best"] in {"linear", "compact"} and facts["sizes"]["judge"] == 3
    # finished pieces are not played again, and a page is drawn from tables alone
    again = [*SMALL, *CHOICE, "--recorded", str(played.parent / "candles.csv"), "--out", str(played)]
    monkeypatch.setattr("protogov.experiments.studies.pricing.contests._fit", None)
    assert main(["study", "pricing", *again]) == 0
    assert main(["study", "pricing", "--redraw", "--out", str(played)]) == 0
    assert (played / "README.md").read_text().partition("Made on")[0] == page.partition("Made on")[0]


def test_final_opens_the_sealed_test_once(played: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """With another list in the place of the sealed one: no sealed tape is drawn here."""
    out, record = played / "final", played.parent / "record"
    arguments = ["study", "pricing", *SMALL, *CHOICE[:3], "--final", str(played), "--out", str(out)]
    assert main(arguments) == 2
    assert (
        "the default options alone; here generations, training, learn, judge, epochs, world" in capsys.readouterr().err
    )
    stand_in = SealedTest({"calm": "its digest"}, 2**45, 3, "digest of the list")
    monkeypatch.setattr(Options, "reduced", lambda self: [])
    monkeypatch.setattr(open_test, "default_folder", lambda: record)
    monkeypatch.setattr(open_test, "clean_commit", lambda: "abc")
    for module in (open_test, final):
        monkeypatch.setattr(module, "read_sealed", lambda: stand_in)
    assert main([*arguments[:4], "gbm", *arguments[5:]]) == 2  # other training markets than the finished study's
    assert not record.exists()
    assert main(arguments) == 0
    (opening,) = json.loads((record / "openings.json").read_text())["openings"]
    assert opening["command"] == f"protogov study pricing --final {played}"
    assert [one["name"] for one in opening["governors"]] == ["implied", "lyra", "ewma", "garch", "linear", "compact"]
    scores, facts = read_csv(out / "scores.csv"), json.loads((out / "manifest.json").read_text())["facts"]
    assert facts["refitted_apart"] == 0.0
    assert set(scores["market"]) == {"calm"} and "On the sealed test" in (out / "README.md").read_text()
    # the best was chosen before; the same command continues, others and every new fit are refused
    assert facts["best"] == json.loads((played / "manifest.json").read_text())["facts"]["best"]
    assert main(arguments) == 0 and len(json.loads((record / "openings.json").read_text())["openings"]) == 1
    capsys.readouterr()
    with pytest.raises(BadInput, match="opened on .* for other pricers"):
        final.open_for(["implied"], str(played))
    with pytest.raises(BadInput, match="nothing is fitted after it"):
        measure(Options(), HERE)


def test_crises_are_as_frequent_as_asked_and_others_alike() -> None:
    found = shares(("gbm", *CRISES[:2], "calm"), 0.1)
    assert found == pytest.approx((0.45, 0.05, 0.05, 0.45))
    assert shares(("gbm", "calm"), 0.1) is None and shares(CRISES, 0.1) is None
    sizes = Sizes(crises=0.1)
    job = Contest(Contestant(GARCH, GARCH), ("gbm", *CRISES[:2], "calm"), (), sizes)
    assert contests._garch_tapes(job) == [24, 3, 3, 24]
    assert contests._garch_tapes(Contest(Contestant(GARCH, GARCH), ("gbm",), (), sizes)) == [24]
    with pytest.raises(BadInput, match="crises is 1; a share above 0 and below 1"):
        measure(Options(crises=1.0), HERE)


def test_windows_of_one_history_do_not_overlap_across_tapes() -> None:
    table = {
        "kind": np.full(4, "score"), "tape": np.array([0.0, 0, 1, 1]), "hour": np.array([0.0, 24, 0, 24]),
        "hours": np.full(4, 24.0),
    }  # fmt: skip
    assert contests._apart(table, None).tolist() == [1.0, 1.0, 1.0, 1.0]
    # the second tape opens 12 hours after the first: 0 to 24, 24 to 48, 12 to 36, 36 to 60
    assert contests._apart(table, np.array([100, 112])).tolist() == [1.0, 1.0, 0.0, 0.0]


def test_the_score_beyond_one_percent_sees_a_tail_that_others_do_not() -> None:
    """Two laws that differ below 1% alone: CRPS is nearly the same, the score of the tail is not."""
    rng = np.random.default_rng(4)
    y, tape = rng.standard_normal(20_000), np.repeat(np.arange(100.0), 200)
    right = normal_law(np.zeros(len(y)), np.ones(len(y)))
    heavy = right.quantiles.copy()
    heavy[:, : LEVELS.index(0.01)] *= 1.5

    def means(law: QuantileLaw) -> tuple[float, float]:
        table = contests._score(law, y, tape, np.zeros(len(y)), np.ones(len(y)), 0)
        return float(table["crps"].mean()), float(table["beyond"].mean())

    (crps, beyond), (other, far) = means(right), means(QuantileLaw(heavy))
    assert abs(other / crps - 1.0) < 0.001 and far / beyond > 1.02
    # the mean quantile score of a normal law below 1%, by the integral of its density over the tail
    levels = np.array(contests.TAIL_LEVELS)
    exact = stats.norm.pdf(stats.norm.ppf(levels)).mean()  # E of the quantile score at its own level
    assert beyond == pytest.approx(exact, rel=0.06)


def test_a_width_that_crps_forgives_is_seen_in_the_vols() -> None:
    """A normal law that is 28% too wide: 2% of CRPS, and a ratio of variances far from 1."""
    rng = np.random.default_rng(3)
    y, tape = rng.standard_normal(2000), np.repeat(np.arange(100.0), 20)

    def rows(sd: float) -> dict[str, np.ndarray]:
        law = normal_law(np.zeros(len(y)), np.full(len(y), sd))
        table = contests._score(law, y, tape, np.tile(np.arange(20.0), 100), np.ones(len(y)), 0)
        return {**table, "apart": np.ones(len(y))}

    job = Contest(Contestant("x", "x"), (), ("gbm",))
    played = {name: (job, rows(sd)) for name, sd in (("truth", 1.0), ("implied", 1.28))}
    vols, scores = vol_table(played, ("gbm",)), score_table(played, ("gbm",))
    assert scores["over_truth"][1] == pytest.approx(2.0, abs=1.0)
    assert vols["vol_ratio"].tolist() == pytest.approx([1.0, 1.28], rel=2e-3) and vols["off"][1] == pytest.approx(
        24.7, 0.01
    )
    assert vols["low"][0] < 1.0 < vols["high"][0] and vols["high"][1] < 0.75


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
