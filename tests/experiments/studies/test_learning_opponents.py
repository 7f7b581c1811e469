"""Opponents of the study of learning: whose constants a market gets, and what is not searched again."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from protogov.experiments.core.pieces import HERE
from protogov.experiments.core.results import load_tables, manifest, store_tables, write_manifest
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import columns, records
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.learning import opponents, preregistration, study
from protogov.experiments.studies.learning.options import Options
from protogov.experiments.studies.tuning.searches import LEVERS

WITHOUT = [opponents.crisis_market(crisis) for crisis in opponents.CRISES]
EVERY = [*opponents.MARKETS, *opponents.PARTS, *WITHOUT]
BEST = "mix"  # whose constants are better in every market, as a search with much luck finds


@dataclass
class Tuning:
    """A stand-in for `protogov tune`: the constants of a market are its number, unless it is tuned along with `BEST`.

    Attributes:
        calls: scenarios of each call.
        shift: added to all constants, so that a second search is told from a first one.
    """

    calls: list[tuple[str, ...]] = field(default_factory=list)
    shift: float = 0.0

    def __call__(self, options, how):
        self.calls.append(tuple(options.scenarios))
        own = {name: EVERY.index(name) / 100 + self.shift for name in options.scenarios}
        chosen = {name: BEST if BEST in own else name for name in options.scenarios}
        rows = [{"tuned_on": name, "family": family, "gain": own[chosen[name]], "standard_error": 0.1, "hours": 12,
                 "constants_of": chosen[name]}
                for family in options.families for name in options.scenarios]  # fmt: skip
        curves = [{"tuned_on": row["tuned_on"], "family": row["family"], "search": 1, "hours": 12.0, "gain": 1 / 3,
                   "standard_error": 0.1} for row in rows]  # fmt: skip
        lever = np.array(LEVERS)
        linear = [{"tuned_on": name, "lever": one, **{f"weight_{at}": own[name] for at in range(4)}}
                  for name in options.scenarios for one in LEVERS]  # fmt: skip
        constants = {name: np.full(len(LEVERS), own[chosen[name]]) for name in options.scenarios}
        tables = {"tuned": columns(rows), "curves": columns(curves), "constants": {"lever": lever, **constants}}
        return Found({**tables, **({"linear": columns(linear)} if "linear" in options.families else {})})


def selfish(config, generations, how):
    return {"market": np.repeat(opponents.MARKETS, 2), "lever": np.tile(LEVERS[:2], 2), "value": np.arange(4.0),
            "moved": np.zeros(4)}  # fmt: skip


@pytest.fixture
def tuning(monkeypatch):
    stand_in = Tuning()
    monkeypatch.setattr(opponents, "tune", stand_in)
    monkeypatch.setattr(opponents, "selfish_constants", selfish)
    return stand_in


def values(tables, size, market):
    return {row["value"] for row in records(tables["constants"]) if (row["size"], row["market"]) == (size, market)}


def test_a_market_without_a_crisis_has_no_constants_of_a_market_that_has_it(tuning, tmp_path):
    tables = opponents.measure(Options(out=tmp_path), HERE).tables
    for name in WITHOUT:
        assert values(tables, "full", name) == {EVERY.index(name) / 100}
        (row,) = (row for row in records(tables["tuned"]) if row["tuned_on"] == name)
        assert row["gain"] == EVERY.index(name) / 100
    assert values(tables, "full", "calm") == {EVERY.index(BEST) / 100}  # another market may have them
    origins = {(row["size"], row["market"]): row["constants_of"] for row in records(tables["origins"])}
    assert origins == {("core", name): BEST for name in opponents.MARKETS} | {
        ("full", name): name if name in WITHOUT else BEST for name in EVERY
    }
    curves = [(row["size"], row["market"], row["family"]) for row in records(tables["curves"])]
    assert len(curves) == len(set(curves)) == 2 + len(EVERY) + 4  # constants of both sizes, and the linear rules
    assert set(tables["curves"]["gain"]) == {0.333333}


def stored(folder, tables, **changed):
    """A folder of the stage, as a study leaves it."""
    facts = {"preregistration": preregistration.digest(), "reduced": [], **changed}
    folder.mkdir(parents=True, exist_ok=True)
    about = manifest("protogov study learning", store_tables(folder, tables), {folder.name: facts})
    write_manifest(folder, {**about, "study": "learning"})
    return about


def test_what_the_folder_holds_is_not_searched_again_except_constants_that_may_know_the_crisis(tuning, tmp_path):
    first = opponents.measure(Options(out=tmp_path), HERE).tables
    # as the stage wrote it before it kept origins: nobody knows whose constants these are
    old = {name: table for name, table in first.items() if name not in ("origins", "curves")}
    about = stored(tmp_path / "opponents", old)
    before = {path.name: path.read_text().splitlines() for path in (tmp_path / "opponents").glob("*.csv")}
    tuning.calls, tuning.shift = [], 0.5
    again = opponents.measure(Options(out=tmp_path), HERE, study.tuned_before(tmp_path, Options(out=tmp_path))).tables
    assert tuning.calls == [(name,) for name in WITHOUT]
    stored(tmp_path / "opponents", again)
    for name, lines in before.items():
        now = (tmp_path / "opponents" / name).read_text().splitlines()
        assert len(now) == len(lines)
        other = {line for line, was in zip(now, lines, strict=True) if line != was}
        assert all('"mix-without-' in line for line in other) and bool(other) == (
            name in ("constants.csv", "tuned.csv")
        )
    for row in records(again["origins"]):
        alone = row["market"] in WITHOUT
        assert row["constants_of"] == (row["market"] if alone else "unknown")
        assert alone or (row["made"], row["commit"]) == (about["made"], about["versions"]["commit"])
    assert set(again["curves"]["market"]) == set(WITHOUT)  # of what was searched now
    # learners of other markets start where they did, so that what was kept of them is read
    for size in ("core", "full"):
        for market in opponents.MARKETS:
            was, now = (opponents.Opponents(tables).start(size, market) for tables in (old, again))
            np.testing.assert_array_equal(was.constants, now.constants)
            np.testing.assert_array_equal(was.linear, now.linear)
    tuning.calls = []
    whole = opponents.measure(Options(out=tmp_path), HERE, study.tuned_before(tmp_path, Options(out=tmp_path))).tables
    assert not tuning.calls
    for name, table in whole.items():
        assert records(table) == records(load_tables(tmp_path / "opponents", {name: f"{name}.csv"})[name])


def test_what_was_made_in_another_world_or_with_other_sizes_is_searched_and_another_registration_refused(tmp_path):
    options = Options(out=tmp_path)
    assert study.tuned_before(tmp_path, options) == {}
    table = {"size": np.array(["full"]), "market": np.array(["mix"])}
    about = stored(tmp_path / "opponents", {"constants": table})
    assert records(study.tuned_before(tmp_path, options)["origins"])[0]["constants_of"] == "unknown"
    assert study.tuned_before(tmp_path, Options(out=tmp_path, tapes=8)) == {}
    write_manifest(tmp_path / "opponents", {**about, "study": "learning", "physics": "0"})
    assert study.tuned_before(tmp_path, options) == {}
    stored(tmp_path / "opponents", {"constants": table}, preregistration="another")
    with pytest.raises(BadInput, match="was made under another registration"):
        study.tuned_before(tmp_path, options)
