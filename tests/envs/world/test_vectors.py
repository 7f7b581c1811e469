"""The published cases of real protocols, through the functions that the world runs.

`shared/reference/vectors.json` lies beside the repository, not in it; without it these tests skip and say so.
"""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from protogov.envs.world import adaptive_curve
from protogov.envs.world.adaptive_curve import adapted_rate, bounded_exp, charged_rate, utilisation_error
from protogov.envs.world.compiled import compiled
from protogov.envs.world.lending import compounded_growth, kinked_borrow_rate, supply_rate_of
from protogov.envs.world.lever_table import LEVER_INDEX
from protogov.envs.world.levers import (
    CapKind,
    Reason,
    Verdict,
    announce,
    opening_levers,
    steward_verdict,
)
from protogov.envs.world.liquidation import close_factor, health_factor, protocol_share, seizure
from protogov.envs.world.liquidity_pool import average_book_value, pool_value
from protogov.envs.world.margin import minimum_coin, minimum_collateral, shock_vol, standard_margins
from protogov.envs.world.option_fees import standard_vega, time_weight, variance_fee_of, vega_fee_of
from protogov.envs.world.options import forced_terms, locked_for, mark_book, trade_terms, years_to_expiry
from protogov.envs.world.pricing import d1_d2, quote
from protogov.envs.world.short_liquidation import fee_split, liquidation_split
from protogov.envs.world.surface import (
    average_vol,
    base_gwav,
    geometric_average,
    log_area,
    move_surface,
    revert_surface,
    skew_gwav,
    vol_impact,
)
from protogov.envs.world.ticket import Ticket

FILE = Path(__file__).resolve().parents[4] / "shared" / "reference" / "vectors.json"
YEAR_SECONDS = 365.0 * 86400.0
Case = dict[str, Any]


def read_cases() -> dict[str, dict[str, Case]]:
    """Group -> id -> case; empty without the file."""
    if not FILE.exists():
        return {}
    groups = json.loads(FILE.read_text())["vectors"]
    return {name: {case["id"]: case for case in cases} for name, cases in groups.items() if isinstance(cases, list)}


CASES = read_cases()
TRACE: Case = json.loads(FILE.read_text())["vectors"]["lyra_pricing_trace"] if CASES else {}
META: Case = json.loads(FILE.read_text())["meta"] if CASES else {}
needs_file = pytest.mark.skipif(not CASES, reason="no shared/reference/vectors.json beside the repository")

# (group, prefix of the id) -> why the world cannot be asked. Every id is either here or run below, never both.
ABSENT = {
    ("interest_rate", "comet"): "Compound's separate supply curve is not in this world",
    ("interest_rate", "derive"): "Derive's rate model and its continuous compounding are not in this world",
    ("interest_rate", "euler"): "Euler's curve between yields is not in this world",
    ("liquidation", "morpho"): "Morpho's incentive factor is not in this world",
    ("liquidation", "comet"): "Compound's storefront price is not in this world",
    ("liquidation", "euler"): "Euler's discount by health is not in this world",
    ("liquidation", "maker"): "Maker's auctions are not in this world",
    ("black_scholes", "norm_cdf"): "the expected values are those of an approximation, 1e-4 away from the distribution",
    ("lyra_pricing", "premia2"): "Premia's liquidity pricing is not in this world",
    ("min_collateral", "opyn"): "Opyn's naked margin is not in this world",
}


def near(case: Case, name: str) -> Any:
    return pytest.approx(case["expected"][name], rel=case["tol_rel"], abs=1e-15)


# ---------------------------------------------------------------- one check a mechanism


def aave_rate(case: Case, blank: Callable[..., Any]) -> None:
    i = case["inputs"]
    utilisation = i["debt"] / (i["debt"] + i["available"])
    borrow = kinked_borrow_rate(utilisation, i["base"], i["slope1"], i["slope2"], i["u_opt"])
    assert borrow == near(case, "borrow")
    assert supply_rate_of(borrow, i["debt"], i["available"], i["unbacked"], i["reserve_factor"]) == near(case, "supply")


def aave_compounding(case: Case, blank: Callable[..., Any]) -> None:
    years = case["inputs"]["seconds"] / YEAR_SECONDS
    assert 1.0 + compounded_growth(case["inputs"]["rate"], years) == near(case, "index")


def aave_liquidation(case: Case, blank: Callable[..., Any]) -> None:
    i, expected = case["inputs"], case["expected"]
    assert health_factor(i["coll"], i["price"], i["LT"], i["debt"]) == near(case, "hf")
    repaid, seized = seizure(i["coll"], i["price"], i["debt_to_cover"], i["bonus"])
    fee = protocol_share(seized, i["bonus"], i["protocol_fee"])
    results = {
        "coll_total": seized,
        "debt_covered": repaid,
        "protocol_fee": fee,
        "coll_to_liquidator": seized - fee,
        "residual_bad_debt": i["debt"] - repaid,
    }
    for name in expected.keys() - {"hf"}:
        assert results[name] == near(case, name), name


def aave_close_factor(case: Case, blank: Callable[..., Any]) -> None:
    i = case["inputs"]
    _, _, p, _ = blank(close_factor=0.5, full_close_health=0.95, dust_balance=i["threshold_usd"])
    share = close_factor(i["hf"], i["reserve_collateral_usd"], i["reserve_debt_usd"], p)
    assert share == near(case, "close_factor")


def toxic_spiral(case: Case, blank: Callable[..., Any]) -> None:
    for bonus, critical in zip(case["inputs"]["bonus"], case["expected"]["ltv_crit"], strict=True):
        for ltv, rises in ((critical * (1.0 - 1e-6), False), (critical * (1.0 + 1e-6), True)):
            repaid, seized = seizure(1.0, 1000.0, 100.0, bonus)
            after = (1000.0 * ltv - repaid) / (1000.0 * (1.0 - seized))
            assert (after > ltv) == rises


def black_scholes(case: Case, blank: Callable[..., Any]) -> None:
    i, expected = case["inputs"], case["expected"]
    spot = i.get("S", i.get("F"))
    years = i["T_years"] if "T_years" in i else i["T_seconds"] / YEAR_SECONDS
    if "d1" in expected:
        assert d1_d2(spot, i["K"], years, i["vol"], i["r"]) == (near(case, "d1"), near(case, "d2"))
        return
    call, put, delta, _, vega = quote(spot, i["K"], years, i["vol"], i["r"])
    results = {
        "price": call if i.get("call", "call" in case["id"]) else put,
        "call": call,
        "put": put,
        "call_delta": delta,
        "put_delta": delta - 1.0,
        "vega": vega,
        "std_vega": standard_vega(vega, years),
    }
    for name in expected:
        assert results[name] == near(case, name), name


def surface_move(case: Case, blank: Callable[..., Any]) -> None:
    i = case["inputs"]
    amount = i["amount"] if i["buy"] else -i["amount"]
    base, skew = vol_impact(i["base_iv"], i["skew"], amount, i["standard_size"], i["skew_adj"])
    assert (base, skew) == (near(case, "iv"), near(case, "skew"))


def variance(case: Case, blank: Callable[..., Any]) -> None:
    i = case["inputs"]
    parts = [(i["min_static_vega"], i["vega_coef"]), (i["min_static_skew"], i["skew_coef"])]
    parts.append((i["min_static_iv"], i["iv_coef"]))
    fee = variance_fee_of(i["vega"], i["skew"] - i["ref_skew"], i["iv_variance"], 1.0, i["coef"], *parts)
    assert fee == near(case, "fee")


def weight_of_time(case: Case, blank: Callable[..., Any]) -> None:
    i = case["inputs"]
    assert time_weight(i["T_weeks"], i["x1_weeks"], i["x2_weeks"]) == near(case, "weight")


def average(case: Case, blank: Callable[..., Any]) -> None:
    observed, window = case["inputs"]["obs_hours_value"], case["inputs"]["window_hours"]

    def area(until: float) -> float:
        times = [time for time, _ in observed] + [max(until, observed[-1][0])]
        ends = [min(end, until) for end in times[1:]]
        return sum(log_area(v, max(end - t, 0.0)) for (t, v), end in zip(observed, ends, strict=True))

    start, end = (case["inputs"]["now"] - back for back in window)
    assert geometric_average(area(end), area(start), end - start) == near(case, "gwav")


def fees_of_a_liquidation(case: Case, blank: Callable[..., Any]) -> None:
    i = case["inputs"]
    if "premium_to_close" not in i:
        keeper, treasury, pool = fee_split(i["fees"], i["liquidator_ratio"], i["sm_ratio"])
        assert (keeper, treasury, pool) == (near(case, "liquidator"), near(case, "sm"), near(case, "lp"))
        return
    split = liquidation_split(i["premium_to_close"], i["collateral"], i["min_fee"], i["penalty_ratio"])
    assert split == tuple(near(case, name) for name in ("returned", "lp_premium", "fees", "insolvent"))


def margin_shock(case: Case, blank: Callable[..., Any]) -> None:
    i = case["inputs"]
    # the two points in time at which the shock is quoted are the world's own, two and eight weeks
    assert (i["point_A_s"], i["point_B_s"]) == (14 * 86400, 56 * 86400)
    _, _, p, _ = blank(
        shock_up=i["call_shock"], shock_down=i["put_shock"], shock_vol_near=i["shock_vol_A"],
        shock_vol_far=i["shock_vol_B"], short_static=i["static_quote"], interest_rate=i["r"],
    )  # fmt: skip
    years = i["T_s"] / YEAR_SECONDS
    if "shock_vol" in case["expected"]:
        assert shock_vol(years, p.shock_vol_near, p.shock_vol_far) == near(case, "shock_vol")
        return
    if "BASE" in case["id"]:
        assert minimum_coin(i["S"], i["K"], years, i["amount"], i["static_base"], p) == near(case, "min_collateral")
        return
    is_call = "CALL" in case["id"]
    assert minimum_collateral(i["S"], i["K"], years, is_call, i["amount"], p) == near(case, "min_collateral")


def standard_margin(case: Case, blank: Callable[..., Any]) -> None:
    i = case["inputs"]
    # the cases' manager scales no initial margin of puts
    _, _, p, _ = blank(
        standard_initial=i["max_spot_req"], standard_least=i["min_spot_req"], standard_maintenance=i["mm_spot_req"],
        standard_put_share=i["mm_spot_req"], standard_put_scale=1.0,
    )  # fmt: skip
    intrinsic = max(i["S"] - i["K"], 0.0) if i["call"] else max(i["K"] - i["S"], 0.0)
    mark = intrinsic if i["mark"] == "intrinsic" else i["mark"]
    initial, maintenance = standard_margins(i["S"], i["K"], i["call"], mark, p)
    assert initial == near(case, "IM") and maintenance == near(case, "MM")


@compiled
def pinged(rate_at_target, supplied, borrowed, ping, until):
    """(rate at target, debt) of a market that somebody touches every `ping` seconds and nobody uses."""
    for _ in range(until // ping):
        years = ping / (365.0 * 86400.0)
        rate, rate_at_target = charged_rate(rate_at_target, borrowed / supplied, years)
        interest = borrowed * compounded_growth(rate, years)
        supplied += interest
        borrowed += interest
    return rate_at_target, borrowed


def adaptive(case: Case, blank: Callable[..., Any]) -> None:
    i, expected = case["inputs"], case["expected"]
    if "x" in i:
        assert bounded_exp(np.nextafter(i["x"], -math.inf)) == expected["exp_below"]
        assert bounded_exp(i["x"]) == pytest.approx(1e-18, rel=1e-9, abs=0.0)
        return
    for name, constant in {
        "target_u": "TARGET_UTILISATION", "steepness": "CURVE_STEEPNESS", "speed_per_year": "ADJUSTMENT_SPEED",
        "initial_rT": "INITIAL_RATE_AT_TARGET", "min_rT": "MIN_RATE_AT_TARGET", "max_rT": "MAX_RATE_AT_TARGET",
    }.items():  # fmt: skip
        assert getattr(adaptive_curve, constant) == i[name]
    if "ping_s" in i:
        end, _ = pinged(i["initial_rT"], 1.0, i["u0"], i["ping_s"], i["days"] * 86400)
        assert expected["rT_end_min"] * (1.0 - case["tol_rel"]) <= end <= expected["rT_end_max"]
        return
    if "days" in expected:
        end = adapted_rate(i["initial_rT"], utilisation_error(i["u"]), expected["days"] / 365.0)
        assert end == pytest.approx(2.0 * i["initial_rT"], rel=case["tol_rel"])
        return
    rate, end = charged_rate(i["rT_prev"] or 0.0, i["u"], i["dt"] / YEAR_SECONDS)
    results = {"avg_rate": rate, "rT_end": end, "mult_end": end / (i["rT_prev"] or math.nan)}
    for bound in ("min_rate", "max_rate"):
        # the rate charged at the bound that the case ends at
        results[bound], _ = charged_rate(end, i["u"], 0.0)
    for name in expected:
        assert results[name] == near(case, name), name


VERDICTS = {
    "ok": Verdict.ALLOWED,
    "InvalidUpdateToZero": Verdict.TO_ZERO,
    "DebounceNotRespected": Verdict.TOO_SOON,
    "UpdateNotInRange": Verdict.OUT_OF_RANGE,
}
# the parameters of these cases that are levers of the world; the others run through the rule alone
STEWARD_LEVERS = {
    "lt": "liquidation_threshold",
    "slope1": "slope1",
    "uopt": "optimal_utilisation",
    "base": "base_rate",
}


def steward(case: Case, blank: Callable[..., Any]) -> None:
    i = case["inputs"]
    parameter = case["id"].split("_")[0]
    elapsed = math.inf if i["seconds_since_last"] is None else i["seconds_since_last"]
    # in basis points, as the contract counts: exact where a change is just the cap
    kind, cap = (CapKind.RELATIVE, i["max_change"] / 1e4) if i["relative"] else (CapKind.ABSOLUTE, i["max_change"])
    zero_forbidden = parameter not in ("base", "slope1", "uopt")
    verdict = steward_verdict(i["current"], i["new"], cap, kind, elapsed, i["min_delay_s"], zero_forbidden)
    assert verdict == VERDICTS[case["expected"]]
    if parameter not in STEWARD_LEVERS:
        return
    row = opening_levers(1.0).view(np.recarray)[LEVER_INDEX[STEWARD_LEVERS[parameter]]]
    assert row.cap == pytest.approx(i["max_change"] / 1e4)
    assert row.delay * 300 == i["min_delay_s"]
    row.executed, row.target = i["current"] / 1e4, i["new"] / 1e4
    announce(row, 0)
    # a steward refuses what is out of range; the shield goes one cap of the way
    if case["expected"] == "ok":
        assert row.pending == row.target and row.reason == Reason.MOVED
    else:
        assert row.pending == pytest.approx(row.executed + row.cap) and row.reason == Reason.CAPPED


CHECKS: dict[tuple[str, str], Callable[[Case, Callable[..., Any]], None]] = {
    ("adaptive_irm", ""): adaptive,
    ("interest_rate", "aave_u"): aave_rate,
    ("interest_rate", "aave_mainnet"): aave_rate,
    ("interest_rate", "aave_compound3"): aave_compounding,
    ("liquidation", "aave_wbtc"): aave_liquidation,
    ("liquidation", "aave_coll"): aave_liquidation,
    ("liquidation", "aave_v33_closefactor"): aave_close_factor,
    ("liquidation", "toxic_spiral"): toxic_spiral,
    ("black_scholes", "premia"): black_scholes,
    ("black_scholes", "lyra"): black_scholes,
    ("black_scholes", "derive"): black_scholes,
    ("liquidation", "lyra_fee"): fees_of_a_liquidation,
    ("lyra_pricing", "iv_impact"): surface_move,
    ("lyra_pricing", "variance_fee"): variance,
    ("lyra_pricing", "time_weight"): weight_of_time,
    ("lyra_pricing", "gwav"): average,
    ("min_collateral", "lyra_SHORT_PUT_QUOTE"): margin_shock,
    ("min_collateral", "lyra_SHORT_CALL_BASE"): margin_shock,
    ("min_collateral", "lyra_static_SHORT_CALL_BASE"): margin_shock,
    ("min_collateral", "srm"): standard_margin,
    ("min_collateral", "lyra_static_SHORT_PUT_QUOTE"): margin_shock,
    ("min_collateral", "lyra_static_SHORT_CALL_QUOTE"): margin_shock,
    ("min_collateral", "lyra_shockvol"): margin_shock,
    ("risk_steward", ""): steward,
}


def matching(table: dict[tuple[str, str], Any], group: str, name: str) -> list[Any]:
    return [value for (of, prefix), value in table.items() if of == group and name.startswith(prefix)]


@needs_file
@pytest.mark.parametrize(("group", "name"), [(group, name) for group, cases in CASES.items() for name in cases])
def test_case(blank: Callable[..., Any], group: str, name: str) -> None:
    checks, reasons = matching(CHECKS, group, name), matching(ABSENT, group, name)
    assert len(checks) + len(reasons) == 1, f"{group}/{name} must have one check or one reason to skip it"
    if reasons:
        pytest.skip(f"{group}/{name}: {reasons[0]}")
    checks[0](CASES[group][name], blank)


@needs_file
def test_every_table_row_is_used() -> None:
    # a prefix that matches nothing is a check that never ran
    for group, prefix in (*CHECKS, *ABSENT):
        assert any(name.startswith(prefix) for name in CASES[group]), (group, prefix)


@needs_file
def test_adaptive_curve_of_a_market_that_is_pinged_every_minute() -> None:
    # of the file's notes: from 95% utilisation for 45 days, while interest drives utilisation further up
    given = META["adaptive_irm_ping_reference"]
    rate, debt = pinged(0.04, 1.0, 0.95, 60, 45 * 86400)
    assert rate == pytest.approx(given["rT_end"], rel=1e-9)
    assert debt / 0.95 - 1.0 == pytest.approx(given["debt_growth"], rel=1e-9)


# ---------------------------------------------------------------- a day of Lyra's market maker, trade by trade


@needs_file
def test_trace_of_lyra_trades(blank: Callable[..., Any]) -> None:
    """Every column of every trade, the pool's value and collateral too; the vega fee has a test below."""
    given, arrays = TRACE["params"], TRACE["arrays"]
    world, venue, p, _ = blank(
        standard_size=given["standard_size"] * arrays["Spot"][0], skew_impact=given["skew_adj"],
        option_fee=given["option_fee"],
        spot_fee=given["spot_fee"], interest_rate=given["r"], vega_fee_rate=0.0,
        variance_fee=given["variance_coef"], variance_fee_vega=given["vega_coef"],
        variance_fee_vol=given["iv_variance_coef"], variance_fee_skew=0.0, variance_fee_skew_static=1.0,
        gwav_fee_hours=given["gwav_s"] // 3600, gwav_forced_hours=given["gwav_s"] // 3600, vol_reversion=1e12,
        force_close_shock=given["force_close"]["short"], force_close_discount=given["force_close"]["long"],
        forced_spot_share=given["force_close"]["short_spot_min"], gwav_value_hours=given["gwav_s"] // 3600,
        lock_share=1.0,
    )  # fmt: skip
    venue.num_expiries = venue.num_strikes = 1
    venue.expiry[0] = given["expiry_s"] // 300 + 12 * int(p.gwav_fee_hours)
    venue.strike[0, 0], venue.base_vol[0], venue.skew[0, 0] = given["K"], given["base_iv0"], given["skew0"]
    venue.half_spread = venue.skew_shift = 0.0
    venue.oracle_price = venue.opening_price = arrays["Spot"][0]
    open_book(world, venue, p, arrays)
    signed, spent = 0.0, 0.0
    for i in range(1, len(arrays["TradeSize"])):
        # the trace has a quiet window before its first trade
        size, now = arrays["TradeSize"][i], int(arrays["Trade Times"][i]) + p.gwav_fee_hours
        while world.hour < now:  # the averages' marks, at the end of every hour before
            world.substep = 12 * world.hour + 11
            base, skew = venue.base_vol[0], venue.skew[0, 0]
            revert_surface(world, venue, p)
            venue.base_vol[0], venue.skew[0, 0] = base, skew
            world.hour += 1
        world.substep, venue.oracle_price = int(12 * now), arrays["Spot"][i]
        sign = math.copysign(1.0, size)
        averages = base_gwav(world, venue, 0, p.gwav_fee_hours), skew_gwav(world, venue, 0, 0, p.gwav_fee_hours)
        assert averages == pytest.approx((arrays["BaseIVsGWAV"][i], arrays["SkewsGWAV"][i]), rel=5e-4)
        venue.fee_vol[0] = averages[0]
        total, fees, vol, base, skew, _, _ = trade_terms(world, venue, Ticket(0, 0, True, abs(size), sign), p)
        assert average_standard_vega(world, venue, p) == pytest.approx(arrays["stdvega"][i], rel=1e-3)
        assert (base, skew) == pytest.approx((arrays["BaseIVs"][i], arrays["Skews"][i]), rel=1e-12)
        assert vol == pytest.approx(base * skew, rel=1e-15)
        assert total - sign * fees == pytest.approx(arrays["Premiums"][i], rel=1e-11)
        plain = arrays["OptionFees"][i] + arrays["SpotFees"][i]
        # the trace measures a skew from zero, which multiplies its variance fee by the skew; here the gap is from fair
        variance = arrays["VarianceFees"][i] / arrays["Skews"][i]
        # windows begin at the last sub-step of an hour, five minutes early
        assert fees == pytest.approx(plain + variance, rel=5e-3)
        move_surface(world, venue, 0, 0, base, skew)
        forced, forced_at, forced_skew = forced_terms(world, venue, Ticket(0, 0, True, abs(size), -sign), p)
        assert forced_skew == pytest.approx(arrays["ForceClose Skews"][i], rel=1e-12)
        assert forced_at == pytest.approx(arrays["ForceCloseVols"][i], rel=1e-3)
        assert forced == pytest.approx(arrays["ForceClosePrem"][i], rel=5e-3)
        # the pool's side: a coin is bought for each call that it writes, none is sold when a trader writes one
        signed += total * sign - fees
        written = max(size, 0.0)
        locked = locked_for(venue.oracle_price, given["K"], True, written, p)
        spent += locked
        assert (written, locked, spent) == pytest.approx([arrays[c][i] for c in COLLATERAL], rel=1e-12)
        assert signed == pytest.approx(arrays["PremiumsSIGNED"][i], rel=1e-9, abs=1e-6)
        charged = plain + arrays["VarianceFees"][i] + arrays["VUFees"][i] / 100.0
        venue.option_cash += total * sign - fees + charged - locked
        venue.hedge_coin += written
        venue.long_calls[0, 0] += written
        venue.short_calls[0, 0] += written - size
        check_book(world, venue, p, i)


COLLATERAL = ("Collateral", "CostToCollat", "CostCumCollat")


def open_book(world: Any, venue: Any, p: Any, arrays: dict[str, list[float]]) -> None:
    """Row 0 of the trace: no trade yet."""
    for column in ("TradeSize", "PremiumsSIGNED", "NAV", "OptionPos", *COLLATERAL, "netPos"):
        assert arrays[column][0] == 0.0
    world.substep = 12 * int(p.gwav_fee_hours)
    assert (venue.base_vol[0], venue.skew[0, 0]) == (arrays["BaseIVs"][0], arrays["Skews"][0])
    assert average_standard_vega(world, venue, p) == pytest.approx(arrays["stdvega"][0], rel=1e-9)
    world.substep = 0


def average_standard_vega(world: Any, venue: Any, p: Any) -> float:
    """Standard vega of a contract as the contract's cache has it: at average vols, with time in whole days."""
    years = years_to_expiry(world, venue, 0)
    vol = average_vol(world, venue, 0, 0, p.gwav_value_hours)
    _, _, _, _, vega = quote(venue.oracle_price, venue.strike[0, 0], years, vol, p.interest_rate)
    days = math.floor(years * 365.0 + 1e-9)
    return float(standard_vega(vega, days / 365.0))


def check_book(world: Any, venue: Any, p: Any, i: int) -> None:
    """Positions, greeks, collateral and value of the pool after trade `i` of the trace."""
    arrays = TRACE["arrays"]
    mark_book(world, venue, p)
    assert venue.long_calls[0, 0] - venue.short_calls[0, 0] == pytest.approx(arrays["netPos"][i], rel=1e-12)
    assert venue.hedge_coin == arrays["TotalCollateral"][i]
    assert venue.locked == pytest.approx(arrays["TotalCollateralValue"][i], rel=1e-12)
    net = venue.long_calls[0, 0] - venue.short_calls[0, 0]
    assert net * average_standard_vega(world, venue, p) == pytest.approx(arrays["NetStdVegaDom"][i], rel=1e-3)
    # averages begin up to five minutes early
    value = average_book_value(world, venue, p)
    assert value == pytest.approx(arrays["OptionPos"][i], rel=1e-3)
    assert pool_value(world, venue, p) == pytest.approx(arrays["NAV"][i], abs=1e-3 * abs(value))


@needs_file
def test_trace_of_lyra_vega_fees() -> None:
    given, arrays = TRACE["params"], TRACE["arrays"]
    charged = 0
    for i in range(1, len(arrays["TradeSize"])):
        # the book before the trade is valued at the vega of its moment
        pre = arrays["netPos"][i - 1] * arrays["stdvega"][i]
        nav = given["pool_usd"] + arrays["NAV"][i]
        vol = arrays["BaseIVs"][i] * arrays["Skews"][i]
        fee = vega_fee_of(vol, pre, arrays["NetStdVegaDom"][i], nav, abs(arrays["TradeSize"][i]), given["vega_fee"])
        # the trace is in hundredths, and good to half a per cent
        assert fee * 100.0 == pytest.approx(arrays["VUFees"][i], rel=0.005)
        charged += fee > 0.0
    assert 0 < charged < 7
