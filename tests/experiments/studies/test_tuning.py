"""Tuning: searches add up in a folder, the baselines' file holds what they found, a rule goes as far as tapes say."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from protogov.agents.baselines.tuned import TUNED_FILE
from protogov.agents.tuning import Budget, Episodes
from protogov.envs.roles import LEVER_BY_NAME
from protogov.experiments.cli import main
from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.core.pieces import HERE, Running
from protogov.experiments.core.results import read_manifest
from protogov.experiments.core.tables import Table, read_csv
from protogov.experiments.errors import BadInput
from protogov.experiments.studies import tuning
from protogov.experiments.studies.tuning import (
    LEVERS,
    LINEAR,
    Options,
    actions_of,
    command_of,
    measure,
    tune_linear,
    values_of,
)

RESULTS = Path(__file__).resolve().parents[3] / "results" / "tuning"
SMALL = ["--generations", "2", "--population", "4", "--tapes", "2", "--jobs", "1", "--world.episode-hours", "12"]
FEW = Options(
    scenarios=("flat", "jump"), generations=2, population=4, restarts=1, tapes=2, jobs=1,
    world=WorldOptions(episode_hours=12),
)  # fmt: skip


class Bowl:
    """Tapes on which welfare is minus the squared distance to `best`, plus a noise of the tape alone."""

    def __init__(self, best, tapes=4):
        self.best, self.seeds = np.asarray(best), np.arange(tapes)

    def play(self, family, points, held=None):
        score = -((np.asarray(points) - self.best) ** 2).sum(axis=1)
        return Episodes({"welfare": score[:, None] + self.seeds[None, :]})


def bowl(tapes):
    return Bowl([0.5] * 12, tapes)


class Unsure(Bowl):
    """The same bowl, in which tapes differ by ten, up and down in turn, unless a candidate is the defaults."""

    def __init__(self, tapes):
        super().__init__([0.5] * 12, tapes)

    def play(self, family, points, held=None):
        noise = np.where(np.any(points, axis=1)[:, None], 10.0 * (-1.0) ** self.seeds, 0.0)
        return Episodes({"welfare": super().play(family, points, held).totals["welfare"] + noise})


def by_name(table):
    """Scenario -> lever -> value."""
    return {at: dict(zip(table["lever"].tolist(), one.tolist(), strict=True)) for at, one in values_of(table).items()}


def row_of(searches: Table, name: str) -> dict:
    row = searches["tuned_on"].tolist().index(name)
    return {of: column[row] for of, column in searches.items()}


@pytest.fixture
def searched(monkeypatch):
    """Names of the searches that are played."""
    names, search = [], tuning.search

    def told(config, job):
        names.append(LINEAR if job.linear else job.scenario)
        return search(config, job)

    monkeypatch.setattr(tuning, "SCORING", 4)
    monkeypatch.setattr(tuning, "search", told)
    return names


def test_a_search_that_was_stopped_goes_on_with_what_is_kept(tmp_path, searched, monkeypatch):
    how = Running(keep=tmp_path / "pieces")
    one = replace(FEW, scenarios=("flat",), linear=False)
    first = measure(one, how)
    assert searched == ["flat"]
    second = measure(FEW, how).tables
    assert searched == ["flat", "jump", LINEAR]
    np.testing.assert_array_equal(second["searched"]["flat"], first.tables["searched"]["flat"])
    # a scenario has its own constants, or those of a search that found better ones
    for name in ("flat", "jump"):
        np.testing.assert_array_equal(
            second["constants"][name], second["searched"][row_of(second["searches"], name)["constants_of"]]
        )
    assert second["linear"]["lever"].tolist() == second["constants"]["lever"].tolist() == list(LEVERS)
    assert set(second["ways"]) == {"generation", "flat 1", "jump 1", f"{LINEAR} 1"}


def test_another_search_s_constants_are_taken_where_they_are_clearly_better(monkeypatch):
    def choose(*sets):
        table = tuning.choose(FEW.world.make(), tuning.Choice("flat", 2, sets, 1))
        return {name: column[0] for name, column in table.items()}

    monkeypatch.setattr(tuning, "open_tapes", lambda config, scenarios, first, count, threads: [bowl(count)])
    near, far = (0.4,) * 12, (0.0,) * 12
    found = choose(far, near)
    assert found["best"] == 1 and found["gain"] == pytest.approx(12 * (0.25 - 0.01))
    assert choose(near, far)["best"] == 0
    # the same gain, of less than twice its standard error, is not taken
    monkeypatch.setattr(tuning, "open_tapes", lambda config, scenarios, first, count, threads: [Unsure(count)])
    assert choose(far, near)["best"] == 0
    found = choose(far, far)
    assert found["best"] == 0 and found["z"] == 0.0  # nothing is gained over the defaults, which these are


def test_the_command_writes_constants_and_a_page_of_its_searches(tmp_path, capsys):
    out, tuned = tmp_path / "tuning", tmp_path / "tuned.json"
    arguments = ["tune", "--scenarios", "flat", "jump", *SMALL, "--no-linear"]
    assert main([*arguments, "--out", str(out), "--tuned", str(tuned)]) == 0
    searches = read_csv(out / "searches.csv")
    jump = row_of(searches, "jump")
    assert (jump["generations_1"], jump["generations_2"]) == (2, 2)
    assert (jump["population_1"], jump["population_2"]) == (4, 8)
    assert "2 generations (budget) and 2 generations (budget)" in capsys.readouterr().out
    data = json.loads(tuned.read_text())
    assert set(data) == {"constants", "linear"} and set(data["constants"]) == {"flat", "jump"}
    assert data["constants"] == by_name(read_csv(out / "constants.csv"))  # to the last digit
    page = (out / "README.md").read_text()
    assert f"| jump | {jump['gain']:+.1f} ± " in page
    assert "2, budget, " in page and "| liquidation threshold [%] | 83 |" in page
    made = "protogov tune --scenarios flat jump --generations 2 --population 4 --tapes 2 --no-linear"
    assert f"    {made} --world.episode-hours 12\n" in page
    figure = (out / "searches.png").read_bytes()
    assert main(["study", "tuning", "--redraw", "--out", str(out)]) == 0
    assert (out / "README.md").read_text() == page and (out / "searches.png").read_bytes() == figure
    # the number of restarts is each search's own
    assert (
        main(["tune", "--scenarios", "flat", "calm", *SMALL, "--restarts", "1", "--out", str(out), "--no-linear"]) == 0
    )
    again = read_csv(out / "searches.csv")
    assert again["tuned_on"].tolist() == ["flat", "jump", "calm"]
    assert row_of(again, "jump") == jump and row_of(again, "calm")["generations_2"] == 0
    assert (out / "README.md").read_text().count("protogov tune --scenarios flat") == 3  # two searches' and the page's
    capsys.readouterr()
    assert main([*arguments, "--population", "5", "--out", str(out)]) == 2
    assert "was made with the budget" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"restarts": 3}, "restarts is 3; 1 to 2 are accepted"),
        ({"population": 3}, "population is 3; a whole number of at least 4"),
        ({"scenarios": ("crash-heldout",)}, "never trained or tuned on"),
        ({"world": WorldOptions(observe=("chain",))}, "the linear rule reads"),
    ],
)
def test_what_cannot_be_searched_is_refused(changed, message):
    with pytest.raises(BadInput, match=message):
        measure(replace(FEW, **changed), HERE)


def test_a_command_is_told_with_what_differs_from_its_defaults():
    assert command_of(Options(out=Path("x"), jobs=1)) == "protogov tune"
    given = replace(FEW, scenarios=("jump",), linear=False, world=WorldOptions(privileged=True))
    assert command_of(given) == (
        "protogov tune --scenarios jump --generations 2 --population 4 --restarts 1 --tapes 2 --no-linear "
        "--world.privileged"
    )


def test_what_baselines_read_is_what_the_committed_searches_found():
    data = json.loads(TUNED_FILE.read_text())
    assert set(data) == {"constants", "linear"}
    assert data["constants"] == by_name(read_csv(RESULTS / "constants.csv"))
    linear = read_csv(RESULTS / "linear.csv")
    weights = np.array([linear[f"weight_{at}"] for at in range(4)]).T
    assert data["linear"] == dict(zip(linear["lever"].tolist(), weights.tolist(), strict=True))
    assert read_manifest(RESULTS)["facts"]["scenarios"] == list(data["constants"])
    for values in data["constants"].values():
        actions = actions_of(np.array([values[name] for name in LEVERS]))
        back = [float(LEVER_BY_NAME[name].value(np.asarray(one))) for name, one in zip(LEVERS, actions, strict=True)]
        assert back == pytest.approx(list(values.values()))


def test_a_rule_goes_no_further_than_other_tapes_support():
    class Weights:
        levers, size = ("half_spread",), 4

    budget, told = Budget(generations=30, population=8), []
    near, far = [0.2, 0.1, 0.0, 0.0], [0.2, 0.9, 0.0, 0.0]  # what the tapes of the search want, and what others do
    found = tune_linear(Weights(), [0.2], [Bowl(far)], [Bowl(near)], budget, told.append)
    assert found.point[0] == pytest.approx(0.2, abs=0.1)
    assert found.point[1] == pytest.approx(0.1, abs=0.06)  # an eighth of the way
    assert len(found.restarts) == 1 and found.gain > 0.0
    none = tune_linear(Weights(), [0.2], [Bowl(far)], [Bowl([0.2, -0.5, 0.0, 0.0])], budget, told.append)
    assert none.point.tolist() == [0.2, 0.0, 0.0, 0.0]
    assert none.gain == 0.0
