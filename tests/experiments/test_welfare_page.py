"""The page of formulas says what the code does: names of terms, mandates and constants."""

import re
from pathlib import Path

import pytest

from protogov.envs.roles import ROLES
from protogov.envs.world import latent, welfare
from protogov.envs.world.parameters import Parameters
from protogov.envs.world.welfare import TERM_NAMES
from protogov.experiments.core.welfare_box import KAPPAS, LAMBDAS

PAGE = (Path(__file__).parents[2] / "results" / "welfare.md").read_text(encoding="utf-8")
OF_MODULES = {
    "KEPT": latent.KEPT,
    "LOAN_DAYS": 365 * latent.LOAN_YEARS,
    "FREE_DRAWDOWN": welfare.FREE_DRAWDOWN,
}


def rows(title: str) -> dict[str, list[str]]:
    """First cell of each row of a section's tables, without its backticks -> the other cells."""
    section = PAGE.split(f"## {title}\n")[1].split("\n## ")[0]
    lines = re.findall(r"^\| `(\w+)` \| (.*) \|$", section, re.MULTILINE)
    assert len(dict(lines)) == len(lines), "a name stands twice"
    return {name: [cell.strip() for cell in cells.split(" | ")] for name, cells in lines}


def test_every_term_has_its_row_in_its_section():
    parts = {name for name in TERM_NAMES if name.startswith("welfare")}
    sources = {term.source for role in ROLES.values() for term in role.terms} - parts
    assert set(rows("W")) == parts
    assert set(rows("What governors are paid for")) == sources | set(ROLES)
    assert set(rows("Outside W, with weight 0")) == set(TERM_NAMES) - parts - sources


@pytest.mark.parametrize("title", ["W", "Outside W, with weight 0"])
def test_sources_are_files_of_the_world(title: str):
    world = Path(__file__).parents[2] / "envs" / "world"
    for name, cells in rows(title).items():
        assert len(cells) == 4, name
        files = re.findall(r"`([\w/]+\.py)`", cells[-1])
        assert files and all((world / file).is_file() for file in files), name


def test_mandates_are_those_of_the_roles():
    for name, role in ROLES.items():
        (said,) = rows("What governors are paid for")[name]
        terms = re.findall(r"(\N{MINUS SIGN}? ?)([\d.]+) (\w+)", said)
        found = [(source, -float(size) if sign.strip() else float(size)) for sign, size, source in terms]
        assert found == [(term.source, term.weight) for term in role.terms]


def test_constants_have_the_values_in_force():
    for name, (value, *_) in rows("Constants").items():
        assert float(value) == pytest.approx(OF_MODULES.get(name, getattr(Parameters(), name, None))), name
    assert {"loss_weight", "liquidation_weight", "variance_aversion", "lockup_charge"} <= set(rows("Constants"))


def test_the_box_is_the_one_that_is_computed():
    listed = [", ".join(f"{weight:g}" for weight in weights) for weights in (LAMBDAS, KAPPAS)]
    assert f"λ {listed[0]} x κ {listed[1]}" in PAGE
