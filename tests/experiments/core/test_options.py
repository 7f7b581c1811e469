"""A command line from a dataclass: every kind of value, and one sentence for each kind of mistake."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import pytest

from protogov.agents.ppo.settings import PPOSettings
from protogov.experiments.core.options import Help, Named, Positional, Repeated, field_help, parse
from protogov.experiments.errors import BadInput


@dataclass(frozen=True, kw_only=True)
class World:
    """A world."""

    venues: int = 1
    """Rival protocols."""
    member: Annotated[str, Help("World of the ensemble."), Named("--member")] = ""
    levers: Annotated[tuple[str, ...], Repeated] = ()
    """Replace a default."""


@dataclass(frozen=True, kw_only=True)
class Things:
    """What is done.

    Example: things a b --share 50%
    """

    names: Annotated[tuple[str, ...], Positional("NAMES")] = ()
    """Of things."""
    seeds: tuple[int, ...] = (0,)
    """Of 100% of them."""
    share: float = 0.5
    out: Path | None = None
    kind: Literal["a", "b"] = "a"
    quiet: bool = False
    show: bool = True
    decision_hours: int = 6
    world: World = field(default_factory=lambda: World(venues=2))


@dataclass(frozen=True)
class Needs:
    """Has no default."""

    name: Annotated[str, Positional("NAME")]
    learn: PPOSettings = field(default_factory=PPOSettings)


def given(*words: str) -> Things:
    return parse(Things, words, "things")


def test_defaults_are_the_fields_own() -> None:
    assert given() == Things()
    assert given().world.venues == 2


def test_every_kind_of_value() -> None:
    found = given(
        *("a", "b", "--seeds", "1", "-2", "--share", "-1e-3", "--out", "here/there", "--kind", "b", "--quiet"),
        *("--no-show", "--decision_hours", "3", "--world.venues", "1", "--member", "w07"),
        *("--world.levers", "x=1", "--world.levers", "y=2"),
    )
    world = World(venues=1, member="w07", levers=("x=1", "y=2"))
    assert found == Things(
        names=("a", "b"), seeds=(1, -2), share=-1e-3, out=Path("here/there"), kind="b", quiet=True, show=False,
        decision_hours=3, world=world,
    )  # fmt: skip
    assert given("--seeds", "--share=2").seeds == ()
    assert given("--out", "None").out is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--seeds", "x"], "--seeds is 'x'; a whole number is accepted"),
        (["--share", "half"], "--share is 'half'; a number is accepted"),
        (["--kind", "c"], "--kind is 'c'; a, b are accepted"),
        (["--share"], "--share: expected 1 argument"),
        (["--sead", "1"], "--sead is no option, did you mean --seeds; see things --help"),
        (["--bogus=1"], "--bogus is no option"),
        (["--world.venues", "2.5"], "--world.venues is '2.5'; a whole number is accepted"),
        (["--quiet=maybe"], "--quiet"),
    ],
)
def test_each_mistake_is_one_sentence(words: list[str], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        given(*words)


def test_what_must_be_given_and_what_a_dataclass_refuses_itself() -> None:
    with pytest.raises(BadInput, match="NAME is missing; see needs --help"):
        parse(Needs, [], "needs")
    with pytest.raises(BadInput, match="batch_size is 0"):
        parse(Needs, ["a", "--learn.batch-size", "0"], "needs")
    assert parse(Needs, ["a", "--learn.hidden-sizes", "8", "8"], "needs").learn.hidden_sizes == (8, 8)
    assert parse(Needs, ["a", "--learn.target-kl", "0.1"], "needs").learn.target_kl == 0.1


def test_help_says_what_the_fields_say(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        given("--help")
    told = capsys.readouterr().out
    assert end.value.code == 0
    for words in ("What is done.", "Example: things a b --share 50%", "NAMES", "Of 100% of them. (default: 0)",
                  "World of the ensemble.", "world options", "--no-show", "a|b"):  # fmt: skip
        assert words in told, words


def test_attributes_of_a_docstring_are_help_too() -> None:
    assert field_help(PPOSettings)["num_steps"].startswith("decisions a world makes")
    assert "above zero because" in field_help(PPOSettings)["learning_rate"]
