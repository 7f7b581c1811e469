"""The margin study: its sums on made-up positions, and a tiny run from end to end."""

import numpy as np
import pytest

from protogov.experiments.cli import main
from protogov.experiments.core.pieces import HERE
from protogov.experiments.core.tables import columns, read_csv, records
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.margins.asking import _rows
from protogov.experiments.studies.margins.study import Options, measure
from protogov.experiments.studies.margins.summary import summarise, summarise_governed


def test_what_is_missing_and_what_it_would_cost_are_counted_by_hand() -> None:
    """Two hours, two tapes, one position each; the second tape's second hour is empty."""
    there = np.array([[[True], [True]], [[True], [False]]])
    worth, needed = np.full((2, 2, 1), 100.0), np.array([[[10.0], [20.0]], [[10.0], [0.0]]])
    owed = np.array([[[15.0], [5.0]], [[8.0], [0.0]]])
    first, second = _rows("gbm", "sellers", "avalon", there, worth, needed, owed, today=80.0)
    assert (first["hours"], first["required"], first["insolvent"], first["missing"]) == (2, 20.0, 1, 5.0)
    assert (second["hours"], second["insolvent"], second["missing"], second["worth"]) == (1, 0, 0.0, 100.0)
    assert first["missing_same"] == 0.0  # twice the capital
    assert first["cover"] == pytest.approx(np.quantile([1.5, 0.25, 0.8], 0.99))
    rows = _rows("gbm", "sellers", "avalon", there, worth, needed, owed, 40.0)
    rows += _rows("gbm", "sellers", "implied", there, worth, 2.0 * needed, owed, 40.0)
    rows += _rows("gbm", "borrowers", "threshold", there, worth, needed, owed, 40.0)
    table = summarise(columns(rows))
    assert table["rule"].tolist() == ["avalon", "implied", "threshold"]
    assert table["required"].tolist() == pytest.approx([40 / 3, 80 / 3, 40 / 3])
    assert table["insolvent"].tolist() == pytest.approx([25.0, 0.0, 25.0])
    # the same split of capital in other units: no difference at the same cost
    assert table["difference_bp"].tolist() == pytest.approx([0.0] * 3)


def test_the_study_from_end_to_end(tmp_path) -> None:
    out = tmp_path / "margins"
    options = [
        "--markets",
        "gbm",
        "crisis-2020-03",
        "--training",
        "gbm",
        "--tapes",
        "2",
        "--governed",
        "2",
        "--learn",
        "2",
    ]
    options += ["--epochs", "1", "--jobs", "1", "--world.episode-hours", "48", "--out", str(out)]
    assert main(["study", "margins", *options]) == 0
    table = read_csv(out / "margins.csv")
    sellers = table["kind"] == "sellers"
    known = {"avalon", "derive", "implied", "ewma", "mlp", "mlp-alike"}
    assert set(table["rule"][sellers & (table["market"] == "gbm")]) == known | {"truth"}
    assert set(table["rule"][sellers & (table["market"] == "unseen")]) == known
    assert (table["required"] > 0.0).all() and (table["required"] < 100.0).all()
    assert "In unseen crises" in (out / "README.md").read_text() and (out / "margins.png").is_file()
    governed = read_csv(out / "governed.csv")
    assert set(governed["rule"][governed["market"] == "gbm"]) == known | {"truth"}
    assert (governed["opened"] > 0).all() and (governed["collateral"] > 0.0).all()
    today = governed["rule"] == "avalon"
    assert (governed["threshold"][today] == 83.0).all() and (governed["over_lp_gain"][today] == 0.0).all()
    assert (governed["over_lp_gain"][~today] != 0.0).any()
    with pytest.raises(BadInput, match="world-episode-hours is 24"):
        measure(Options(world=Options().world.__class__(episode_hours=24)), HERE)
    with pytest.raises(BadInput, match="pricers names none"):
        measure(Options(pricers=()), HERE)


def one_tape(**values: float) -> dict[str, object]:
    """A row of a governed market in which 4 positions were written and nothing went wrong."""
    base = {
        "opened": 4, "closed": 0, "bad_positions": 0, "bad_loans": 0, "contracts_value": 2e6, "posted": 3e5,
        "posted_value": 1.5e6, "threshold": 0.83, "debt": 5e7, "lp_loss": 0.0, "lp_gain": 1e5, "liquidations": 0,
        "liquidated": 0.0, "loan_loss": 0.0, "uncovered": 0.0,
    }  # fmt: skip
    return {"market": "gbm", "tape": 0} | base | values


def test_what_governs_is_compared_on_the_same_tapes() -> None:
    rows = [{"rule": "avalon"} | one_tape(bad_positions=1, lp_loss=200.0), {"rule": "avalon"} | one_tape(tape=1)]
    rows += [
        {"rule": "ewma"} | one_tape(lp_gain=1.3e5),
        {"rule": "ewma"} | one_tape(tape=1, opened=0, posted_value=0.0),
    ]
    today, engine = records(summarise_governed(columns(rows)))
    assert (today["bad_positions"], today["lp_loss"], today["collateral"]) == pytest.approx((12.5, 0.5, 20.0))
    assert (today["written"], today["debt"], today["threshold"], today["lp_gain"]) == pytest.approx((2, 50, 83, 100))
    # on the second tape nobody wrote: there is no share of positions, but there is a pool
    assert engine["over_bad_positions"] == pytest.approx(-25.0) and engine["over_lp_gain"] == pytest.approx(15.0)
    assert today["over_lp_gain_low"] == today["over_lp_gain_high"] == 0.0
