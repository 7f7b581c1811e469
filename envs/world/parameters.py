"""Physical parameters of a world. One frozen dataclass is the table; the record that kernels read is derived from it.

Each field has its unit, its accepted range and a description. Switches are numbers too, so a stress grid is a batch.
To add a parameter, add one line here and read ``p.<name>`` in a kernel.

Kernels have one row of parameters per venue. Fields declared by `of_venue` may differ between the venues of a world:
these are sizes and the rules of a protocol, including its oracle. All other fields are the same in every row. They
describe the outside market, its spot pool, and people who use both venues and are the same persons there.
"""

from dataclasses import dataclass, field, fields
from math import inf, isfinite
from typing import Any

import numpy as np


def parameter(default: float, unit: str, low: float, high: float, doc: str) -> Any:
    """Declare one parameter: its default, unit, closed accepted range and description."""
    return field(default=default, metadata={"unit": unit, "low": low, "high": high, "help": doc, "scope": "world"})


def of_venue(default: float, unit: str, low: float, high: float, doc: str) -> Any:
    """Declare one parameter in which the venues of a world may differ."""
    return field(default=default, metadata={"unit": unit, "low": low, "high": high, "help": doc, "scope": "venue"})


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Everything about the outside market, the people and those fixed rules of the protocol that no lever governs."""

    # ---- outside price, spot pool, arbitrage
    lasting_share: float = parameter(
        0.027, "share", 0, 1, "part of a forced trade's pool impact that stays in the outside price"
    )
    lasting_half_life: float = parameter(45, "h", 0.1, inf, "half-life of the lasting impact")
    lasting_cap: float = parameter(0.35, "log price", 0, 1, "largest lasting impact in either direction")
    depth_scale: float = parameter(1, "ratio", 1e-6, 1e9, "multiplies the tape's depth; 1e9 is infinite depth")
    depth_flight: float = parameter(0.5, "per log price", 0, 1000, "depth falls by exp(-this * recent forced impact)")
    depth_floor: float = parameter(0.6, "share", 0.01, 1, "part of the tape's depth that always stays")
    depth_return_half_life: float = parameter(4, "h", 0.1, inf, "time until half of the withdrawn depth has returned")
    pool_fee: float = parameter(0.0005, "share", 0, 0.1, "swap fee of the spot pool")
    arbitrage_speed: float = parameter(
        0.5, "share", 0, 1, "part of the gap beyond the band that is closed in a sub-step"
    )
    arbitrage_band: float = parameter(0.001, "log price", 0, 0.1, "gap that arbitrage leaves open")
    arbitrage_capacity: float = parameter(3e6, "USD", 0, inf, "largest arbitrage in a sub-step, when calm")
    arbitrage_stress: float = parameter(0.7, "share", 0, 1, "part of that capacity that is lost at full congestion")
    arbitrage_calm_vol: float = parameter(
        1, "annual vol", 0.01, 1e9, "realised vol over 6 h above which capacity shrinks"
    )
    arbitrage_delay: float = parameter(3, "sub-steps", 0, 12, "delay of arbitrage at full congestion")
    # ---- funding of the outside perpetual market
    open_interest: float = parameter(
        400e6, "USD", 1, inf, "normal open interest of the perpetual market in which hedgers trade"
    )
    open_interest_flush: float = parameter(
        3, "per 1.00", 0, 100, "log loss of open interest per fall beyond 2% in an hour"
    )
    funding_crowding: float = parameter(
        0.5, "annual", 0, 100, "added funding rate if hedges are all of the open interest"
    )
    # ---- attackers, who act when the tape asks for it
    push_capital: float = parameter(20e6, "USD", 0, inf, "capital of an attacker who pushes the oracle")
    push_collateral: float = parameter(
        0.7, "share", 0, 1, "part of that capital posted as collateral before a push upward"
    )
    grief_capital: float = parameter(60e6, "USD", 0, inf, "capital of an attacker who borrows all cash")
    # ---- oracle
    oracle_deviation: float = of_venue(0.005, "share", 0, 1, "move of the source that triggers a report")
    oracle_heartbeat: float = of_venue(1, "h", 1 / 12, inf, "longest time between reports")
    oracle_delay: float = of_venue(4, "sub-steps", 0, 288, "delay of a report at full congestion")
    oracle_pool_weight: float = of_venue(0.15, "share", 0, 1, "weight of the spot pool in the source")
    oracle_pause_from: float = of_venue(0, "h", 0, inf, "start of a pause during which no report lands")
    oracle_pause_hours: float = of_venue(0, "h", 0, inf, "length of that pause")
    oracle_floor: float = of_venue(0, "share", 0, 1, "share of the opening price below which the oracle never reports")
    oracle_ignores_peg: float = of_venue(
        0, "switch", 0, 1, "1: the oracle quotes dollars as if the debt asset were always worth one dollar"
    )
    oracle_pool_average: float = of_venue(0, "switch", 0, 1, "1: the oracle is a mean of the pool's price only")
    oracle_average_window: int = of_venue(6, "sub-steps", 1, 12, "window of that mean")
    quotes_from_pool: float = of_venue(
        0,
        "switch",
        0,
        1,
        "1: options are quoted at the spot pool's mean over that window; they settle at the oracle",
    )
    # ---- lending rules
    reserve_factor: float = of_venue(0.15, "share", 0, 1, "part of borrowers' interest that the treasury keeps")
    close_factor: float = of_venue(0.5, "share", 0.01, 1, "largest part of a debt that one liquidation repays")
    full_close_health: float = of_venue(
        0.95, "health factor", 0, 1, "health factor up to which a liquidation may repay all debt"
    )
    dust_balance: float = of_venue(
        2000, "USD", 0, inf, "debt or collateral below which a liquidation may repay all debt"
    )
    dust_leftover: float = of_venue(1000, "USD", 0, inf, "a liquidation may not leave less than this")
    protocol_fee: float = of_venue(0.1, "share", 0, 1, "part of the liquidation bonus that goes to the treasury")
    funding_cost: float = of_venue(
        0, "annual", 0, 1, "cost of lent money that the treasury pays outside, if it has cash"
    )
    losses_socialised: float = of_venue(
        1,
        "switch",
        0,
        1,
        "1: suppliers bear bad debt at once (Morpho); 0: first the treasury, the rest is an open deficit (Aave)",
    )
    cash_backstop: float = of_venue(
        0, "switch", 0, 1, "1: the outside lends the cash that a withdrawal lacks, so nobody is locked in"
    )
    # ---- liquidators
    num_liquidators: int = parameter(8, "liquidators", 0, 8, "number that compete in all venues of a world")
    liquidator_margin: float = parameter(
        0.012,
        "share",
        -1,
        1,
        "profit that the median liquidator asks when calm; negative: it is paid from outside to work",
    )
    liquidator_margin_congested: float = parameter(0.06, "share", 0, 1, "addition to that margin at full congestion")
    liquidator_skill: float = parameter(0.4, "share", 0, 1, "part of margin and gas that the ablest liquidator saves")
    liquidator_tail: float = parameter(1, "exponent", 0.1, 100, "Pareto exponent of attention and capital")
    liquidator_attention: float = parameter(
        0.95, "probability a sub-step", 0, 1, "probability that the ablest liquidator watches"
    )
    liquidator_inventory_share: float = parameter(
        0.25, "share", 0, 1, "part of the liquidators that have no flash loans"
    )
    liquidator_capital: float = parameter(6e6, "USD", 0, inf, "capital of all liquidators without flash loans")
    liquidator_refill_half_life: float = parameter(
        24, "h", 0.1, inf, "half-life of the return of capital to its normal level"
    )
    inventory_speed: float = parameter(
        0.25, "share", 0, inf, "part of the depth of 1% that an inventory sells in a sub-step"
    )
    inventory_hours: float = parameter(
        2, "h", 0, 1e6, "longest time of selling: nobody takes an inventory that lasts longer"
    )
    inventory_risk: float = parameter(1, "ratio", 0, 100, "discount on held coin, divided by its hourly volatility")
    priority_share: float = parameter(
        0.5, "share", 0, 1, "part of the second highest profit that the winner pays validators"
    )
    bonus_scale: float = parameter(1, "ratio", 0, 1, "multiplies the liquidation bonus; 0: no bonus")
    gas_cost: float = parameter(15, "USD", 0, inf, "gas of one liquidation when calm")
    gas_congestion: float = parameter(20, "ratio", 0, inf, "addition to the gas multiplier at full congestion")
    # ---- borrowers
    num_accounts: int = parameter(128, "accounts", 1, 128, "borrowers of a venue")
    debt_size: float = of_venue(71e6, "USD", 0, inf, "debt of a venue at the reference rate and loan-to-value")
    account_tail: float = parameter(1.2, "exponent", 0.5, 10, "Pareto exponent of account sizes")
    account_size_ratio: float = parameter(400, "ratio", 1, 1e6, "largest account size divided by the smallest")
    borrow_elasticity: float = parameter(6.3, "exponent", 0, 50, "steepness of borrowing in rate / reservation rate")
    borrow_half_life: float = parameter(
        33, "h", 0.1, inf, "time in which half of the attentive borrowers review their debt"
    )
    borrow_stickiness: float = parameter(
        0.05, "share", 0, 1, "gap to the debt of its level on which an account does not act"
    )
    level_stickiness: float = parameter(
        0.02, "share of full debt", 0, 0.125, "distance beyond a threshold at which a level changes"
    )
    reservation_median: float = parameter(0.083, "annual", 0.001, 1, "median of borrowers' reservation rates")
    reservation_spread: float = parameter(0.65, "log", 0, 2, "standard deviation of log reservation rates")
    leverage_taste: float = parameter(
        0.4, "log", -2, 2, "how much higher the most levered account's reservation rate is"
    )
    leverage_low: float = parameter(0.36, "share of LTV", 0.01, 1, "leverage of the least levered account")
    leverage_high: float = parameter(1, "share of LTV", 0.01, 1, "leverage of the most levered account")
    safety_low: float = parameter(1, "health factor", 1, 10, "health factor below which the boldest account acts")
    safety_high: float = parameter(
        1.3, "health factor", 1, 10, "health factor below which the most careful account acts"
    )
    idle_share: float = parameter(0.33, "share", 0, 1, "part of the accounts that rarely look")
    idle_activity: float = parameter(0.13, "share", 0, 1, "activity of idle accounts divided by that of attentive ones")
    attentive_activity: float = parameter(
        0.4, "probability an hour", 0.001, 1, "probability that an attentive account acts"
    )
    wallet_share: float = parameter(
        0.28, "share", 0, 10, "largest stock of coin outside for top-ups, divided by the collateral"
    )
    return_half_life: float = parameter(96, "h", 0.1, inf, "time until half of the emptied accounts have returned")
    leverage_buying: float = parameter(
        0.48, "share", 0, 1, "part of newly borrowed cash that buys coin in the spot pool"
    )
    # ---- suppliers
    num_suppliers: int = parameter(12, "suppliers", 1, 16, "number of suppliers of a venue")
    supply_size: float = of_venue(
        90e6, "USD", 0, inf, "deposits of a venue's suppliers when the rate is the one they ask"
    )
    supply_elasticity: float = parameter(6.8, "exponent", 0, 50, "steepness of supply in (1 + rate gap in %/10)")
    supply_headroom: float = parameter(1.0, "share", 0.01, 10, "largest addition of a supplier when the rate is high")
    supply_premium: float = parameter(-0.006, "annual", -1, 1, "median yield wanted above the outside yield")
    supply_half_life_low: float = parameter(20, "h", 0.1, inf, "half-life of the fastest supplier's adjustment")
    supply_half_life_high: float = parameter(60, "h", 0.1, inf, "half-life of the slowest supplier's adjustment")
    supplier_need: float = parameter(
        0.027, "share", 0, 1, "part of the time in which a supplier needs its money elsewhere"
    )
    supplier_flight: float = parameter(
        0.21,
        "share per 1.00",
        0,
        100,
        "part of the suppliers that come to need their money, per fall beyond 8% from the week's high",
    )
    lockup_fear: float = parameter(0.22, "annual", 0, 10, "yield that the average supplier deducts at full utilisation")
    loss_fear: float = parameter(
        10, "annual", 0, 1000, "yield that a supplier deducts per share of deposits that is an open deficit"
    )
    crash_size: float = parameter(0.25, "share", 0, 1, "fall of the price that suppliers expect in a crash")
    crash_frequency: float = parameter(
        1.1, "a year", 0, 1000, "number of such crashes that the average supplier expects"
    )
    lockup_charge: float = parameter(
        0.215,
        "annual",
        0,
        10,
        "cost of an unmet withdrawal: unsecured money at a day's notice (US credit cards, Federal Reserve G.19, 2024)",
    )
    treasury_share: float = of_venue(
        0.01, "share", 0, 1, "opening treasury divided by the sum of deposits and LP value"
    )
    # ---- welfare
    loss_weight: float = parameter(
        3, "ratio", 0, 100, "lambda: weight in W of haircuts, open deficit and latent shortfall"
    )
    liquidation_weight: float = parameter(0.5, "ratio", 0, 100, "kappa: weight in W of the cost of liquidations")
    # ---- choice between two venues
    venue_choice: float = parameter(50, "per 1.00 of rate", 0, 1e4, "log odds per rate advantage; 0: nobody moves")
    taste_spread: float = parameter(0.5, "log odds", 0, 10, "standard deviation of people's taste for a venue")
    # ---- option pool
    options_on: float = of_venue(1, "switch", 0, 1, "0: nobody trades options")
    lp_size: float = of_venue(20e6, "USD", 0, inf, "opening value of the option pool")
    lend_share: float = of_venue(
        0.4, "share", 0, 1, "part of the option pool's free cash that is lent to the lending market"
    )
    lock_share: float = of_venue(
        0.35, "share", 0, 1, "part of a coin (calls) or strike (puts) locked per written option"
    )
    gamma_limit: float = of_venue(3, "ratio", 0, inf, "hedge gain beyond which no trade may move net gamma")
    gamma_widening: float = of_venue(0.2, "ratio", 0, 100, "extra half-spread on such trades at a hedge gain of 1")
    vega_limit: float = of_venue(0.01, "share of NAV", 0, inf, "largest net standard vega of a vol point")
    opening_notional: float = of_venue(
        26e6,
        "USD",
        0,
        inf,
        "options that traders hold at the opening in a pool of 20 million; in proportion for other pools",
    )
    num_expiries: int = parameter(4, "expiries", 1, 4, "listed expiries, a week apart")
    num_strikes: int = parameter(5, "strikes", 1, 5, "strikes per expiry, 10% apart around the money")
    strike_gap: float = parameter(0.1, "log price", 0.001, 1, "distance between neighbouring strikes at listing")
    interest_rate: float = parameter(0.03, "annual", -0.5, 1, "r of Black-Scholes")
    standard_size: float = of_venue(
        2.4e6, "USD at the opening", 1e-3, inf, "notional of a trade that moves base vol by one vol point"
    )
    skew_impact: float = of_venue(0.3, "ratio", 0, 10, "move of the skew divided by the move of base vol")
    vol_reversion: float = of_venue(24, "h", 0.1, inf, "half-life of the surface's return to its anchor")
    anchor_half_life: float = parameter(8, "h", 0.1, inf, "lag of the public vol index that is the anchor")
    surface_skew: float = parameter(-0.25, "ratio", -5, 5, "slope of the fair vol ratio in log moneyness")
    skew_shift_width: float = of_venue(0.2, "log price", 0.01, 5, "moneyness at which the skew shift is full")
    option_fee: float = of_venue(0.003, "share of premium", 0, 1, "fee of a trade")
    spot_fee: float = of_venue(0.0003, "share of notional", 0, 1, "fee of a trade")
    fee_near: float = of_venue(6, "weeks", 0, 7, "time to expiry up to which both these fees count once")
    fee_far: float = of_venue(16, "weeks", 8, 520, "time to expiry at which they count twice")
    vega_fee_rate: float = of_venue(12, "ratio", 0, 100, "fee on trades that raise the pool's net vega")
    variance_fee: float = of_venue(0.1, "ratio", 0, 1000, "fee on trades away from the average surface; 0 is off")
    variance_fee_vega: float = of_venue(0.01, "per 1.00 of vol", 0, 1000, "slope of this fee in a contract's vega")
    variance_fee_vega_static: float = of_venue(
        0, "share of the opening price", 0, 1000, "part of this fee that does not depend on the vega"
    )
    variance_fee_skew: float = of_venue(
        3, "ratio", 0, 1000, "slope of this fee in the distance of the skew from the fair skew"
    )
    variance_fee_skew_static: float = of_venue(1, "ratio", 0, 1000, "part of this fee that does not depend on the skew")
    variance_fee_vol: float = of_venue(
        100, "per 1.00 of vol", 0, 1e4, "slope of this fee in base vol minus its average"
    )
    variance_fee_vol_static: float = of_venue(
        0, "ratio", 0, 1000, "part of this fee that does not depend on the base vol"
    )
    gwav_on: float = of_venue(1, "switch", 0, 1, "0: forced closes and shares use current vols, which trades can push")
    gwav_fee_hours: int = of_venue(6, "h", 1, 36, "window of the average vol of the variance fee")
    gwav_forced_hours: int = of_venue(6, "h", 1, 36, "window of the average vol of forced closes")
    settlement_window: int = of_venue(
        6, "sub-steps", 1, 288, "time before expiry over which the settlement price averages"
    )
    min_delta: float = of_venue(0.10, "delta", 0, 0.5, "call delta outside [this, 1 - this] cannot be opened")
    trading_cutoff: float = of_venue(6, "h", 0, inf, "time before expiry in which no position opens")
    position_cap: float = of_venue(
        0.9, "share of LP value", 0, 100, "largest notional that the pool may be short at one node"
    )
    # ---- liquidity providers of the option pool
    num_lps: int = of_venue(8, "providers", 1, 8, "number of providers that own the option pool of a venue")
    lp_premium: float = of_venue(0.04, "annual", -1, 1, "median yield that LPs ask above the outside yield")
    lp_premium_spread: float = of_venue(0.02, "annual", 0, 1, "standard deviation of that premium")
    lp_expected: float = of_venue(
        0.14, "annual", -1, 10, "yield that LPs expect of a pool before they have seen its returns"
    )
    lp_patience: float = of_venue(
        60, "days", 0.1, 1e4, "length of the pool's own returns that weighs as much as that prior"
    )
    lp_choice: float = of_venue(
        7, "per 1.00 of yield", 0, 1e4, "steepness of the share that LPs invest; 0: nobody moves"
    )
    lp_review_hours: int = of_venue(6, "h", 1, 168, "time between two pricings of shares; requests are served then")
    lp_look: float = of_venue(0.2, "probability a review", 0, 1, "probability that a provider decides again")
    lp_cooldown: float = of_venue(72, "h", 0, inf, "time between a provider's request and its execution")
    lp_exit_fee: float = of_venue(0.003, "share", 0, 0.5, "part of a withdrawal that stays with the other LPs")
    gwav_value_hours: int = of_venue(36, "h", 1, 36, "window of the average vols at which shares are priced")
    vol_push_capital: float = parameter(
        10e6, "USD", 0, inf, "capital of an attacker who pushes the surface and buys pool shares"
    )
    breaker_variance: float = of_venue(0.1, "vol", 0, inf, "distance of a vol from its average above which shares stop")
    breaker_liquidity: float = of_venue(0.05, "share of NAV", 0, 1, "free liquidity below which shares stop")
    breaker_variance_hours: float = of_venue(36, "h", 0, inf, "time for which the first breaker stops shares")
    breaker_liquidity_hours: float = of_venue(72, "h", 0, inf, "time for which the second breaker stops shares")
    # ---- option traders
    arrivals: float = of_venue(16, "an hour", 0, 200, "option traders who ask for a price")
    trade_size: float = of_venue(33e3, "USD at the opening", 0, inf, "mean notional of a trade")
    buy_share: float = parameter(0.54, "share", 0, 1, "part of uninformed traders who buy")
    spread_elasticity: float = parameter(42, "per 1.00 of vol", 0.01, 1e4, "option flow falls by exp(-this * vol paid)")
    informed_scale: float = parameter(1, "ratio", 0, 10, "multiplies the tape's informed share; 0: uninformed only")
    latency_share: float = parameter(
        0.5, "share", 0, 1, "part of informed arrivals who trade before the oracle updates; the rest trade vol"
    )
    informed_horizon: float = parameter(6, "h", 0, 336, "how far ahead vol arbitrageurs know the tape's implied vol")
    informed_cap: float = of_venue(
        360e3, "USD at the opening, an hour", 0, inf, "largest notional that informed traders take"
    )
    option_choice: float = parameter(
        60, "per 1.00 of vol", 0, 1e4, "log odds per advantage in vol at the better venue; 0: nobody compares"
    )
    # ---- borrowers who protect a loan with puts
    put_health: float = parameter(1.25, "health factor", 1, 10, "health factor below which a borrower looks for a put")
    put_look: float = parameter(
        0.4, "probability a look", 0, 1, "probability that an unprotected borrower asks for a price"
    )
    put_cover: float = parameter(0.55, "share", 0, 10, "part of its collateral that a borrower's puts cover")
    put_need: float = parameter(2.5, "ratio", 0, 100, "mean margin of such a borrower divided by that of other traders")
    # ---- hedging
    hedge_interval: float = of_venue(1, "h", 1, 168, "time between hedges")
    hedge_slices: int = of_venue(6, "sub-steps", 1, 12, "sub-steps in which an hour's hedge is traded")
    hedge_depth: float = of_venue(1.5, "ratio", 0, inf, "largest hedge in an interval, divided by the depth of 1%")
    hedge_minimum: float = of_venue(0.02, "share", 0, 1, "part of the target below which no hedge is traded")
    hedge_through_pool: float = of_venue(
        1, "switch", 0, 1, "0: hedges trade outside at the outside price and move nothing"
    )
    variance_aversion: float = parameter(1.5e-6, "per USD", 0, 1, "price of the net book's hourly variance")
    hourly_vol_of_vol: float = parameter(0.012, "vol", 0, 1, "standard deviation of an hour's implied-vol move")
    # ---- short sellers
    num_shorts: int = of_venue(16, "sellers", 0, 16, "margined short sellers of a venue")
    short_size: float = of_venue(600e3, "USD at the opening", 0, inf, "mean notional of a short seller's position")
    short_entry: float = of_venue(
        0.15, "probability an hour", 0, 1, "probability that an idle seller looks for a trade"
    )
    short_capital_cost: float = parameter(0.2, "annual", 0, 10, "cost of cash collateral to a short seller")
    short_coin_cost: float = parameter(0.05, "annual", 0, 10, "cost of coin collateral, posted or pledged")
    short_coin_share: float = parameter(0.15, "share", 0, 1, "part of the sellers that post coin and sell only calls")
    short_pledge_share: float = parameter(
        0.7, "share", 0, 1, "part of the sellers that pledge the coin that backs their loan"
    )
    standard_margin: float = of_venue(0, "switch", 0, 1, "0: margins by Lyra's rule; 1: by Derive's")
    standard_initial: float = of_venue(0.15, "share of spot", 0, 1, "Derive's initial margin at the money")
    standard_least: float = of_venue(0.13, "share of spot", 0, 1, "Derive's initial margin far out of the money")
    standard_maintenance: float = of_venue(0.09, "share of spot", 0, 1, "Derive's maintenance margin")
    standard_put_share: float = of_venue(
        0.09, "share of mark", 0, 10, "least maintenance margin of a put, as a share of its mark"
    )
    standard_put_scale: float = of_venue(
        1.1, "ratio", 1, 10, "least initial margin of a put divided by its maintenance margin"
    )
    shock_up: float = of_venue(1.04, "ratio", 1, 10, "spot shock of the minimum collateral of calls")
    shock_down: float = of_venue(0.96, "ratio", 0.01, 1, "spot shock of the minimum collateral of puts")
    shock_vol_near: float = of_venue(0.95, "vol", 0.01, 20, "vol of the minimum collateral up to two weeks")
    shock_vol_far: float = of_venue(0.8, "vol", 0.01, 20, "vol of the minimum collateral from eight weeks")
    force_close_shock: float = of_venue(
        1.2, "ratio", 1, 10, "factor on the vol at which a short is bought back by force"
    )
    force_close_discount: float = of_venue(
        0.8, "ratio", 0.01, 1, "factor on the vol at which a long is closed by force"
    )
    forced_spot_share: float = of_venue(
        0.01, "share of spot", 0, 1, "a forced buy-back costs at least parity plus this"
    )
    short_static: float = of_venue(100, "USD", 0, inf, "least cash collateral of a short position")
    short_static_coin: float = of_venue(
        150, "USD at the opening", 0, inf, "value of the least coin collateral of a short call"
    )
    short_penalty: float = of_venue(0.05, "share", 0, 1, "penalty on a liquidated short's spare collateral")
    short_least_fee: float = of_venue(20, "USD", 0, inf, "least fee of a short's liquidation")
    short_keeper_share: float = of_venue(0.1, "share", 0, 0.5, "part of that fee for the keeper who liquidates")
    short_treasury_share: float = of_venue(
        0.2, "share", 0, 0.5, "part of that fee for the treasury; the rest goes to the LPs"
    )
    # ---- worlds with a known solution, see population/solvable_rules.py
    reservation_top: float = parameter(
        0, "annual", 0, 1, "above 0: reservation rates are spread evenly from 0 to this value, without tastes"
    )
    demand_choke: float = parameter(
        0, "annual", 0, 1, "above 0: wanted debt is linear: full debt * (1 - (2 own rate - rival's rate) / this)"
    )
    logit_scale: float = parameter(
        0, "vol", 0, 1, "above 0: uninformed demand is logit in both venues' half-spreads, with this scale of taste"
    )
    logit_value: float = parameter(
        0.01, "vol", -1, 1, "half-spread at which logit demand is split equally with the choice of no trade"
    )
    known_mispricing: float = parameter(
        0, "vol", 0, 1, "above 0: all informed traders know the error of quotes, which is this much to either side"
    )

    def __post_init__(self) -> None:
        """Refuse a value outside its range. The message gives field, value and range.

        Raises:
            ValueError: a parameter is not a number in its accepted range, or two parameters contradict each other.
        """
        for spec in fields(self):
            value, low, high = getattr(self, spec.name), spec.metadata["low"], spec.metadata["high"]
            number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
            whole = spec.type in (int, "int")
            if not number or not low <= value <= high or not (isfinite(value)) or (whole and value != int(value)):
                kind = "a whole number" if whole else "a finite number"
                raise ValueError(
                    f"{spec.name} = {value!r} [{spec.metadata['unit']}] must be {kind} between {low:g} and {high:g}."
                )
        for low_name, high_name in (
            ("leverage_low", "leverage_high"),
            ("safety_low", "safety_high"),
            ("supply_half_life_low", "supply_half_life_high"),
        ):
            low, high = getattr(self, low_name), getattr(self, high_name)
            if low > high:
                raise ValueError(f"{low_name} = {low!r} must not exceed {high_name} = {high!r}.")
        if self.supply_size == 0 and (self.lp_size == 0 or self.options_on == 0):
            raise ValueError("supply_size = 0 must be positive where no option pool has value: a venue needs money.")

    def record(self) -> np.ndarray:
        """One row of `PARAMS` with these values."""
        row = np.zeros(1, PARAMS)
        for spec in fields(self):
            row[spec.name] = getattr(self, spec.name)
        return row


PARAMS = np.dtype([(spec.name, "f8") for spec in fields(Parameters)])


VENUE_PARAMETERS: tuple[str, ...] = tuple(spec.name for spec in fields(Parameters) if spec.metadata["scope"] == "venue")
ORACLE_PARAMETERS: tuple[str, ...] = tuple(name for name in VENUE_PARAMETERS if name.startswith("oracle_"))


def parameter_names() -> tuple[str, ...]:
    """Names of all parameters in the order of the record."""
    return tuple(spec.name for spec in fields(Parameters))
