"""`protogov scenarios`: the list at once, a picture each, a page that needs nothing else."""

import re
from pathlib import Path

import numpy as np
import pytest

from protogov.envs.scenarios import Crisis, get_scenario, overlay_names, scenario_names
from protogov.experiments.cli import main
from protogov.experiments.commands.scenario_library import (
    BLOCKS,
    KINDS,
    THUMBNAIL,
    blocks,
    entries,
    file_name,
    row_of,
    table_of,
    thumbnail,
)
from protogov.experiments.errors import BadInput
from protogov.experiments.figures.scenarios import Drawn, draw_scenario, draw_sheet


def test_every_registered_scenario_is_listed_with_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scenarios"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for name in (*scenario_names(), *overlay_names()):
        (line,) = (line for line in lines if line.split(" ")[0] == name)
        scenario = get_scenario(name)
        assert scenario.split in line and scenario.kind in line and scenario.kind in KINDS
        assert 10 < len(scenario.about) < 110 and scenario.about in line
        assert len(re.findall(f"[{BLOCKS}]", line)) == THUMBNAIL
    assert "validation  crisis" in next(line for line in lines if line.startswith("crisis-2020-03"))


def test_a_thumbnail_shows_the_fall_of_a_crisis_and_the_window_of_an_attack() -> None:
    assert blocks(np.arange(100.0))[:: THUMBNAIL - 1] == BLOCKS[0] + BLOCKS[-1]
    assert thumbnail(get_scenario("flat")) == (BLOCKS[0] * THUMBNAIL, "+0%")
    line, low = thumbnail(get_scenario("crisis-2020-03"))
    assert line[0] == BLOCKS[-1] and BLOCKS.index(line[-1]) < 3 and -70 < int(low.rstrip("%")) < -50
    line, channel = thumbnail(get_scenario("supplier-run"))
    assert channel == "supplier exit"
    assert re.fullmatch(f"{BLOCKS[0]}+{BLOCKS[-1]}+{BLOCKS[0]}+", line)


def test_names_and_splits_choose(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scenarios", "--split", "validation"]) == 0
    out = capsys.readouterr().out
    assert "crisis-2024-08" in out and "crisis-2022-05" not in out
    assert [one.name for one in entries(("jump", "calm"))] == ["jump", "calm"]
    assert row_of(entries(("jump + oracle-push",))[0]) == (
        "jump + oracle-push", "train", "path", "jump, with oracle-push on top",
    )  # fmt: skip
    assert "Add an overlay" not in "\n".join(table_of(entries(("jump",))))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["jmup"], "scenario 'jmup' is not known"),
        (["jump", "--split", "test"], "split is 'test'; none of jump belongs to it"),
        (["--split", "test"], "the split test is sealed and not listed: test-bates, "),
        (["test-bates"], "belongs to the sealed test"),
        (["jump", "--seeds", "3"], "seeds is 3; 20 to 5,000"),
        (["oracle-push + jump"], "the path comes first"),
    ],
)
def test_what_cannot_be_listed_is_told_in_a_sentence(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scenarios", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_pictures_and_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ["jump + oracle-push", "crisis-2020-03", "pool-drain", "crisis-2023-03"]
    arguments = ["scenarios", *names, "--seeds", "20", "--out"]
    assert main([*arguments, str(tmp_path / "one")]) == 0
    assert main([*arguments, str(tmp_path / "two")]) == 0
    files = {path.name for path in (tmp_path / "one").iterdir()}
    assert files == {
        "scenarios.svg", "scenarios.png", "scenarios.html", "scenario-jump-oracle-push.svg",
        "scenario-crisis-2020-03.svg", "scenario-pool-drain.svg", "scenario-crisis-2023-03.svg",
    }  # fmt: skip
    for name in files - {"scenarios.html"}:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name
    page = (tmp_path / "one" / "scenarios.html").read_text()
    for name in names:
        assert f"<h2>{name}</h2>" in page
    assert "gas cost six times the usual" in page
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    capsys.readouterr()


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A file of 400 hours with five recorded channels; depth begins late, and funding comes every eight hours."""
    hours = range(400)
    lines = ["time,open,high,low,close,dvol,funding,depth,gas,outside_yield"]
    for hour in hours:
        price = 3000.0 + 20.0 * (hour % 11)
        depth = "" if hour < 9 else str(2e6 + 1e3 * hour)
        funding = "" if hour % 8 else str(0.1 + hour / 1e4)
        vol, gas, paid = 60.0 + hour / 20.0, 1.0 + hour / 40.0, 0.05 + hour / 1e5
        lines.append(f"{3600 * hour},{price},{price + 30},{price - 30},{price},{vol},{funding},{depth},{gas},{paid}")
    path = tmp_path / "told.csv"
    path.write_text("\n".join(lines))
    return path


def test_origins_are_told_in_a_line_where_names_are_given_or_asked_for(
    recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scenarios", str(recorded), "jump", "jump + pool-drain", "pool-drain", "oracle-push"]) == 0
    lines = capsys.readouterr().out.splitlines()
    told = [" ".join(line.split()) for line in lines[lines.index("") :]]
    assert (
        "told recorded: price, implied vol, congestion, funding, outside yield; recorded or derived: depth; "
        + ("invented: peg, leverage demand, informed share, flow intensity")
        in told
    )
    rest = "funding, peg, leverage demand, outside yield, informed share, flow intensity"
    assert f"jump derived: implied vol, depth, congestion; invented: price, {rest}" in told
    assert f"jump + pool-drain derived: implied vol, congestion; invented: price, depth, {rest}" in told
    assert "pool-drain invented: depth" in told
    assert "oracle-push changes no channel of the market: it writes attacks only" in told
    assert "derived a stated function of the price path, with no draw of its own." in told
    assert main(["scenarios", "--split", "free"]) == 0
    assert "invented" not in capsys.readouterr().out
    assert main(["scenarios", "--split", "free", "--origins"]) == 0
    assert "flat invented: price, implied vol, depth," in " ".join(capsys.readouterr().out.split())


def test_the_page_tells_origins_and_what_was_done_to_a_file(recorded: Path, tmp_path: Path) -> None:
    assert main(["scenarios", str(recorded), "oracle-push", "--seeds", "20", "--out", str(tmp_path / "page")]) == 0
    page = (tmp_path / "page" / "scenarios.html").read_text()
    told = "price, implied vol, congestion, funding, outside yield"
    assert f"<dt>recorded</dt><dd>{told}</dd><dt>recorded or derived</dt><dd>depth</dd>" in page
    assert "<li>depth has no value before 1970-01-01T09:00Z: 9 hours are derived from prices instead.</li>" in page
    assert "400 recorded hours, 1970-01-01T00:00Z to 1970-01-17T15:00Z" in page
    assert "It changes no channel of the market" in page


def test_the_picture_of_a_replay_shows_what_was_recorded(recorded: Path) -> None:
    one = Drawn.of(get_scenario(recorded), 20)
    strips = {axes.get_ylabel().replace("\n", " "): axes for axes in draw_scenario(one).axes[1:]}
    assert list(strips) == [
        "implied vol [%]", "depth of 1% [kUSD]", "congestion [%]", "leverage demand [x]", "funding [% per year]",
        "outside yield [%]",
    ]  # fmt: skip
    origins = ["recorded", "recorded\nor derived", "recorded", "invented", "recorded", "recorded"]
    assert [axes.texts[0].get_text() for axes in strips.values()] == origins
    for label, axes in strips.items():
        singles = [line for line in axes.get_lines() if line.get_label() == "single seeds"]
        assert len(singles) == (label != "leverage demand [x]")
    (single,) = (one for one in strips["outside yield [%]"].get_lines() if one.get_label() == "single seeds")
    np.testing.assert_allclose(np.diff(single.get_ydata()), 1e-3, atol=1e-5)  # 1e-5 an hour, in percent


def test_file_names_are_plain() -> None:
    assert file_name(get_scenario("jump + oracle-push")) == "scenario-jump-oracle-push"
    assert file_name(get_scenario("crisis-2020-03")) == "scenario-crisis-2020-03"


def test_crises_and_attacks_are_drawn_around_their_onset() -> None:
    crisis = get_scenario("crisis-2022-11")
    assert isinstance(crisis, Crisis)
    drawn = Drawn.of(crisis, 40)
    at = int(np.flatnonzero(drawn.hours == 0)[0])
    assert (drawn.tapes["close"][:, at] == np.float32(1615.0)).all()
    assert drawn.hours[-1] >= crisis.story.length
    push = Drawn.of(get_scenario("oracle-push"), 40)
    on = push.values("oracle_push") > 0.0
    assert (on == ((push.hours >= 0) & (push.hours < 3))).all()
    whole = Drawn.of(get_scenario("jump"), 20)
    assert not whole.aligned and whole.tapes.shape == (20, 337)


def test_pictures_show_waypoints_and_units() -> None:
    crisis = get_scenario("crisis-2020-03")
    assert isinstance(crisis, Crisis)
    figure = draw_scenario(Drawn.of(crisis, 30))
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
    known, filled = lines["known close"].get_xydata(), lines["filled-in close"].get_xydata()
    assert {(0.0, 234.0), (149.0, 132.0), (165.0, 115.0)} < {tuple(point) for point in known}
    assert {tuple(point) for point in filled} == {(17.0, 244.0), (140.0, 184.0), (148.0, 168.0), (163.0, 105.0)}
    assert len(known) + len(filled) == len(crisis.story.closes)
    assert lines["known low"].get_xydata().tolist() == [[165.0, 86.6]]
    assert lines["known high"].get_xydata().tolist() == [[165.0, 125.0]]
    assert all(axes.get_ylabel() for axes in figure.axes)
    sheet = draw_sheet([Drawn.of(get_scenario(name), 20) for name in ("flat", "jump", "mix", "supplier-run", "calm")])
    labels = [axes.get_ylabel() for axes in sheet.axes]
    assert labels.count("vol [%]") == labels.count("depth [k]") == 5
    assert labels.count("price [opening = 100]") == 4 and labels.count("on the tape") == 1


def test_nothing_to_list_is_bad_input() -> None:
    with pytest.raises(BadInput, match="none of flat belongs to it"):
        entries(("flat",), "train")
