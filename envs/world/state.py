"""The records: every field of the state of a world, with its shape and its unit, listed once.

Units: cash is in units of the debt asset. It is written USD below, because one unit should be worth a dollar. The
tape's candles are in true dollars, and its `peg` is the value of the debt asset in dollars. Every price in these
records is therefore the tape's price divided by the peg. Coin is in units of the collateral. Rates are annual decimals.
Times are in sub-steps of five minutes since the start of the episode, unless a name says hours. Arrays have fixed
capacities, and the record holds the counts in use: a tiny world needs no second compilation. A batch is one contiguous
array of `world_dtype`.
"""

from enum import IntEnum

import numpy as np

from protogov.envs.world.lever_table import LEVERS, NUM_LEVERS

SUBSTEPS = 12  # per hour
HOURS_PER_YEAR = 8760.0
SUBSTEP_YEARS = 1.0 / (HOURS_PER_YEAR * SUBSTEPS)
MAX_VENUES = 2
MAX_ACCOUNTS = 128
MAX_SUPPLIERS = 16
MAX_SHORTS = 16
MAX_LPS = 9  # the last one is the attacker of surface_attacker.py
MAX_LIQUIDATORS = 8
MAX_ATTACKERS = 2  # the pusher of the oracle and the griefer who borrows all cash: see attacks.py
ACCOUNT_SLOTS = MAX_ACCOUNTS + MAX_ATTACKERS  # the accounts of attackers follow those of the borrowers
MAX_EXPIRIES = 4
MAX_STRIKES = 5
MAX_EVENTS_PER_HOUR = 256
MAX_DECISION_HOURS = 24
GWAV_HOURS = 38  # hourly marks kept for the averages of vols: their longest window
CLOSES = 176  # hourly closes kept: a bit more than a week
RING = 16  # most sub-steps that arbitrageurs and a pool average look back
NUM_SALES = 4  # kinds of forced trades that move the spot pool
LIQUIDATION_SALE, SHORT_SALE, DELEVERAGE_SALE, HEDGE_SALE = range(NUM_SALES)
NEVER = np.int64(2**40)  # a sub-step that no episode reaches

TAPE = np.dtype(
    [
        ("open", "f4"),  # true USD per coin, independent of the value of the debt asset
        ("high", "f4"),
        ("low", "f4"),
        ("close", "f4"),
        ("implied_vol", "f4"),  # annual decimal, 30 days, at the money
        ("depth", "f4"),  # USD that move the spot pool by 1%
        ("congestion", "f4"),  # 0: blocks are free; 1: blocks are full
        ("funding", "f4"),  # annual decimal, paid by longs to shorts
        ("peg", "f4"),  # USD per unit of the debt asset, at the end of the hour
        ("leverage_demand", "f4"),  # multiplier on borrowers' reservation rates, median 1
        ("outside_yield", "f4"),  # annual decimal
        ("informed_share", "f4"),  # share of option arrivals that are informed
        ("flow_intensity", "f4"),  # multiplier on option arrivals, mean about 1
        # ---- attacks and failures of others; 0 means none, which is also the value of a new tape
        ("oracle_error", "f4"),  # relative error of what reporters read
        ("arbitrage_away", "f4"),  # share of arbitrage capacity that is absent
        ("supplier_exit", "f4"),  # share of suppliers who want all their money back
        ("oracle_push", "f4"),  # log price by which an attacker holds the spot pool away from the market
        ("griefing", "f4"),  # utilisation to which an attacker borrows the market's cash
        ("vol_push", "f4"),  # vol by which an attacker raises the option pools' surface while its shares are issued
    ]
)
ATTACKS = ("oracle_error", "arbitrage_away", "supplier_exit", "oracle_push", "griefing", "vol_push")


class EventKind(IntEnum):
    """The kind of an event of the record."""

    LIQUIDATION = 1
    BAD_DEBT = 2
    SHORT_LIQUIDATION = 3
    DELEVERAGE = 4
    WITHDRAWAL_UNMET = 5
    OPTION_UNPAID = 6
    SETTLEMENT_SALE = 7  # coin of a short seller, sold to pay an expiry
    ATTACK = 8


class CollateralKind(IntEnum):
    """The kind of collateral that a short seller posts."""

    CASH = 0
    COIN = 1  # posted coin; only for calls
    PLEDGE = 2  # the coin that backs the seller's own loan, as far as the loan leaves it free


EVENT = np.dtype(
    [
        ("substep", "i4"),  # since the start of the episode
        ("kind", "i2"),  # EventKind
        ("venue", "i2"),
        ("account", "i4"),  # index of the account, supplier or short seller
        ("parent", "i4"),  # serial of the event whose sale caused this one, -1 if the outside price alone suffices
        ("root", "i4"),  # serial of the event that began the cascade; without a parent, this event's own serial
        ("generation", "i4"),  # 0 for a root, else the parent's + 1
        ("serial", "i4"),  # number of the event in the episode
        ("repaid", "f8"),  # USD
        ("seized", "f8"),  # coin
        ("price", "f8"),  # oracle price, USD per coin
        ("bad_debt", "f8"),  # USD
    ],
    align=True,
)

# Where a world writes the events of a decision. It is a record and not an array: compiled code counts references to an
# array at every call that gets it as an argument, which took a fifteenth of the whole run time.
# Beside it lies what an experimenter does to the world that runs: see interventions.py. Zeros are nothing.
VENUE_INTERVENTIONS = np.dtype(
    [
        ("pin", "f8", (NUM_LEVERS,)),  # value in force, the lever's unit
        ("pin_from", "i8", (NUM_LEVERS,)),  # first hour of that
        ("pin_until", "i8", (NUM_LEVERS,)),  # hour after the last one
        ("hedges_from", "i8"),  # sub-step from which what is traded for the hedge is muted
        ("hedges_until", "i8"),  # sub-step after the last one
        ("loss_hour", "i8"),  # in which deposits are lost
        ("supplier_loss", "f8", (MAX_SUPPLIERS,)),  # share of each deposit
        ("pool_loss", "f8"),  # share of what the option pool lends
        ("lp_loss", "f8", (MAX_LPS,)),  # share of each LP's shares of the option pool
    ],
    align=True,
)
INTERVENTIONS = np.dtype(
    [
        ("active", "i8"),  # 0: the rest is not looked at
        ("muted", "i8"),  # serial + 1 of the event whose sale is muted
        ("without_impact", "i8", (NUM_SALES,)),  # 1: every sale of this kind is muted
        ("venues", VENUE_INTERVENTIONS, (MAX_VENUES,)),
    ],
    align=True,
)
EVENT_LOG = np.dtype(
    [("rows", EVENT, (MAX_EVENTS_PER_HOUR * MAX_DECISION_HOURS,)), ("interventions", INTERVENTIONS, (1,))]
)

# Sums that may be part of the mandate that is charged for its own drawdown (`risk_drawdown_growth`).
SCORED = (
    "reserve_income",
    "borrower_surplus",
    "bad_debt_growth",
    "liquidation_cost",
    "supplier_surplus",
    "supplier_haircuts",
    "lockup",
    "edge",
    "hedging_cost",
    "variance_charge",
    "uninformed_surplus",
)

# One row of the shield's memory per lever. The executed value is also a named field of the venue.
lever_dtype = np.dtype(
    [
        ("low", "f8"),  # lever's unit
        ("default", "f8"),
        ("high", "f8"),
        ("log_map", "i8"),  # 1: actions map to the range on a log scale
        ("cap_kind", "i8"),  # CapKind: how cap, cap_unit and deadband are measured
        ("executed", "f8"),  # value that applies, in the lever's unit
        ("target", "f8"),  # the governor's last proposal
        ("pending", "f8"),  # announced value, applies from `due`
        ("due", "i8"),  # sub-step at which `pending` takes effect, NEVER if there is none
        ("allowed", "i8"),  # sub-step from which the next change may be announced
        ("cap", "f8"),  # largest change of one announcement; inf if autonomy is inf
        ("cap_unit", "f8"),  # the table's cap: the unit of `travelled`
        ("deadband", "f8"),  # smallest change on which the shield acts
        ("delay", "i8"),  # sub-steps between two changes, at this world's autonomy
        ("notice", "i8"),  # sub-steps between announcement and effect
        ("travelled", "f8"),  # sum of |change| / cap since the decision began
        ("reason", "i8"),  # last Reason of the shield
    ],
    align=True,
)

venue_dtype = np.dtype(
    [
        # ---- lending market: balances and indices
        ("cash", "f8"),  # USD that can be borrowed or withdrawn now
        ("scaled_debt", "f8"),  # sum of account_scaled_debt; debt = scaled * borrow_index
        ("scaled_deposits", "f8"),  # of suppliers and the option pool; claim = scaled * supply_index
        ("borrow_index", "f8"),
        ("supply_index", "f8"),
        ("reserve", "f8"),  # USD that the market owes to the treasury
        ("deficit", "f8"),  # USD of written-off debt that nobody has covered yet
        ("backstop", "f8"),  # USD owed to the outside, which lent it to pay withdrawals; without interest
        ("backstop_on", "i8"),  # 1: the outside lends the cash that a withdrawal lacks
        ("treasury_cash", "f8"),  # USD
        ("treasury_coin", "f8"),  # coin: the protocol's share of liquidation bonuses
        ("utilisation", "f8"),
        ("borrow_rate", "f8"),
        ("supply_rate", "f8"),
        # ---- oracle
        ("oracle_price", "f8"),
        ("oracle_substep", "i8"),  # of the last report
        ("oracle_pending", "f8"),  # price of the pending report
        ("oracle_due", "i8"),  # sub-step at which it lands; NEVER if there is none
        ("oracle_moved", "i8"),  # 1: the last look changed the price
        ("oracle_mover", "i8", (3,)),  # serial, root and generation of the largest mover before the pending report
        ("opening_price", "f8"),  # oracle price at reset: the reference of a floor and of sizes in contracts
        # log(pool price / opening price) before sub-step % RING, for a pool average
        ("pool_seen", "f8", (RING,)),
        ("seen_impact", "f8", (RING,)),  # |log impact| of the largest mover behind this price
        ("seen_mover", "i8", (RING, 3)),  # its serial (-1: none), root and generation
        ("impact_serial", "i8"),  # event with the largest pool impact since this oracle last looked, -1: none
        ("impact_largest", "f8"),  # its |log price impact|
        ("parent_serial", "i8"),  # this event at the last report: the parent of what the price causes
        # root and generation of these two events, which may be from an earlier decision
        ("impact_root", "i8"),
        ("impact_generation", "i8"),
        ("parent_root", "i8"),
        ("parent_generation", "i8"),
        # its price history
        ("hourly_close", "f8", (CLOSES,)),  # ring of hourly closes, at hour % CLOSES
        ("high_week", "f8"),  # highest of them in a week
        ("realised_1h", "f8"),  # annual decimal
        ("realised_6h", "f8"),
        ("realised_72h", "f8"),
        # ---- levers that apply, named as in the table and in its units (levers[...] holds their limits)
        *((lever.name, "f8") for lever in LEVERS),  # slope2 is at least slope1; the threshold limits the bonus
        ("loan_to_value", "f8"),  # threshold minus the gap
        ("levers", lever_dtype, (NUM_LEVERS,)),
        ("lagged_levers", "f8", (NUM_LEVERS,)),  # executed values one decision ago: what rivals see
        ("next_due", "i8"),  # earliest `due` of all levers
        # ---- borrowers
        ("num_accounts", "i8"),
        ("account_collateral", "f8", (ACCOUNT_SLOTS,)),  # coin
        ("account_scaled_debt", "f8", (ACCOUNT_SLOTS,)),  # USD / borrow_index
        ("account_wallet", "f8", (ACCOUNT_SLOTS,)),  # coin kept outside the protocol for top-ups and re-entry
        (
            "account_home",
            "f8",
            (ACCOUNT_SLOTS,),
        ),  # coin that an account took out when it left, not part of the wallet
        ("account_level", "f8", (ACCOUNT_SLOTS,)),  # wanted share of its full debt: 0 (has left), 1/4, 1/2, 3/4, 1
        ("account_offset", "f8", (ACCOUNT_SLOTS,)),  # position of its thresholds, as a share of the step of a level
        (
            "account_worth",
            "f8",
            (ACCOUNT_SLOTS,),
        ),  # mean rate up to which it keeps its level, divided by its reservation rate
        ("account_taste", "f8", (ACCOUNT_SLOTS,)),  # log odds for this venue, if there are two
        ("account_venue_offset", "f8", (ACCOUNT_SLOTS,)),  # position of its thresholds between venues
        ("account_share", "f8", (ACCOUNT_SLOTS,)),  # wanted share of its position at this venue: 0, 1/4, 1/2, 3/4, 1
        ("account_reservation_rate", "f8", (ACCOUNT_SLOTS,)),  # annual, before leverage demand
        ("account_leverage", "f8", (ACCOUNT_SLOTS,)),  # wanted debt / (collateral value * LTV) if borrowing is free
        ("account_safety", "f8", (ACCOUNT_SLOTS,)),  # health factor below which the account reacts
        ("account_activity", "f8", (ACCOUNT_SLOTS,)),  # probability of acting in an hour
        # puts that protect a loan: bought from the option pool, one node per account
        ("account_puts", "f8", (ACCOUNT_SLOTS,)),  # contracts
        ("account_put_node", "i2", (ACCOUNT_SLOTS,)),  # expiry * MAX_STRIKES + strike
        ("account_pledges", "i2", (ACCOUNT_SLOTS,)),  # short positions that its collateral backs
        # distribution of gains and losses, since the opening
        ("account_opening_debt", "f8", (ACCOUNT_SLOTS,)),  # USD
        ("account_surplus", "f8", (ACCOUNT_SLOTS,)),  # USD
        ("account_penalty", "f8", (ACCOUNT_SLOTS,)),  # USD of collateral that liquidations took beyond the debt repaid
        # ---- suppliers
        ("num_suppliers", "i8"),
        ("supplier_scaled", "f8", (MAX_SUPPLIERS,)),  # USD / supply_index
        ("supplier_request", "f8", (MAX_SUPPLIERS,)),  # USD requested and not yet paid out
        ("supplier_size", "f8", (MAX_SUPPLIERS,)),  # USD per venue, deposited if the rate is the one it asks
        ("supplier_premium", "f8", (MAX_SUPPLIERS,)),  # annual, wanted above the outside yield
        ("supplier_patience", "f8", (MAX_SUPPLIERS,)),  # share of the gap closed in an hour
        ("supplier_taste", "f8", (MAX_SUPPLIERS,)),  # log odds for this venue, if there are two
        ("supplier_fear", "f8", (MAX_SUPPLIERS,)),  # factor on the parameters of fear, mean 1
        ("supplier_opening", "f8", (MAX_SUPPLIERS,)),  # USD wanted at the opening, without needs elsewhere
        ("supplier_gain", "f8", (MAX_SUPPLIERS,)),  # USD since the opening: surplus minus haircuts and lock-up
        (
            "supplier_out",
            "i8",
            (MAX_SUPPLIERS,),
        ),  # hour from which it wanted, and had, less than half of its opening deposit; -1: never
        ("health_stale", "i8"),  # 1: thresholds, debts or the oracle changed since health was last checked
        ("unmet_withdrawals", "f8"),  # USD that suppliers have requested and not received
        # ---- option pool: money
        ("option_cash", "f8"),  # USD, both free and locked
        ("option_scaled", "f8"),  # USD / supply_index lent to the lending market
        ("option_unpaid", "f8"),  # USD owed to option holders, who are paid before the LPs
        ("hedge_slice", "f8"),  # coin that the present hedge order trades in a sub-step
        ("hedge_slices_left", "i8"),
        ("hedge_coin", "f8"),  # coin; negative: borrowed from outside and sold
        ("locked", "f8"),  # USD of collateral that written options lock: of the last marking and the trades since
        # ---- liquidity providers of the option pool
        ("num_lps", "i8"),
        ("surface_attack", "i8"),  # stage of the attacker of the surface: 0 away, 1 waiting, 2 holding, 3 gone
        ("lp_total", "f8"),  # number of all shares
        ("lp_price", "f8"),  # USD per share at average vols, at the last review
        ("lp_start", "f8"),  # USD per share when the episode began
        ("lp_waiting_sum", "f8"),  # USD of deposits that wait for their shares
        ("breaker_until", "i8"),  # sub-step until which no share is issued or redeemed
        ("lp_received", "f8", (MAX_LPS,)),  # USD withdrawn minus deposited since reset
        ("lp_shares", "f8", (MAX_LPS,)),  # including those in the queue
        ("lp_queued", "f8", (MAX_LPS,)),  # shares in the queue to be redeemed
        ("lp_queued_at", "i8", (MAX_LPS,)),  # sub-step of this request
        ("lp_waiting", "f8", (MAX_LPS,)),  # USD deposited and not yet in shares
        ("lp_waiting_at", "i8", (MAX_LPS,)),
        ("lp_money", "f8", (MAX_LPS,)),  # most USD that it would invest
        ("lp_level", "f8", (MAX_LPS,)),  # wanted share of that: 0, 1/4, 1/2, 3/4, 1
        ("lp_offset", "f8", (MAX_LPS,)),  # position of its thresholds
        ("lp_premium", "f8", (MAX_LPS,)),  # annual, asked above the outside yield
        # ---- option pool: surface and book
        ("num_expiries", "i8"),
        ("num_strikes", "i8"),
        ("next_expiry", "i8"),  # sub-step of the earliest settlement
        ("expiry", "i8", (MAX_EXPIRIES,)),  # sub-step of settlement
        ("strike", "f8", (MAX_EXPIRIES, MAX_STRIKES)),  # USD
        ("base_vol", "f8", (MAX_EXPIRIES,)),  # annual decimal
        ("skew", "f8", (MAX_EXPIRIES, MAX_STRIKES)),  # ratio to base_vol
        ("fee_vol", "f8", (MAX_EXPIRIES,)),  # average base vol that the variance fee uses, at the last full hour
        ("listed", "i8", (MAX_EXPIRIES,)),  # sub-step of the listing
        ("base_log_sum", "f8", (MAX_EXPIRIES,)),  # integral of ln(base vol) since the listing, in sub-steps
        ("base_since", "i8", (MAX_EXPIRIES,)),  # sub-step up to which the integral is computed
        ("base_log_ring", "f8", (MAX_EXPIRIES, GWAV_HOURS)),  # its value at the end of each of the last hours
        ("skew_log_sum", "f8", (MAX_EXPIRIES, MAX_STRIKES)),
        ("skew_since", "i8", (MAX_EXPIRIES, MAX_STRIKES)),
        ("skew_log_ring", "f8", (MAX_EXPIRIES, MAX_STRIKES, GWAV_HOURS)),
        # anchors that a pricer writes once a decision, see anchors.py; zeros without one
        ("anchored", "i8"),  # 1: the surface reverts to `anchor_smile` instead of the public index
        ("law_known", "i8"),  # 1: vol arbitrageurs know `law_smile`
        ("anchor_moneyness", "f8", (MAX_EXPIRIES, MAX_STRIKES)),  # log(strike / spot) of a smile's points, rising
        ("anchor_smile", "f8", (MAX_EXPIRIES, MAX_STRIKES)),  # annual decimal, vol at these points
        ("anchor_slope", "f8", (MAX_EXPIRIES, MAX_STRIKES)),  # vol of a fixed strike per log of the spot
        ("anchor_gamma", "f8", (MAX_EXPIRIES, MAX_STRIKES)),  # the pricer's gamma / that of Black-Scholes
        ("law_smile", "f8", (MAX_EXPIRIES, MAX_STRIKES)),  # annual decimal, vol under the law that makes the path
        ("carried_ratio", "f8", (MAX_EXPIRIES, MAX_STRIKES)),  # anchor's ratio to its base to which a skew was carried
        ("quote_price", "f8"),  # USD, spot of the quotes where these come from the spot pool's average
        ("settlement_sum", "f8"),  # USD, sum of oracle prices in the window before the next expiry
        ("settlement_count", "i8"),
        ("long_calls", "f8", (MAX_EXPIRIES, MAX_STRIKES)),  # contracts that traders hold and the pool wrote
        ("long_puts", "f8", (MAX_EXPIRIES, MAX_STRIKES)),
        ("short_calls", "f8", (MAX_EXPIRIES, MAX_STRIKES)),  # contracts that short sellers wrote and the pool holds
        ("short_puts", "f8", (MAX_EXPIRIES, MAX_STRIKES)),
        ("protective_puts", "f8", (MAX_EXPIRIES, MAX_STRIKES)),  # the part of the long puts that borrowers hold
        ("mark_call", "f8", (MAX_EXPIRIES, MAX_STRIKES)),  # USD per contract at the pool's mid vol
        ("mark_put", "f8", (MAX_EXPIRIES, MAX_STRIKES)),
        ("mark_stale", "i8"),  # 1: the surface has moved since the last marking
        ("net_delta", "f8"),  # coin, of the pool's option book without the hedge
        ("net_gamma", "f8"),  # coin per USD
        ("net_vega", "f8"),  # USD per 1.00 of vol
        ("net_standard_vega", "f8"),  # USD per vol point, each expiry normalised to 30 days
        ("book_value", "f8"),  # USD, of the pool's option book at its own marks
        ("informed_room", "f8"),  # contracts that informed traders may still trade this hour
        # ---- option pool: its own fills, see fills.py
        ("node_flow", "f8", (MAX_EXPIRIES, MAX_STRIKES)),  # contracts bought minus sold since the decision began
        ("filled_calls", "f8", (MAX_EXPIRIES, MAX_STRIKES)),  # the same for calls since fills were last judged
        ("filled_puts", "f8", (MAX_EXPIRIES, MAX_STRIKES)),
        ("filled_value", "f8"),  # USD, at the pool's marks at the time of the fills
        ("filled_notional", "f8"),  # USD, purchases plus sales
        ("toxic_gain", "f8"),  # USD that takers gained up to the next marking, exponential sum over a day
        ("toxic_size", "f8"),  # USD, the same of its absolute value
        # ---- option pool: the parts of its profit, see attribution.py; "held" is the pool's side, negative if written
        ("fair_price", "f8"),  # USD, tape price at the last fair marking
        ("fair_hedge", "f8"),  # coin of the hedge at that time
        ("fair_calls_held", "f8", (MAX_EXPIRIES, MAX_STRIKES)),  # contracts at that time
        ("fair_puts_held", "f8", (MAX_EXPIRIES, MAX_STRIKES)),
        ("fair_call", "f8", (MAX_EXPIRIES, MAX_STRIKES)),  # USD per contract at that time
        ("fair_put", "f8", (MAX_EXPIRIES, MAX_STRIKES)),
        ("fair_delta", "f8", (MAX_EXPIRIES, MAX_STRIKES)),  # call delta at that time
        ("fair_node_vol", "f8", (MAX_EXPIRIES, MAX_STRIKES)),
        ("informed_calls", "f8", (MAX_EXPIRIES, MAX_STRIKES)),  # contracts taken since then from informed traders
        ("informed_puts", "f8", (MAX_EXPIRIES, MAX_STRIKES)),
        ("informed_fair", "f8"),  # USD, their fair value when they were traded
        ("traded_fair", "f8"),  # USD, the same for all other trades since then
        ("traded_delta", "f8"),  # coin, delta of these trades
        ("traded_delta_price", "f8"),  # USD, sum of their delta times the tape price
        ("hedge_traded", "f8"),  # USD, hedge trades since then at the tape price
        # ---- short sellers
        ("num_shorts", "i8"),
        ("short_contracts", "f8", (MAX_SHORTS,)),
        ("short_kind", "i2", (MAX_SHORTS,)),  # CollateralKind
        ("short_collateral", "f8", (MAX_SHORTS,)),  # USD that the venue holds for them
        ("short_coin", "f8", (MAX_SHORTS,)),  # coin that the venue holds for them
        ("short_account", "i2", (MAX_SHORTS,)),  # account whose collateral is pledged, -1: none
        ("short_expiry", "i2", (MAX_SHORTS,)),  # index of the expiry
        ("short_strike", "i2", (MAX_SHORTS,)),  # index of the strike
        ("short_call", "i2", (MAX_SHORTS,)),  # 1 call, 0 put
        # what a margin engine writes every hour, see margin_engine.py; zeros without one
        ("engine_margins", "i8"),  # 1: it asks short sellers
        ("engine_call", "f8", (MAX_EXPIRIES, MAX_STRIKES)),  # USD per contract of a short call against cash
        ("engine_put", "f8", (MAX_EXPIRIES, MAX_STRIKES)),
        ("engine_coin", "f8", (MAX_EXPIRIES, MAX_STRIKES)),  # coin per contract of a short call against coin
        ("engine_ltv", "f8"),  # largest debt over the value of its coin; 0: the governed threshold applies
        ("extra_call", "f8", (MAX_EXPIRIES, MAX_STRIKES)),  # engine's number minus the rule's, at the top of the hour
        ("extra_put", "f8", (MAX_EXPIRIES, MAX_STRIKES)),
        ("extra_coin", "f8", (MAX_EXPIRIES, MAX_STRIKES)),
        ("short_collateral_sum", "f8"),  # USD
        ("short_coin_sum", "f8"),  # coin
        # ---- sums since the decision began (USD)
        ("sum_reserve_income", "f8"),
        ("sum_funding_cost", "f8"),  # paid to the outside on lent money
        ("sum_supplier_surplus", "f8"),
        ("sum_borrower_surplus", "f8"),
        ("sum_haircuts", "f8"),  # of suppliers
        ("sum_lp_haircuts", "f8"),  # of the option pool's deposit
        ("sum_lockup", "f8"),
        ("sum_bad_debt", "f8"),
        ("sum_liquidation_cost", "f8"),
        ("sum_liquidated", "f8"),  # USD repaid
        ("sum_liquidator_profit", "f8"),  # booked when the coin is sold
        ("sum_priority_fees", "f8"),  # paid by liquidators to validators to be first
        ("sum_keeper_subsidy", "f8"),  # paid from outside to liquidators whose margin is negative
        ("sum_skipped", "f8"),  # number of liquidations that were considered and did not pay
        ("sum_edge", "f8"),
        ("sum_hedge_cost", "f8"),
        ("sum_variance_charge", "f8"),
        ("sum_uninformed_surplus", "f8"),
        ("sum_informed_profit", "f8"),  # of latency traders and vol arbitrageurs
        ("sum_latency_profit", "f8"),  # of latency traders only
        ("sum_option_fees", "f8"),
        ("sum_net_borrow", "f8"),
        ("sum_net_supply", "f8"),
        ("sum_option_contracts", "f8"),
        ("sum_lp_flow", "f8"),  # USD that LPs deposited minus what they withdrew
        ("sum_put_payouts", "f8"),  # USD that protective puts brought
        # parts of the change of the option pool's value at the tape's price and vols, see attribution.py
        ("pool_delta", "f8"),
        ("pool_gamma_theta", "f8"),
        ("pool_vega", "f8"),
        ("pool_fees", "f8"),  # fees and spread paid by all but informed traders, and the fees of informed traders
        ("pool_adverse_selection", "f8"),  # informed trades before fees, marked at the end
        ("pool_hedging", "f8"),  # slippage, swap fees and funding, negative
        ("pool_interest", "f8"),  # on lent money, minus haircuts
        ("pool_shorts", "f8"),  # sellers closed by force: penalties minus shortfalls
        ("pool_settlement", "f8"),  # expiries are paid at the oracle's mean instead of the tape's price
        # ---- events since the decision began; complete even if the record of events is full
        ("sum_events", "i8"),
        ("sum_unmet_hours", "i8"),  # hours that ended with an unmet withdrawal
        ("sum_events_lost", "i8"),  # events beyond the hourly capacity
        ("sum_liquidations", "i8"),
        ("sum_caused_liquidations", "i8"),  # those that have a parent
        ("sum_caused", "f8"),  # USD repaid in those
        ("deepest_generation", "i8"),  # of all events
        # ---- values at the last decision, from which differences are computed
        ("skipped_debt", "f8"),  # USD that could be liquidated and that nobody took, at the last look
        ("at_risk", "f8"),  # share of debt that a 10% fall would make liquidatable
        ("last_latent", "f8"),  # USD, see latent.py, at the tape's price
        ("last_deficit", "f8"),
        ("last_arbitrage", "f8"),  # USD that arbitrageurs have earned since reset
        ("last_nav", "f8"),  # NAV0; fees and caps also use it as the option pool's value
        ("nav_change", "f8"),  # in the last decision
        ("last_marked_nav", "f8"),  # USD, the same at the pool's own marks
        ("marked_change", "f8"),
        ("last_treasury", "f8"),
        # ---- own drawdowns of the risk and spread mandates
        ("score_weights", [(name, "f8") for name in SCORED]),  # of this mandate, taken from its role
        ("risk_score", "f8"),  # USD, cumulative profit of the risk mandate
        ("risk_peak", "f8"),
        ("risk_drawdown", "f8"),  # USD, deepest drawdown so far beyond the free part
        ("spread_score", "f8"),  # USD, NAV0 gained since reset
        ("spread_peak", "f8"),
        ("spread_drawdown", "f8"),
        # ---- slow averages for observation
        ("borrow_flow_day", "f8"),  # USD, exponential sum over a day
        ("supply_flow_day", "f8"),
        ("flow_mark_borrow", "f8"),  # USD, the decision's sum at the last full hour
        ("flow_mark_supply", "f8"),
        # ---- hourly diagnostics
        ("liquidation_gain", "f8"),  # USD liquidatable per 1% fall / depth of 1%
        ("hedge_gain", "f8"),  # USD that a 1% move makes the hedge trade / depth of 1%
        ("liquidation_gain_peak", "f8"),  # largest hourly value since the decision began
        ("hedge_gain_peak", "f8"),
        ("opening_value", "f8"),  # K0: deposits + LP value + treasury at reset, USD
        ("opening_net", "f8"),  # lending market's balance-sheet residual at reset
    ],
    align=True,
)


def make_world_dtype(num_venues: int) -> np.dtype:
    """The record of a world with capacity for `num_venues` (1 or 2) venues."""
    return np.dtype(
        [
            # ---- clock and keys
            ("seed", "u8"),  # of the episode: every keyed draw uses it
            ("substep", "i8"),  # since the start of the episode
            ("hour", "i8"),
            ("length", "i8"),  # hours in this episode
            ("decision_hours", "i8"),
            ("lever_noise", "f8"),  # levers start uniformly within this share of their range around the default
            ("num_venues", "i8"),
            ("shows_surface", "i8"),  # 1: the observation holds the group `surface`
            ("shows_accounts", "i8"),  # 1: the observation holds the group `accounts`
            # ---- outside market
            ("tape_price", "f8"),  # units of the debt asset per coin, exogenous: the tape's price divided by the peg
            ("lasting_impact", "f8"),  # I: outside price = tape price * exp(I)
            ("outside_price", "f8"),
            ("congestion", "f8"),
            ("implied_vol", "f8"),  # tape, at this hour
            ("anchor_vol", "f8"),  # slow public vol index toward which option pools revert
            ("funding", "f8"),  # annual decimal: the tape's rate plus the effect of crowding
            ("open_interest", "f8"),  # USD, of the outside perpetual market in which the venues hedge
            ("dollar_mark", "f8"),  # outside price in true USD at the end of the last hour
            ("peg", "f8"),  # current USD per unit of the debt asset
            ("peg_opening", "f8"),  # the peg at the start of this hour
            ("leverage_demand", "f8"),
            ("outside_yield", "f8"),
            ("informed_share", "f8"),
            ("flow_intensity", "f8"),
            # ---- attacks and failures of others, copied from the tape's present hour
            ("oracle_error", "f8"),  # share
            ("arbitrage_away", "f8"),  # share
            ("supplier_exit", "f8"),  # share
            ("oracle_push", "f8"),  # log price
            ("griefing", "f8"),  # utilisation
            ("vol_push", "f8"),  # vol
            ("attacking", "i8"),  # 1 from the first hour of an attack to the end of the episode
            (
                "attacker_active",
                "i8",
                (MAX_ATTACKERS,),
            ),  # 0 away, 1 at work, 2 closing its position, 3 only its loan is left
            ("push_done", "i8"),  # 1: the pusher has already come for the tape's present push
            ("attacker_venue", "i8", (MAX_ATTACKERS,)),  # the venue that it borrows from
            ("attacker_cash", "f8", (MAX_ATTACKERS,)),  # USD, own and borrowed
            ("attacker_coin", "f8", (MAX_ATTACKERS,)),  # coin, without posted collateral
            ("attacker_stock", "f8", (MAX_ATTACKERS,)),  # part of it bought before the attack, to be sold in it
            ("attacker_brought", "f8", (MAX_ATTACKERS,)),  # USD, own capital minus what it took out
            ("attacker_profit", "f8", (MAX_ATTACKERS,)),  # USD since reset, coin and collateral at the outside price
            # ---- spot pool, arbitrage
            ("pool_cash", "f8"),
            ("pool_coin", "f8"),
            ("depth", "f8"),  # USD that move the pool by 1%, as last set by liquidity providers
            ("tape_depth", "f8"),  # the same before any of them withdrew
            ("pool_stress", "f8"),  # log price, recent forced moves of the pool: sum of |impact|, decaying
            ("depth_stress", "f8"),  # the `pool_stress` on which `depth` is based
            ("arbitrage_cash", "f8"),
            ("arbitrage_coin", "f8"),
            ("outside_seen", "f8", (RING,)),  # outside price at sub-step % RING, for late arbitrageurs
            # ---- money outside the protocol: net receipts since the episode began
            ("outside_cash", "f8"),  # wallets of borrowers, suppliers and all others
            ("outside_coin", "f8"),
            ("trader_cash", "f8"),  # option traders
            # ---- liquidators, shared by all venues; the ablest first
            ("num_liquidators", "i8"),
            ("liquidators_holding", "i8"),  # how many hold coin
            ("liquidator_cash", "f8", (MAX_LIQUIDATORS,)),  # USD: own capital, and profit not yet taken out
            ("liquidator_coin", "f8", (MAX_LIQUIDATORS,)),  # coin, inventory that is not yet sold
            ("liquidator_capital", "f8", (MAX_LIQUIDATORS,)),  # USD of capital that is normal for it, 0 in flash mode
            ("liquidator_flash", "i8", (MAX_LIQUIDATORS,)),  # 1: sells in the same transaction; 0: keeps an inventory
            ("liquidator_attention", "f8", (MAX_LIQUIDATORS,)),  # probability of watching in a sub-step
            ("liquidator_watching", "i8", (MAX_LIQUIDATORS,)),  # 1: watches in this sub-step
            ("liquidator_margin", "f8", (MAX_LIQUIDATORS,)),  # asked profit / repayment, when calm
            ("liquidator_gas", "f8", (MAX_LIQUIDATORS,)),  # its gas / the median liquidator's gas
            ("liquidator_cost", "f8", (MAX_LIQUIDATORS,)),  # USD paid for the inventory
            ("liquidator_serial", "i8", (MAX_LIQUIDATORS,)),  # event that the newest part of the inventory came from
            ("liquidator_root", "i8", (MAX_LIQUIDATORS,)),  # event that began the cascade of that event
            ("liquidator_generation", "i8", (MAX_LIQUIDATORS,)),  # links from the root to that event
            ("liquidator_venue", "i8", (MAX_LIQUIDATORS,)),  # venue of that event
            ("liquidator_profit", "f8", (MAX_LIQUIDATORS,)),  # USD since reset, when the coin is sold
            ("liquidator_count", "i8", (MAX_LIQUIDATORS,)),  # liquidations since reset
            # ---- books
            ("opening_cash", "f8"),  # total of all holders at reset
            ("opening_coin", "f8"),
            ("gross_cash", "f8"),  # sum of |transfers|
            ("gross_coin", "f8"),
            ("book_error", "f8"),  # largest |residual| / gross flow in this episode
            # ---- events
            ("num_events", "i8"),  # serial of the next event
            # root and generation of the newest event, which may be from an earlier decision
            ("newest_root", "i8"),
            ("newest_generation", "i8"),
            ("step_events", "i8"),  # events recorded since the decision began
            ("step_hours", "i8"),  # hours run since the decision began
            ("events_hour", "i8"),  # events recorded this hour
            ("events_lost", "i8"),  # events beyond the hourly capacity, since the episode began
            ("realised_6h", "f8"),  # annual decimal, the largest of the venues' oracles
            ("depth_week", "f8"),  # slow mean
            ("venues", venue_dtype, (num_venues,)),
        ],
        align=True,
    )


world_dtypes = {count: make_world_dtype(count) for count in range(1, MAX_VENUES + 1)}
