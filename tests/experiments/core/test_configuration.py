"""Options in a TOML file: what is typed wins, what is wrong is one sentence, and what is written is read back."""

import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protogov.agents.ppo.settings import PPOSettings
from protogov.experiments.core.command_line import choose, parse
from protogov.experiments.core.configuration import as_toml, write_file
from protogov.experiments.core.options import Flat, Named, Once, OptionsFile, Positional, Repeated
from protogov.experiments.errors import BadInput
from protogov.experiments.outputs import OutputFolder


@dataclass(frozen=True, kw_only=True)
class Depth:
    """How deep."""

    metres: float = 1.0


@dataclass(frozen=True, kw_only=True)
class World:
    """A world."""

    venues: int | None = None
    calm: bool = True
    levers: Annotated[tuple[str, ...], Repeated] = ()
    member: Annotated[str, Named("--member")] = ""
    depth: Depth = field(default_factory=Depth)


@dataclass(frozen=True, kw_only=True)
class Window:
    """Which hours."""

    begin: Annotated[str | None, Named("--from", instead=True)] = None


@dataclass(frozen=True, kw_only=True)
class Things:
    """What is done."""

    names: Annotated[tuple[Path, ...], Positional("NAMES")] = ()
    config: OptionsFile = None
    seeds: tuple[int, ...] = (0,)
    share: float = 0.5
    market_hours: float = 1e6
    kind: Literal["a", "b"] = "a"
    data: Path | None = None
    window: Annotated[Window, Flat] = field(default_factory=Window)
    world: World = field(default_factory=World)
    ppo: PPOSettings = field(default_factory=PPOSettings)
    resume: Annotated[bool, Once] = False
    out: OutputFolder | None = None


EVERYTHING = """
names = ["x", "y z"]
seeds = [3, -1]
share = 2
market-hours = 1e3
kind = "b"
data = "here/there.csv"
from = "2022"
out = "written"

[world]
venues = 2
calm = false
levers = ["a=1", "b=2"]
member = "w07"
[world.depth]
metres = inf

[ppo]
gamma = 0.9
target_kl = "None"
hidden_sizes = []
"""


def from_file(folder: Path, text: str, *words: str) -> Things:
    path = folder / "experiment.toml"
    path.write_text(text, encoding="utf-8")
    return parse(Things, ["--config", str(path), *words], "things")


def test_every_kind_of_value(tmp_path: Path) -> None:
    found = from_file(tmp_path, EVERYTHING)
    assert found == Things(
        names=(Path("x"), Path("y z")), config=tmp_path / "experiment.toml", seeds=(3, -1), share=2.0,
        market_hours=1e3, kind="b", data=Path("here/there.csv"), window=Window(begin="2022"), out=Path("written"),
        world=World(venues=2, calm=False, levers=("a=1", "b=2"), member="w07", depth=Depth(metres=float("inf"))),
        ppo=PPOSettings(gamma=0.9, target_kl=None, hidden_sizes=()),
    )  # fmt: skip
    assert isinstance(found.share, float)


def test_what_is_typed_wins(tmp_path: Path) -> None:
    words = ["--world.calm", "--seeds", "7", "--world.levers", "c=3", "--from", "None", "--member=w02", "u"]
    found, plain = from_file(tmp_path, EVERYTHING, *words), from_file(tmp_path, EVERYTHING)
    world = replace(plain.world, calm=True, levers=("c=3",), member="w02")
    assert found == replace(plain, names=(Path("u"),), seeds=(7,), window=Window(), world=world)
    # also over what alone would be refused
    text = "[ppo]\nlog_std_init = -3.0"
    with pytest.raises(BadInput, match="experiment.toml: log_std_final is -2.5; accepted: at most log_std_init"):
        from_file(tmp_path, text)
    assert from_file(tmp_path, text, "--ppo.log-std-final", "-4").ppo.log_std_init == -3.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sedes = [1]", "sedes is no option, did you mean seeds"),
        ("gamma = 1", "gamma is no option, did you mean ppo.gamma"),
        ("bogus = 1", "bogus is no option"),
        ("config = 'x'", "config is no option"),
        ("[wrold]\nvenues = 1", "wrold is no option, did you mean world"),
        ("[world]\nvenue = 1", "world.venue is no option, did you mean world.venues"),
        ("[window]\nbegin = '2022'", "window is no option"),
        ("world = 3", "world is 3; a section [world] is accepted"),
        ("seeds = 3", "seeds is 3; a list of values is accepted"),
        ("seeds = [1.5]", "seeds is 1.5; a whole number is accepted"),
        ("seeds = [true]", "seeds is true; a whole number is accepted"),
        ("share = 'half'", 'share is "half"; a number is accepted'),
        ("share = false", "share is false; a number is accepted"),
        ("kind = 'c'", 'kind is "c"; a, b are accepted'),
        ("data = 3", "data is 3; a path or None is accepted"),
        ("[world]\ncalm = 'yes'", 'world.calm is "yes"; true or false is accepted'),
        ("[world]\nvenues = 'two'", 'world.venues is "two"; a whole number or None is accepted'),
        ("[world.levers]\na = 1", "world.levers is a section; a list of values is accepted"),
        ("market-hours = 1\nmarket_hours = 2", "market_hours is given twice, with '-' and with '_'"),
    ],
)
def test_each_mistake_is_one_sentence_with_the_file(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput) as error:
        from_file(tmp_path, text)
    assert str(error.value) == f"{tmp_path / 'experiment.toml'}: {said}; see things --help"


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="experiment.toml: is no TOML .*line 2"):
        from_file(tmp_path, "share = 1\nseeds = x")
    with pytest.raises(BadInput, match="nowhere.toml: cannot be read .No such file or directory."):
        parse(Things, ["--config", str(tmp_path / "nowhere.toml")], "things")
    (tmp_path / "latin.toml").write_bytes(b"kind = '\xe9'")
    with pytest.raises(BadInput, match="latin.toml: is no TOML"):
        parse(Things, ["--config", str(tmp_path / "latin.toml")], "things")


def test_what_a_command_refuses_later_names_the_file_where_the_file_gave_it(tmp_path: Path) -> None:
    path = tmp_path / "experiment.toml"
    path.write_text("share = 0.1\n[world]\nvenues = 3")
    _, file = choose(Things, ["--config", str(path), "--share", "9"], "things")
    assert file is not None
    assert str(file.blamed(BadInput("venues = 3 must be 1 or 2"))) == f"{path}: venues = 3 must be 1 or 2"
    assert str(file.blamed(BadInput("share is 9.0"))) == "share is 9.0"  # was typed
    assert str(file.blamed(BadInput("the shares differ"))) == "the shares differ"


texts = st.text(st.characters(codec="utf-8"), max_size=8).filter(lambda text: text != "None")


@settings(max_examples=60, deadline=None)
@given(
    names=st.lists(texts.filter(bool), max_size=3), seeds=st.lists(st.integers(-(2**63), 2**63 - 1), max_size=3),
    share=st.floats(allow_nan=False), member=texts, begin=st.none() | texts, calm=st.booleans(),
    levers=st.lists(texts, max_size=2), venues=st.none() | st.integers(-5, 5),
)  # fmt: skip
def test_what_is_written_is_read_back(
    tmp_path_factory, names, seeds, share, member, begin, calm, levers, venues
) -> None:
    path = tmp_path_factory.getbasetemp() / "again.toml"
    world = World(venues=venues, calm=calm, levers=tuple(levers), member=member)
    asked = Things(
        names=tuple(map(Path, names)), seeds=tuple(seeds), share=share, window=Window(begin=begin), world=world,
        resume=True, out=Path("of one call"), config=path,
    )  # fmt: skip
    write_file(path, asked, "Made by a test.")
    assert parse(Things, ["--config", str(path)], "things") == replace(asked, resume=False, out=None)


def test_what_is_written_holds_defaults_too_and_nothing_of_one_call() -> None:
    data = tomllib.loads(as_toml(Things(resume=True)))
    assert data.keys() == {"names", "seeds", "share", "market_hours", "kind", "data", "from", "world", "ppo"}
    assert data["world"] == {
        "venues": "None", "calm": True, "levers": [], "member": "", "depth": {"metres": 1.0},
    }  # fmt: skip
    assert data["ppo"]["hidden_sizes"] == [32, 32] and data["ppo"]["activation"] == "relu"
