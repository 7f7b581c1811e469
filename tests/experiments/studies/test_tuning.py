"""Tuning: searches add up in a folder, the baselines' file holds what they found, picks and scores share no tape."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from protogov.agents.baselines.linear_feedback import LinearFeedback
from protogov.agents.baselines.tuned import TUNED_FILE
from protogov.envs.roles import LEVER_BY_NAME, ROLES
from protogov.experiments.cli import main
from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.core.fresh_tapes import search_tapes
from protogov.experiments.core.pieces import HERE, Running
from protogov.experiments.core.results import read_manifest
from protogov.experiments.core.tables import read_csv, records
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.tuning import Options, searches
from protogov.experiments.studies.tuning.searches import (
    CONSTANTS,
    LEVERS,
    LINEAR,
    NETWORK,
    SHARES,
    TAPES,
    Search,
    effort_of,
    linear_start,
    play_all,
    search_piece,
)
from protogov.experiments.studies.tuning.study import STUDY, actions_of, clear_best, command_of, measure, values_of

RESULTS = Path(__file__).resolve().parents[3] / "results" / "tuning"
SMALL = ["--generations", "2", "--population", "4", "--tapes", "2", "--checks", "4", "--jobs", "1",
         "--world.episode-hours", "12"]  # fmt: skip
FEW = Options(
    scenarios=("flat",), searches=2, generations=2, population=4, tapes=2, checks=4, jobs=1,
    world=WorldOptions(episode_hours=12),
)  # fmt: skip
WORLD = FEW.world.make()


@pytest.fixture
def searched(monkeypatch):
    """(scenario, family, number) of the searches that are played."""
    names, search = [], searches.search_piece

    def noted(config, job):
        names.append((job.scenario, job.kind, job.number))
        return search(config, job)

    monkeypatch.setattr(searches, "search_piece", noted)
    return names


def by_name(table):
    """Scenario -> lever -> value."""
    return {
        at: dict(zip(table["lever"].tolist(), one.tolist(), strict=True)) for at, one in table.items() if at != "lever"
    }


def test_a_command_goes_on_with_what_is_kept_and_a_rule_starts_at_the_constants(tmp_path, searched):
    how = Running(keep=tmp_path / "pieces")
    first = measure(replace(FEW, families=(CONSTANTS,)), how)
    assert searched == [("flat", CONSTANTS, 1), ("flat", CONSTANTS, 2)]
    second = measure(replace(FEW, scenarios=("flat", "jump")), how).tables
    assert searched[2:4] == [("jump", CONSTANTS, 1), ("jump", CONSTANTS, 2)]
    assert searched[4:] == [(name, LINEAR, number) for name in ("flat", "jump") for number in (1, 2)]
    np.testing.assert_array_equal(second["searched"]["flat"], first.tables["searched"]["flat"])
    for row in records(second["tuned"]):
        np.testing.assert_array_equal(second["constants"][row["tuned_on"]], second["searched"][row["constants_of"]])
        own = [one for one in records(second["searches"])
               if (one["tuned_on"], one["family"]) == (row["tuned_on"], row["family"])]  # fmt: skip
        assert row["hours"] == sum(one["hours"] for one in own)
        assert [one["hours"] for one in own] == [one["episodes"] * 12 for one in own]
    assert len(second["curves"]["gain"]) == len(second["searches"]["gain"]) * len(SHARES)
    assert second["linear"]["lever"].tolist() == [*LEVERS, *LEVERS]


def test_a_search_plays_its_fresh_tapes_and_no_others(monkeypatch):
    seen, opened = [], searches.open_tapes

    def noted(config, scenarios, first, count):
        seen.extend(range(first, first + count))
        return opened(config, scenarios, first, count)

    monkeypatch.setattr(searches, "open_tapes", noted)
    effort = effort_of(CONSTANTS, 3, 4, 2)
    found = search_piece(WORLD, Search("flat", CONSTANTS, 2, effort, (0.0,) * 12))
    assert seen == list(search_tapes(2, effort))
    assert set(found) == {"last", "average", *(f"after_{share:g}" for share in SHARES)}
    np.testing.assert_array_equal(found["after_1"], found["average"])
    assert effort_of(LINEAR, 3, 4, 2).episodes == 1 * 8 * 4
    spans = [range(first, first + count) for first, count in TAPES.values()]
    for span in spans:
        assert not set(seen) & set(span)
        assert all(span is other or not set(span) & set(other) for other in spans)


def test_points_are_played_in_parts_and_a_rule_without_slopes_is_the_constants(monkeypatch):
    constants = np.linspace(-0.5, 0.5, 12)
    points = np.array([np.zeros(12), constants, -constants])
    rules = np.array([linear_start(point) for point in points])
    asked = [("jump", CONSTANTS, points), ("jump", LINEAR, rules)]
    whole = play_all(WORLD, asked, "choice", 4, HERE)
    np.testing.assert_array_equal(whole[0], whole[1])
    assert whole[0].shape == (3, 4) and not np.array_equal(whole[0][0], whole[0][1])
    monkeypatch.setattr(searches, "CHUNK", 4)
    np.testing.assert_array_equal(play_all(WORLD, asked, "choice", 4, HERE), whole)


def test_another_search_s_constants_are_taken_only_where_they_are_clearly_better():
    flat, noise = np.zeros(8), 10.0 * (-1.0) ** np.arange(8)
    assert clear_best(np.array([flat, flat + 1.0, flat + 2.0])) == 2
    assert clear_best(np.array([flat, flat - 1.0])) == 0
    assert clear_best(np.array([flat, flat + 1.0 + noise])) == 0  # better by less than two standard errors
    assert clear_best(np.array([flat])) == 0


def test_the_command_writes_constants_and_a_page_of_its_searches(tmp_path, capsys):
    out, tuned = tmp_path / "tuning", tmp_path / "tuned.json"
    arguments = ["tune", "--scenarios", "flat", "jump", *SMALL]
    assert main([*arguments, "--out", str(out), "--tuned", str(tuned)]) == 0
    assert "the ends of 2 searches lie" in capsys.readouterr().out
    data = json.loads(tuned.read_text())
    assert set(data) == {"constants", "linear"} and set(data["constants"]) == set(data["linear"]) == {"flat", "jump"}
    assert data["constants"] == by_name(read_csv(out / "constants.csv"))  # to the last digit
    page = (out / "README.md").read_text()
    row = next(row for row in records(read_csv(out / "tuned.csv")) if row["family"] == LINEAR)
    assert f"| flat | linear | {row['gain']:+.2f} ± {row['standard_error']:.2f} | {row['more']:+.2f} ± " in page
    assert "| liquidation threshold [%] | 83 |" in page
    made = "protogov tune --scenarios flat jump --generations 2 --population 4 --tapes 2 --checks 4"
    assert f"    {made} --world.episode-hours 12\n" in page
    figure = (out / "searches.png").read_bytes()
    assert main(["study", "tuning", "--redraw", "--out", str(out)]) == 0
    assert (out / "README.md").read_text() == page and (out / "searches.png").read_bytes() == figure
    before = read_csv(out / "searches.csv")
    more = ["tune", "--scenarios", "calm", *SMALL, "--families", "constants", "--out", str(out)]
    assert main([*more, "--tuned", str(tuned)]) == 0
    again = read_csv(out / "searches.csv")
    known = len(before["gain"])
    assert [name.tolist()[:known] for name in again.values()] == [one.tolist() for one in before.values()]
    assert again["tuned_on"].tolist()[known:] == ["calm", "calm"]
    assert set(json.loads(tuned.read_text())["linear"]) == {"flat", "jump"}
    capsys.readouterr()
    assert main([*arguments, "--population", "5", "--out", str(out)]) == 2
    assert "was made with the budget" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"searches": 0}, "searches is 0; a whole number of at least 1"),
        ({"population": 3}, "population is 3; a whole number of at least 4"),
        ({"families": (LINEAR,)}, "families lacks constants"),
        ({"scenarios": ("crash-heldout",)}, "never trained or tuned on"),
        ({"world": WorldOptions(observe=("chain",))}, "the linear rule reads"),
    ],
)
def test_what_cannot_be_searched_is_refused(changed, message):
    with pytest.raises(BadInput, match=message):
        measure(replace(FEW, **changed), HERE)


def test_a_command_is_told_with_what_differs_from_its_defaults():
    assert command_of(Options(out=Path("x"), jobs=1)) == "protogov tune"
    given = replace(FEW, scenarios=("jump",), families=(CONSTANTS,), world=WorldOptions(privileged=True))
    assert command_of(given) == (
        "protogov tune --scenarios jump --families constants --generations 2 --population 4 --tapes 2 --checks 4 "
        "--world.privileged"
    )


def test_what_baselines_read_is_what_the_committed_searches_found():
    data, linear = json.loads(TUNED_FILE.read_text()), read_csv(RESULTS / "linear.csv")
    assert set(data) == {"constants", "linear"}
    assert data["constants"] == by_name(read_csv(RESULTS / "constants.csv"))
    rows = [(row["tuned_on"], row["lever"], [row[f"weight_{at}"] for at in range(4)]) for row in records(linear)]
    assert rows == [(name, *one) for name, rule in data["linear"].items() for one in rule.items()]
    assert read_manifest(RESULTS)["facts"]["scenarios"] == list(data["constants"])
    assert STUDY.name == read_manifest(RESULTS)["study"]
    for values in data["constants"].values():
        own = np.array([values[name] for name in LEVERS])
        np.testing.assert_allclose(values_of(actions_of(own)), own)
    levers = ROLES["rate"].lever_rows()
    for name, rule in data["linear"].items():
        weights = LinearFeedback(levers, scenario=name)._weights
        assert weights.tolist() == [rule[lever.name] for lever in levers]
    assert LEVER_BY_NAME.keys() >= set(LEVERS)


def test_networks_are_written_as_policies_and_taken_up_again(tmp_path, searched):
    options = replace(FEW, families=(CONSTANTS, NETWORK), searches=1, out=tmp_path)
    first = STUDY.measure(options, Running(keep=tmp_path / "pieces"))
    assert searched == [("flat", CONSTANTS, 1), ("flat", NETWORK, 1)]
    assert effort_of(NETWORK, 2, 4, 2).episodes == 3 * 8 * 1
    files = sorted(path.name for path in (tmp_path / "policies" / "flat").glob("*.json"))
    assert files == ["policy_rate_0.json", "policy_risk_0.json", "policy_spread_0.json"]
    row = next(row for row in records(first.tables["tuned"]) if row["family"] == NETWORK)
    assert np.isfinite([row["gain"], row["more"], row["more_error"]]).all()
    assert "; a network gains beyond them: " in STUDY.judge(first).sentences[0]


@pytest.mark.parametrize("kind", [CONSTANTS, LINEAR])
def test_levers_that_a_small_world_lacks_stay_where_they_were(kind):
    """In the size core three levers are held; a search must not report where the others drifted to."""
    config = replace(FEW.world, size="core").make()
    start = np.full(12 * (4 if kind == LINEAR else 1), 0.1)
    found = search_piece(config, Search("flat", kind, 1, effort_of(kind, 2, 4, 2), tuple(start.tolist())))
    held = [LEVERS.index(name) for name in ("base_rate", "liquidation_threshold", "half_spread")]
    for point in found.values():
        moved = (point != start).reshape(12, -1).any(axis=1)
        assert np.flatnonzero(moved).tolist() == sorted(held)
