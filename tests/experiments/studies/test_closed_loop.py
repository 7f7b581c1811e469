"""The study of pricers in the loop: pairs that are pairs, cash that adds up, and a tiny run from end to end."""

from dataclasses import replace

import numpy as np
import pytest

from protogov.envs.config import WorldConfig
from protogov.experiments.cli import main
from protogov.experiments.core.pieces import HERE
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import read_csv
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.closed_loop.plan import (
    BY_LIMIT,
    BY_SPREAD,
    EWMA,
    FEED,
    LAW,
    LEARNED_FROM,
    MANAGED,
    NO_LIMIT,
    NONE,
    NOTHING,
    PLAIN,
    RULE,
    RUN_OFF,
    SMILE,
    SURFACE,
    TAPE,
    TODAY,
    TOLD,
    UNHEDGED,
    Attack,
    Loop,
    loop_scenario,
    loop_world,
)
from protogov.experiments.studies.closed_loop.playing import opened, play_attack, play_loop
from protogov.experiments.studies.closed_loop.study import STUDY, Options, attacks_of, loops_of, measure
from protogov.experiments.studies.closed_loop.summary import (
    attack_table,
    gamma_table,
    greek_table,
    loop_table,
    variance_ratio,
)

CONFIG = WorldConfig()


def loop(pricer: str = RULE, informed: str = TAPE, hedge: str = PLAIN, market: str = "gbm") -> Loop:
    return Loop(market, pricer, informed, hedge, 3, 48, 1.1)


def test_all_options_are_held_to_expiry_and_cash_adds_up() -> None:
    job = loop(LAW, TOLD, UNHEDGED)
    table = play_loop(CONFIG, job)
    assert (table["left"] == 0.0).all() and (table["traded"] > 0.0).all()
    np.testing.assert_allclose(table["hedge"], 0.0, atol=1e-6)  # all cash is the options' own
    np.testing.assert_allclose(table["realised"], table["options"], atol=1e-6)
    hedged = play_loop(CONFIG, loop(LAW, TOLD))
    assert np.abs(hedged["hedge"]).min() > 1e-3 and (hedged["left"] == 0.0).all()


def test_pools_of_a_seed_see_the_same_path_whatever_quotes() -> None:
    rule, law = (opened(loop(who), CONFIG) for who in (RULE, LAW))
    assert rule.tape.tobytes() == law.tape.tobytes() and set(law.pricers) == {0} and not rule.pricers
    tape = loop_scenario(loop()).draw(np.arange(2, dtype=np.uint64), 48 + RUN_OFF)
    assert (tape["flow_intensity"][:, 48:] < 1e-6).all() and (tape["flow_intensity"][:, :48] > 0.01).all()


def test_an_attack_on_shares_is_served_and_paid_for() -> None:
    job = Attack(SURFACE, RULE, True, True, 2, 1.1)
    table = play_attack(CONFIG, job)
    assert (table["served"] == 1.0).all() and (table["attacker"] != 0.0).all()
    assert (1e3 * table["capital"] >= CONFIG.parameters.vol_push_capital).all()
    peace = play_attack(CONFIG, Attack(NONE, RULE, True, True, 2, 1.1))
    assert (peace["served"] == 0.0).all() and (peace["attacker"] == 0.0).all() and (peace["capital"] == 0.0).all()
    (row,) = (attack_table([job, Attack(NONE, RULE, True, True, 2, 1.1)], [table, peace])["others"],)
    assert row[0] == pytest.approx((table["others"] - peace["others"]).mean())


def test_tables_hold_the_differences_of_pairs() -> None:
    def table(shift: float, spread: float = 1.0) -> dict[str, np.ndarray]:
        base = np.array([1.0, -1.0, 2.0, 0.5])
        names = ("realised", "options", "hedge", "hedging_cost", "edge", "informed", "traded", "swing", "vol_over_tape")
        return {"seed": np.arange(4), **{name: spread * base + shift for name in names}}

    jobs = [loop(), loop(LAW), loop(hedge=UNHEDGED)]
    tables = [table(0.0), table(3.0), table(0.0, 2.0)]
    found = loop_table(jobs, tables)
    assert found["realised_over_rule"].tolist() == [0.0, 3.0] and found["realised_over_rule_low"][1] == 3.0
    greeks = greek_table(jobs, tables)  # the law's pool was not played unhedged
    assert greeks["hedge"].tolist() == [PLAIN, UNHEDGED] and greeks["pricer"].tolist() == [RULE, RULE]
    assert greeks["variance_over_unhedged"][0] == pytest.approx(0.25) and greeks["variance_over_plain"][0] == 1.0
    assert variance_ratio(np.arange(5.0), 2.0 * np.arange(5.0)).mean == pytest.approx(0.25)


def test_gamma_is_managed_by_what_is_said_and_compared_with_nothing() -> None:
    jobs = [replace(loop(FEED, hedge=SMILE), gamma=name) for name in MANAGED]
    worlds = {job.gamma: loop_world(job, CONFIG).parameters for job in jobs}
    assert worlds[TODAY].gamma_widening == CONFIG.parameters.gamma_widening
    assert worlds[TODAY].gamma_limit == CONFIG.parameters.gamma_limit
    assert worlds[BY_SPREAD].gamma_widening > 0.0 == worlds[BY_LIMIT].gamma_widening
    assert worlds[BY_LIMIT].gamma_limit < worlds[BY_SPREAD].gamma_limit == NO_LIMIT
    tables = [
        {name: (1.0 + number) * np.array([1.0, -1.0, 2.0]) for name in ("realised", "hedging_cost", "traded", "swing")}
        for number in range(len(jobs))
    ]
    found = gamma_table(jobs, tables)
    assert found["managed"].tolist() == list(MANAGED)
    at = list(MANAGED).index(NOTHING)
    assert found["over_nothing"][at] == 0.0 and found["variance_over_nothing"][at] == 1.0
    assert found["variance_over_nothing"][at + 1] == pytest.approx(((at + 2) / (at + 1)) ** 2)
    # the other parts do not take them for pools of today
    hedged = [replace(job, hedge=hedge) for hedge in (UNHEDGED, PLAIN) for job in jobs]
    assert len(greek_table(hedged, 2 * tables)["hedge"]) == 2


def test_a_pool_that_may_not_add_to_its_gamma_has_less() -> None:
    """The limit at work: the same market, the same traders, a tenth of the depth at most."""
    free = Loop("gbm", EWMA, TAPE, PLAIN, 4, 96, 1.0, gamma=NOTHING)
    held = replace(free, gamma=BY_LIMIT)
    one, other = (play_loop(CONFIG, job) for job in (free, held))
    assert (other["traded"] <= one["traded"] + 1e-9).all() and other["traded"].sum() < one["traded"].sum()


def test_pieces_are_played_once_and_nothing_that_is_held_out_is_learned_from() -> None:
    from protogov.envs.scenarios import get_scenario, held_out_splits

    loops, attacks = loops_of(Options()), attacks_of(Options())
    assert len(set(loops)) == len(loops) and len(set(attacks)) == len(attacks)
    assert not [name for name in LEARNED_FROM if held_out_splits(get_scenario(name))]
    assert all(any(one.attack == NONE and one.shares == job.shares for one in attacks) for job in attacks)


def test_pages_and_figures_need_tables_alone() -> None:
    """Every market, pool, hedge and attack of the full study, with made-up numbers."""
    options, rng = Options(), np.random.default_rng(0)

    def made(names: str) -> dict[str, np.ndarray]:
        return {"seed": np.arange(5), **{name: rng.normal(size=5) for name in names.split()}}

    loops, attacks = loops_of(options), attacks_of(options)
    money = "realised options hedge hedging_cost edge informed traded swing vol_over_tape left"
    played = [made(money) for _ in loops]
    tables = {
        "loops": loop_table(loops, played), "greeks": greek_table(loops, played),
        "gamma": gamma_table(loops, played),
        "attacks": attack_table(attacks, [made("attacker capital takers pool others served") for _ in attacks]),
    }  # fmt: skip
    facts = {"seeds": 5, "hours": 48, "width": 1.1, "learning": {"learn": 2, "epochs": 1}, "contracts_left": 0.0,
             "reversion": 24.0}  # fmt: skip
    for chosen in (tables, {"attacks": tables["attacks"]}):
        found = Found(chosen, facts)
        judged, figures = STUDY.judge(found), STUDY.draw(found)
        page = "\n".join(STUDY.page(found, judged))
        assert set(figures) == ({"loops", "attacks"} if "loops" in chosen else {"attacks"})
        assert all(f"({name}.png)" in page for name in figures)
        assert page.count("| vol-push |") == 6 and (page.count("| heston |") == 28) == ("loops" in chosen)


@pytest.mark.long
def test_the_study_from_end_to_end(tmp_path, monkeypatch) -> None:
    out = tmp_path / "closed_loop"
    small = ["--markets", "gbm", "--seeds", "2", "--hours", "24", "--learn", "2", "--epochs", "1", "--jobs", "1"]
    assert main(["study", "closed_loop", *small, "--out", str(out)]) == 0
    loops, greeks, attacks = (read_csv(out / f"{name}.csv") for name in ("loops", "greeks", "attacks"))
    assert loops["pricer"].tolist() == 2 * ["rule", "ewma", "feed", "chain", "law"]
    assert set(greeks["hedge"]) == {"unhedged", "black-scholes", "smile", "market"}
    gamma = read_csv(out / "gamma.csv")
    assert gamma["managed"].tolist() == 2 * list(MANAGED) and set(gamma["greeks"]) == {"black-scholes", "smile"}
    assert set(attacks["pricer"]) == {"rule", "feed", "chain"} and len(attacks["attack"]) == 15
    page = (out / "README.md").read_text()
    assert (
        "Cash of options held to expiry" in page and (out / "loops.png").is_file() and (out / "attacks.png").is_file()
    )
    # finished pieces are not played again, and a page is drawn from tables alone
    monkeypatch.setattr("protogov.experiments.studies.closed_loop.playing.opened", None)
    assert main(["study", "closed_loop", *small, "--out", str(out)]) == 0
    assert main(["study", "closed_loop", "--redraw", "--out", str(out)]) == 0
    assert (out / "README.md").read_text().partition("Made on")[0] == page.partition("Made on")[0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (Options(seeds=1), "seeds is 1"),
        (Options(hours=12), "hours is 12; 24 to 4,000 are accepted"),
        (Options(width=4.0), "width of a premium is 4"),
        (Options(reversion=0.0), "vol_reversion = 0.0"),
    ],
)
def test_the_study_refuses(options: Options, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        measure(options, HERE)
