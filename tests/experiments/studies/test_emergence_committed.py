"""The form of a report that git keeps: small at full size, with what was claimed, withheld and why."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from protogov.envs.config import WorldConfig
from protogov.experiments.cli import COMMANDS
from protogov.experiments.core.results import LARGEST_FIGURE, LARGEST_FOLDER, MANIFEST, write_figure
from protogov.experiments.core.statistics import student_t
from protogov.experiments.core.tables import groups, num_rows, read_csv, records, select
from protogov.experiments.studies.emergence import committed
from protogov.experiments.studies.emergence.committed import FIGURES, SHOWN, save_report
from protogov.experiments.studies.emergence.influence import KINDS, OWN
from protogov.experiments.studies.emergence.laboratory import Report, headline
from protogov.experiments.studies.emergence.measure import Control, Finding
from protogov.experiments.studies.emergence.reading import LOSSES, WELFARE

WORLD = WorldConfig(size="rivals")
SEEDS = 12


def number(draw, measure, name, mean, verdict="", found=False):
    own = student_t(mean + draw.normal(size=SEEDS) * 0.1)
    return Finding(measure, name, own, 0.0, float(draw.uniform(0.0, 0.04 if found else 1.0)), 0.12, verdict, found)


def full_report() -> Report:
    """Of the size of two venues at the full tier, with numbers of no meaning."""
    draw = np.random.default_rng(0)
    seats = [agent.name for agent in WORLD.learners()]
    levers = [f"{agent.name}/{lever}" for agent in WORLD.learners() for lever in agent.role.levers]
    outcomes = [*(f"mandate/{seat}" for seat in seats), WELFARE]
    findings = []
    for kind in KINDS:
        for lever in levers:
            for outcome in outcomes:
                own = outcome.endswith(lever.split("/")[0])
                found = kind == "total" and (own or lever == levers[0])
                for last in (1, 4, 10):
                    words = (OWN if own else "influence") if found else "not found; one of 0.12 would have been"
                    name = f"{kind} {lever} -> {outcome} @1-{last}"
                    findings.append(number(draw, "influence", name, float(found), words, found))
    coalitions = ["+".join(seat for bit, seat in enumerate(seats) if mask >> bit & 1) for mask in range(1, 2**6)]
    findings += [number(draw, "dividends", f"{group} -> {WELFARE}", 0.3, "interaction", True) for group in coalitions]
    untrained = "not found; one of 0.1 would have been in 4 of 5 cases; withheld: no network was trained"
    findings += [number(draw, "exploitability", name, 0.0, untrained) for name in (*seats, "NashConv")]
    findings += [
        number(draw, "cascades", f"{seat}'s decisions -> {outcome}", 0.0, "not found")
        for seat in seats for outcome in (WELFARE, *LOSSES)
    ]  # fmt: skip
    findings += [number(draw, "collusion", f"profit gain of {role}", 0.5, "withheld: too close") for role in "ab"]
    path = [{"seed": seed, "market_hours": 1e6 * k, "x": draw.normal(), "y": draw.normal(), "speed": draw.uniform()}
            for seed in range(SEEDS) for k in range(10)]  # fmt: skip
    role_gains = {
        "home": draw.normal(size=SEEDS).tolist(),
        "strangers": draw.normal(size=SEEDS).tolist(),
        "myopic": 0.1,
    }
    series = {
        "influence": {"levers": levers, "outcomes": outcomes, "window": [1, 10]},
        "ladder": {"agents": seats, "gains": draw.normal(size=(SEEDS, 6)), "rungs": ["offset, linear"] * 6},
        "gains": {"rate": role_gains, "spread": role_gains},
        "training": {"rows": path, "winding": [0.5] * SEEDS},
    }  # fmt: skip
    names = ["placebo", *(f"control {k}" for k in range(23))]
    controls = [Control(name, "exactly 0", "0", True, ("influence", "dividends")) for name in names]
    facts = {
        "tier": "full", "subject": "cell ppo-c1-v2-a72", "training_seeds": SEEDS, "units": "training seeds",
        "agents": seats, "calm": "calm", "stress": "mix", "crisis": "crisis-2022-06", "trained_responses": False,
        "optional": [], "world": WORLD.to_dict(),
    }  # fmt: skip
    return Report(tuple(findings), tuple(controls), {"cross-play": "2 seeds are needed"}, series, facts)


@pytest.fixture(scope="module")
def report() -> Report:
    return full_report()


@pytest.fixture(scope="module")
def saved(report, tmp_path_factory):
    """The folder of a report of full size."""
    folder = tmp_path_factory.mktemp("results") / "emergence" / "one"
    save_report(folder, report, "protogov emergence results/runs/one --tier full --save results/emergence/one")
    return folder


def check_folder(folder):
    """What `tests/test_results.py` asks of a folder of results; returns the page."""
    about, files = json.loads((folder / MANIFEST).read_text()), list(folder.iterdir())
    assert about["study"] in COMMANDS and about["command"].startswith("protogov ") and about["made"]
    assert about["versions"] and {path.suffix for path in files} <= {".csv", ".json", ".md", ".png"}
    assert all(path.stat().st_size <= LARGEST_FIGURE for path in files if path.suffix == ".png")
    assert sum(path.stat().st_size for path in files) <= LARGEST_FOLDER
    page = (folder / "README.md").read_text()
    assert page.count("Made on") == 1 and about["command"] in page
    shown = set(re.findall(r"!\[[^]]*\]\(([^)]+)\)", page))
    assert shown == {path.name for path in files if path.suffix == ".png"}
    assert set(about["tables"].values()) == {path.name for path in files if path.suffix == ".csv"}
    return page


def test_a_report_of_full_size_fits_and_says_what_was_claimed_and_withheld(saved, report):
    page = check_folder(saved)
    assert {path.stem for path in saved.glob("*.png")} == set(FIGURES)
    for line in headline(report):
        assert line in page
    about = read_csv(saved / "families.csv")
    keys = list(zip(about["measure"].tolist(), about["kind"].tolist(), strict=True))
    rest = [("dividends", ""), ("exploitability", ""), ("cascades", ""), ("collusion", "")]
    assert keys == [*(("influence", kind) for kind in KINDS), *rest]
    total = records(about)[0]
    # 24 levers on 6 mandates and on W in 3 windows; one lever is found to move all, and every lever its own mandate
    assert (total["numbers"], total["claims"]) == (24 * 7 * 3, 6 * 3)
    assert total["verdict"] == "influence" and total["clearest"].startswith("total rate_0/")
    shown = read_csv(saved / "clearest.csv")
    for key, own in groups(shown, ["measure"]):
        assert num_rows(own) == SHOWN * (3 if key["measure"] == "influence" else 1) or key["measure"] == "collusion"
    assert shown["verdict"][:SHOWN].tolist() == ["influence"] * SHOWN  # and none of whoever holds the lever
    why = {row["measure"]: (row["what"], row["why"]) for row in records(read_csv(saved / "withheld.csv"))}
    assert why == {
        "cross-play": ("not measured", "2 seeds are needed"),
        "exploitability": ("7 of 7 numbers", "no network was trained"),
        "collusion": ("2 of 2 numbers", "too close"),
    }
    controls = read_csv(saved / "controls.csv")
    assert num_rows(controls) == 24 and "| control 3 | exactly 0 | 0 | passed | influence, dividends |" in page
    row = records(select(shown, shown["measure"] == "dividends"))[0]
    (same,) = (one for one in report.findings if one.measure == "dividends" and one.name == row["number"])
    assert row["value"] == pytest.approx(same.value, rel=1e-4) and row["adjusted_p"] == pytest.approx(
        same.adjusted_p, rel=1e-4
    )


def test_what_does_not_fit_is_left_out_and_nothing_is_left_of_what_was_there(saved, report, tmp_path, monkeypatch):
    folder = tmp_path / "saved"
    save_report(folder, report, "protogov emergence")
    sizes = {name: (folder / f"{name}.png").stat().st_size for name in FIGURES}
    tables = sum(path.stat().st_size for path in folder.glob("*.csv"))
    # room for the first figure, and no more
    monkeypatch.setattr(committed, "LARGEST_FOLDER", committed.OF_PAGE + tables + sizes["influence"] + 100)
    save_report(folder, report, "protogov emergence")
    check_folder(folder)
    assert [path.stem for path in folder.glob("*.png")] == ["influence"]

    def large(path, figure, wanted):
        if path.stem == "influence":
            raise ValueError("draw less")
        return write_figure(path, figure, wanted)

    monkeypatch.setattr(committed, "LARGEST_FOLDER", LARGEST_FOLDER)
    monkeypatch.setattr(committed, "write_figure", large)
    smaller = replace(report, series={"influence": report.series["influence"]}, missing={}, findings=tuple(
        one for one in report.findings if one.measure in ("influence", "dividends")
    ))  # fmt: skip
    save_report(folder, smaller, "protogov emergence")
    check_folder(folder)
    assert [path.stem for path in folder.glob("*.png")] == ["dividends"]
    assert not (folder / "withheld.csv").exists()
