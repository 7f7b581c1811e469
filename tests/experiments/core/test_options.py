"""A command line from a dataclass: every kind of value, one sentence for each kind of mistake, and the help."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from protogov.agents.ppo.settings import PPOSettings
from protogov.experiments.core.command_line import parse
from protogov.experiments.core.options import Flat, Help, Named, Positional, Repeated, field_help, options_of
from protogov.experiments.errors import BadInput
from protogov.experiments.outputs import OutputFile, OutputFolder, written_by


@dataclass(frozen=True, kw_only=True)
class Depth:
    """How deep."""

    metres: float = 1.0
    limit: float = 2.0


@dataclass(frozen=True, kw_only=True)
class World:
    """A world."""

    venues: int = 1
    """Rival protocols."""
    member: Annotated[str, Help("World of the ensemble."), Named("--member")] = ""
    levers: Annotated[tuple[str, ...], Repeated] = ()
    """Replace a default."""
    calm: bool = True
    """Nothing happens."""
    depth: Depth = field(default_factory=Depth)


@dataclass(frozen=True, kw_only=True)
class Window:
    """Which hours.

    A second paragraph.
    """

    begin: Annotated[str | None, Named("--from", instead=True)] = None
    """The first."""
    end: Annotated[str | None, Named("--to", instead=True)] = None
    gap_hours: int = 0


@dataclass(frozen=True, kw_only=True)
class Things:
    """What is done with words that are long enough to need a second line on a terminal of eighty columns.

    Example: things a b --share 50%
    """

    names: Annotated[tuple[str, ...], Positional("NAMES")] = ()
    """Of things."""
    seeds: tuple[int, ...] = (0,)
    """Of 100% of them."""
    share: float = 0.5
    out: OutputFolder | None = None
    file: OutputFile = Path("a.json")
    read: Path | None = None
    kind: Literal["a", "b"] = "a"
    split: Literal["train", "test"] | None = None
    quiet: bool = False
    show: bool = True
    decision_hours: int = 6
    window: Annotated[Window, Flat] = field(default_factory=Window)
    world: World = field(default_factory=lambda: World(venues=2, depth=Depth(metres=7.0)))


@dataclass(frozen=True)
class Needs:
    """Has no default."""

    name: Annotated[str, Positional("NAME")]
    which: Annotated[tuple[Literal["x", "y"], ...], Positional("WHICH")] = ()
    """Of two."""
    learn: PPOSettings = field(default_factory=PPOSettings)


def given(*words: str) -> Things:
    return parse(Things, words, "things")


def needs(*words: str) -> Needs:
    return parse(Needs, words, "needs")


def help_of(options: type[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int) -> str:
    monkeypatch.setenv("COLUMNS", str(width))
    with pytest.raises(SystemExit) as end:
        parse(options, ["--help"], "things")
    assert end.value.code == 0
    return capsys.readouterr().out


def test_defaults_are_the_fields_own() -> None:
    assert given() == Things()
    assert (given().world.venues, given().world.depth.metres) == (2, 7.0)  # of the outer dataclass, not of the inner
    assert given("--world.depth.limit", "3").world.depth == Depth(metres=7.0, limit=3.0)


def test_every_kind_of_value() -> None:
    found = given(
        *("a", "b", "--seeds", "1", "-2", "--share", "-1e-3", "--out", "here/there", "--kind", "b", "--quiet"),
        *("--no-show", "--decision_hours", "3", "--world.venues", "1", "--member", "w07", "--read", "-", "--file=x=y"),
        *("--world.levers", "x=1", "--world.levers=y=2", "--from", "2022", "--split", "test", "--world.no-calm"),
    )
    world = World(venues=1, member="w07", levers=("x=1", "y=2"), calm=False, depth=Depth(metres=7.0))
    assert found == Things(
        names=("a", "b"), seeds=(1, -2), share=-1e-3, out=Path("here/there"), kind="b", quiet=True, show=False,
        decision_hours=3, world=world, read=Path("-"), file=Path("x=y"), window=Window(begin="2022"), split="test",
    )  # fmt: skip
    assert {type(value) for value in (found.out, found.file, found.read)} == {type(Path())}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--seeds", "--share=2"], Things(seeds=(), share=2.0)),
        (["--seeds=1", "2"], Things(seeds=(1, 2))),
        (["--seeds", "1", "--seeds", "2"], Things(seeds=(2,))),
        (["--share", "-.5"], Things(share=-0.5)),
        (["--share=-inf"], Things(share=float("-inf"))),
        (["--out", "None", "--split=None", "--to=None"], Things()),
        (["--from=--x"], Things(window=Window(begin="--x"))),
        (["--gap_hours", "3"], Things(window=Window(gap_hours=3))),
        (["--no-quiet", "--show"], Things()),
        (["--quiet", "--no-quiet"], Things()),
        (["--world.member=a b"], Things(world=World(venues=2, member="a b", depth=Depth(metres=7.0)))),
    ],
)
def test_spellings(words: list[str], expected: Things) -> None:
    assert given(*words) == expected


@pytest.mark.parametrize(
    "words",
    [
        ["a", "b", "--quiet", "--share", "1"],
        ["--quiet", "--share", "1", "a", "b"],
        ["a", "--share", "1", "b", "--quiet"],
        ["--share=1", "a", "--quiet", "b"],
    ],
)
def test_words_without_an_option_may_stand_anywhere(words: list[str]) -> None:
    assert given(*words) == Things(names=("a", "b"), quiet=True, share=1.0)


def test_a_single_word_comes_before_those_that_are_many() -> None:
    assert needs("a", "--learn.shared-parameters", "x", "y") == Needs(
        "a", ("x", "y"), PPOSettings(shared_parameters=True)
    )
    assert needs("a") == Needs("a")


def test_what_is_written_can_be_told_from_what_is_read() -> None:
    found = given("--out", "folder", "--read", "candles")
    assert [(path, mark.kind) for path, mark in written_by(found)] == [
        (Path("folder"), "folder"), (Path("a.json"), "file"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--seeds", "x"], "--seeds is 'x'; a whole number is accepted"),
        (["--seeds", "1.5"], "--seeds is '1.5'; a whole number is accepted"),
        (["--seeds", "None"], "--seeds is 'None'; a whole number is accepted"),
        (["--share", "half"], "--share is 'half'; a number is accepted"),
        (["--kind", "c"], "--kind is 'c'; a, b are accepted"),
        (["--kind", "None"], "--kind is 'None'; a, b are accepted"),
        (["--split", "c"], "--split is 'c'; train, test, None are accepted"),
        (["--share"], "--share has no value; a number is accepted"),
        (["--share", "--quiet"], "--share has no value; a number is accepted"),
        (["--out"], "--out has no value; a path or None is accepted"),
        (["--share", "1", "2", "--seeds", "3", "x y"], "--seeds is 'x y'; a whole number is accepted"),
        (["--seed", "1"], "--seed is not an option, did you mean --seeds"),
        (["--bogus=1"], "--bogus is not an option"),
        (["-q"], "-q is not an option"),
        (["--begin", "2022"], "--begin is not an option"),
        (["--window.from", "2022"], "--window.from is not an option"),
        (["--window.gap-hours", "2"], "--window.gap-hours is not an option, did you mean --gap-hours"),
        (["--no-world.calm"], "--no-world.calm is not an option, did you mean --world.calm"),
        (["--no-share"], "--no-share is not an option, did you mean --share"),
        (["--names", "a"], "--names is not an option"),
        (["--world.venues", "2.5"], "--world.venues is '2.5'; a whole number is accepted"),
        (["--quiet=maybe"], "--quiet is given 'maybe'; it takes no value"),
    ],
)
def test_each_mistake_is_one_sentence(words: list[str], said: str) -> None:
    with pytest.raises(BadInput) as error:
        given(*words)
    assert str(error.value) == f"{said}; see things --help"


def test_what_must_be_given_and_what_a_dataclass_refuses_itself() -> None:
    with pytest.raises(BadInput, match="^NAME is missing; see needs --help$"):
        needs()
    with pytest.raises(BadInput, match="^WHICH is 'z'; x, y are accepted; see needs --help$"):
        needs("a", "x", "z")
    with pytest.raises(BadInput, match="^batch_size is 0; accepted: a whole number of at least 2$"):
        needs("a", "--learn.batch-size", "0")
    assert needs("a", "--learn.hidden-sizes", "8", "8").learn.hidden_sizes == (8, 8)
    assert needs("a", "--learn.target-kl", "0.1").learn.target_kl == 0.1
    assert needs("a", "--learn.log-std-final", "None").learn.log_std_final is None


def test_a_word_too_many_is_named() -> None:
    @dataclass(frozen=True)
    class One:
        folder: Annotated[Path, Positional("FOLDER")]

    assert parse(One, ["a"], "one") == One(Path("a"))
    with pytest.raises(BadInput, match="^'b' is given and fits no option; see one --help$"):
        parse(One, ["a", "b"], "one")


@pytest.mark.parametrize("hint", [dict[str, int], tuple[int, int], tuple[bool, ...], int | str, list[int], complex])
def test_a_type_that_no_option_can_have_is_an_error_of_the_command(hint: Any) -> None:
    @dataclass
    class Wrong:
        field: Any = None

    Wrong.__annotations__["field"] = hint
    with pytest.raises(TypeError, match="Wrong.field is of type"):
        options_of(Wrong)


def test_help_says_what_the_fields_say(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    told = help_of(Things, monkeypatch, capsys, 80)
    lines = told.splitlines()
    assert lines[0] == "usage: things [NAMES ...] [OPTIONS]"
    for line in (
        "Example: things a b --share 50%",
        "  NAMES                    Of things.",
        "  -h, --help               Print this help and exit.",
        "  --seeds INT ...          Of 100% of them. (default: 0)",
        "  --share NUMBER           (default: 0.5)",
        "  --out PATH|None          (default: None)",
        "  --split train|test|None  (default: None)",
        "  --quiet, --no-quiet      (default: no)",
        "  --from TEXT|None         The first. (default: None)",
        "  --world.venues INT       Rival protocols. (default: 2)",
        "  --world.member, --member TEXT",
        "                           World of the ensemble.",
        "  --world.calm, --world.no-calm",
        "                           Nothing happens. (default: yes)",
        "  --world.depth.metres NUMBER",
        "                           (default: 7)",
    ):
        assert line in lines, line
    groups = [line for line in lines if line.endswith(":")]
    assert groups == [
        "positional:", "options:", "window options:", "world options:", "world depth options:",
    ]  # fmt: skip
    assert "  Which hours." in lines and "paragraph" not in told  # of a dataclass whose field says nothing


def test_help_of_what_must_be_given(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    lines = help_of(Needs, monkeypatch, capsys, 80).splitlines()
    assert lines[0] == "usage: things NAME [WHICH ...] [OPTIONS]"
    assert "  NAME                     (required)" in lines
    assert "  WHICH                    Of two. Accepted: x, y." in lines


@pytest.mark.parametrize("width", [60, 80, 100])
def test_help_is_as_wide_as_the_terminal(width, monkeypatch, capsys) -> None:
    for options in (Things, Needs):
        lines = help_of(options, monkeypatch, capsys, width).splitlines()
        assert width - 12 < max(map(len, lines)) <= width


def test_attributes_of_a_docstring_are_help_too() -> None:
    assert field_help(PPOSettings)["num_steps"].startswith("decisions a world makes")
    assert "above zero because" in field_help(PPOSettings)["learning_rate"]


@dataclass
class Pair:
    """Two.

    Attributes:
        first, second: what both
            are.
        third: another.
    """

    first: int = 0
    second: int = 0
    third: int = 0


def test_an_entry_of_two_names_is_the_help_of_both() -> None:
    assert field_help(Pair) == {"first": "what both are.", "second": "what both are.", "third": "another."}
