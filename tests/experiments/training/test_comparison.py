"""Paired differences on tables whose answers are known."""

import numpy as np
import pytest

from protogov.experiments.core.evaluation import ARBITRAGE, PARTS, REALISED
from protogov.experiments.core.incidence import COLUMNS
from protogov.experiments.core.statistics import student_t
from protogov.experiments.core.tables import Table, concatenate
from protogov.experiments.core.welfare_box import WEIGHED
from protogov.experiments.report.words import (
    COSTS,
    SHARES,
    SHORT_BEARS,
    box_sentence,
    details,
    headline,
    plain,
    signed,
    summary_table,
    turn_sentences,
    underpowered,
)
from protogov.experiments.training.comparison import BEARS_LABELS, PART_LABELS, REALISED_LABELS, compare, comparisons


def episodes(
    name: str, welfare: list[float], *, seed: int = -1, scenarios: list[str] | None = None, overlapping: bool = False
) -> Table:
    """An evaluation of one set on tapes 0, 1, … with that W, all of it the borrowers'."""
    count = len(welfare)
    table: Table = {
        "governors": np.full(count, name),
        "training_seed": np.full(count, seed),
        "suite": np.full(count, "suite"),
        "scenario": np.array(scenarios or ["one"] * count),
        "overlapping": np.full(count, overlapping),
        "tape_seed": np.arange(count),
        "price_drawdown": np.linspace(-0.5, 0.0, count),
        "welfare/0": np.array(welfare),
        "mandate/rate_0": np.zeros(count),
    }
    table |= {f"welfare/0/{part}": np.array(welfare) * (part == "borrowers") for part in PARTS}
    table |= {f"loss/0/{part}": np.zeros(count) for part in WEIGHED}
    table |= {f"bears/0/{name}": np.zeros(count) for name in COLUMNS}
    return table | {f"{name}/0": np.zeros(count) for name in REALISED_LABELS}


def test_every_part_and_column_has_words_and_a_place():
    assert set(PART_LABELS) == set(PARTS) == set(SHARES) and set(COSTS) < set(PARTS) and set(WEIGHED) < set(COSTS)
    assert set(REALISED_LABELS) == {*REALISED, ARBITRAGE} and set(BEARS_LABELS) == set(COLUMNS)
    assert set(SHORT_BEARS) < set(COLUMNS)


def test_who_bears_it_leaves_out_tapes_where_nobody_does():
    static, learned = episodes("static", [0.0] * 4), episodes("learned", [0.0] * 4, seed=0)
    static["bears/0/first_out"] = np.array([np.nan, 5.0, 5.0, 5.0])
    learned["bears/0/first_out"] = np.array([1.0, np.nan, 6.0, 8.0])
    learned["bears/0/stayed"] = np.full(4, np.nan)
    learned["bears/0/worst"] = np.array([-1.0, -2.0, -1.0, -2.0])
    (found,) = comparisons(concatenate([static, learned]))
    rows = {row.measure.name: row for row in found.group("bears")}
    assert rows["first_out"].over_tapes == student_t([1.0, 3.0]) and rows["first_out"].baseline == 5.0
    assert "stayed" not in rows and rows["worst"].over_tapes.mean == -1.5
    text = "\n".join(summary_table(found))
    assert "Worst-off tenth of borrowers: surplus" in text and "Borrowers, tenth 4" not in text


def test_two_venues_count_by_their_k0():
    sets = [episodes("static", [0.0] * 3), episodes("learned", [1.0, 2.0, 3.0], seed=0)]
    for table in sets:
        other = {name.replace("/0", "/1", 1): 3.0 * column for name, column in table.items() if "/0" in name}
        table |= other | {"opening_value/0": np.full(3, 3e7), "opening_value/1": np.full(3, 1e7)}
    (found,) = comparisons(concatenate(sets))
    assert found.pairs.tolist() == [1.5, 3.0, 4.5]  # a quarter of it is the small venue's, not a half
    assert found.group("part")[0].mean == found.welfare.mean == found.box.mean.rest == 3.0
    for table in sets:
        table["opening_value/1"] = table["opening_value/0"]
    assert compare(concatenate(sets), "suite", "learned").pairs.tolist() == [2.0, 4.0, 6.0]  # the plain mean


def test_a_comparison_says_whether_it_hangs_on_the_weights_of_losses():
    sets = [episodes(name, [0.0] * 3, seed=seed) for name, seed in (("static", -1), ("bold", 0), ("careful", 1))]
    for table, gain, losses in zip(sets[1:], (8.0, 1.0), (2.0, -1.0), strict=True):
        table["loss/0/latent"] = losses + np.array([-0.1, 0.0, 0.1])
        table["welfare/0/latent"] = -3.0 * table["loss/0/latent"]
        table["welfare/0/borrowers"] = np.full(3, gain)
        table["welfare/0"] = table["welfare/0/latent"] + table["welfare/0/borrowers"]
    bold, careful = comparisons(concatenate(sets))
    assert bold.box.grid[2][1].mean == pytest.approx(bold.welfare.over_tapes.mean)  # at the weights in force it is W
    assert "changes within the box" in box_sentence(bold) and "at lambda 4 with kappa 1" in box_sentence(bold)
    assert "holds over the whole box" in box_sentence(careful) and "at all 12 points" in box_sentence(careful)
    assert turn_sentences([bold]) == []
    (line,) = turn_sentences([bold, careful])  # 8 - 2 lambda and 1 + lambda cross at 7 / 3
    assert line.startswith("bold and careful change places") and "lambda 2.3 with kappa 0" in line


def test_differences_are_paired():
    base, gain = np.array([-100.0, 0.0, 50.0, 300.0]), np.array([1.0, 2.0, 1.0, 2.0])
    table = concatenate([episodes("static", list(base)), episodes("learned", list(base + gain), seed=0)])
    found = compare(table, "suite", "learned")
    expected = student_t(gain)  # the spread of the tapes themselves, a hundred times as wide, falls out
    assert found.welfare.over_tapes.low == pytest.approx(expected.low)
    assert found.welfare.over_tapes.high == pytest.approx(expected.high)
    assert found.welfare.mean - found.welfare.baseline == pytest.approx(1.5)
    assert found.welfare.over_seeds is None
    assert found.verdict == "better"
    assert found.group("part")[0].over_tapes.mean == pytest.approx(1.5)
    assert (found.shortfall, found.baseline_shortfall) == pytest.approx((-99.0, -100.0))


def test_pairs_are_matched_by_tape_and_not_by_row():
    learned = episodes("learned", [11.0, 21.0, 31.0], seed=0)
    turned = {name: column[::-1] for name, column in learned.items()}
    found = compare(concatenate([turned, episodes("static", [10.0, 20.0, 30.0])]), "suite", "learned")
    assert found.pairs.tolist() == [1.0, 1.0, 1.0]


def test_training_seeds_are_a_sample_of_their_own():
    parts = [episodes("static", [0.0] * 4)]
    parts += [episodes("learned", [gain] * 4, seed=seed) for seed, gain in enumerate((1.0, 2.0, 6.0))]
    found = compare(concatenate(parts), "suite", "learned")
    assert found.welfare.by_seed == {0: 1.0, 1: 2.0, 2: 6.0}
    expected = student_t([1.0, 2.0, 6.0])
    assert found.welfare.over_seeds is not None
    assert found.welfare.over_seeds.high == pytest.approx(expected.high)
    # every tape has the same mean over learners, so that interval excludes zero, and the one over seeds does not
    assert found.welfare.over_tapes.excludes_zero and not found.welfare.over_seeds.excludes_zero
    assert found.verdict == "unclear"
    assert found.underpowered
    assert underpowered([found]).startswith("underpowered: 3 training seeds")
    assert "training seeds includes zero" in headline(found)


def test_windows_of_a_recording_are_not_independent():
    scenarios = ["a"] * 50 + ["b"] * 50
    gains = [1.0] * 50 + [2.0] * 50
    sets = [("static", [0.0] * 100, -1), ("learned", gains, 0)]
    table = concatenate([episodes(name, w, seed=seed, scenarios=scenarios, overlapping=True) for name, w, seed in sets])
    found = compare(table, "suite", "learned")
    assert found.unit == "recordings"
    assert found.welfare.over_tapes.n == 2
    assert found.welfare.over_tapes.high == pytest.approx(student_t([1.0, 2.0]).high)
    assert [row.difference.mean for row in found.scenarios] == [1.0, 2.0]


def test_different_tapes_are_refused():
    table = concatenate([episodes("static", [0.0] * 3), episodes("learned", [1.0] * 2, seed=0)])
    with pytest.raises(ValueError, match="same tapes"):
        compare(table, "suite", "learned")
    with pytest.raises(ValueError, match="no episodes of 'random'"):
        compare(table, "suite", "random")


def test_headline_says_when_learning_made_it_worse():
    table = concatenate([episodes("static", [5.0, 6.0, 7.0]), episodes("learned", [1.0, 2.1, 3.0], seed=0)])
    (found,) = comparisons(table)
    assert found.verdict == "worse"
    assert "do worse than the static protocol" in headline(found)
    assert any("borrowers \N{MINUS SIGN}3.97" in line for line in details(found))
    text = "\n".join(summary_table(found))
    assert "Welfare W" in text and "\N{MINUS SIGN}3.97" in text


def test_eight_seeds_are_enough():
    parts = [episodes("static", [0.0, 1.0])] + [episodes("learned", [1.0, 2.0], seed=seed) for seed in range(8)]
    (found,) = comparisons(concatenate(parts))
    assert not found.underpowered
    assert underpowered([found]) == ""


def test_numbers_carry_as_many_digits_as_they_mean():
    minus = "\N{MINUS SIGN}"
    assert [signed(x) for x in (0.0, 1e-5, 0.01234, 0.5, -3.14159, 27.18, -1234.5)] == [
        "0", "0", "+0.012", "+0.50", f"{minus}3.14", "+27.2", f"{minus}1234",
    ]  # fmt: skip
    assert plain(2.5) == "2.50" and plain(-2.5) == f"{minus}2.50"


def test_a_cost_that_rose_is_not_called_a_party():
    static, learned = episodes("static", [0.0, 0.0, 0.0]), episodes("learned", [0.0, 0.0, 0.0], seed=0)
    learned["welfare/0/liquidation"] = np.array([-2.0, -2.1, -1.9])
    learned["welfare/0/lps"] = np.array([1.0, 1.1, 0.9])
    (found,) = comparisons(concatenate([static, learned]))
    told = " ".join(details(found))
    assert "option LPs (market profit apart) +1.00" in told
    assert "higher liquidation cost \N{MINUS SIGN}2.00" in told
