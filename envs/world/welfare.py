"""Rewards: the terms of every mandate and the parts of welfare W, each in basis points of K0 per decision.

K0 is a venue's opening deposits + LP value + treasury, fixed for the episode. P0 and the fair vols come from the tape,
so no governor can mark its own book. W is the sum over the people of one venue of

    part         owner            [USD per decision]
    borrowers    borrowers        + area between each account's own demand in steps and the borrow rate (surplus.py)
    suppliers    suppliers        + area between the supply rate and each supplier's own supply curve, on that part of
                                  its claim that it does not want back (surplus.py)
    lps          option LPs       + fees and spread + interest + hedging + adverse selection + sellers closed by force
                                  + settlement (attribution.py) - variance_aversion * variance of the net book
                                  (hedging.py) - outside yield * NAV0
    traders      uninformed,      + (reservation vol - vol paid) * vega (option_traders.py); for borrowers' puts,
                 short sellers    minus their cost above fair value (put_buyers.py); minus losses by forced closes
    treasury     the protocol     + change of cash, reserve and coin at P0
    haircuts     suppliers, LPs   - loss_weight * deposits written off (lending.py)
    deficit      who will fill it - loss_weight * change of written-off debt that nobody has covered yet
    latent       who would bear   - loss_weight * change of a put on 97% of each loan's collateral, struck at its debt,
                 a default        and of what short sellers owe beyond 97% of theirs (latent.py)
    liquidation  borrowers        - liquidation_weight * collateral taken beyond the debt repaid (liquidation.py)
    lockup       suppliers        - lockup_charge * withdrawals requested and not paid (suppliers.py)

with loss_weight = 3 (lambda) and liquidation_weight = 1/2 (kappa: more than half of this cost is liquidators' profit, a
transfer). The other constants and their sources are in `parameters.py`. Delta, gamma, theta and vega of the option
pool's book move money between the pool and the holders of the other side, or are a bet on the price. They are reported
with weight 0, like the profits of informed traders, liquidators and arbitrageurs. Each loss is charged once, where it
ends. A default that becomes a haircut leaves `latent`. LPs' losses of their deposit are in `haircuts`, not in `lps`.
The treasury's debts are in `deficit`, not in `treasury`.
"""

import numpy as np

from protogov.envs.world.attribution import fair_nav, mark_fair_book
from protogov.envs.world.compiled import compiled
from protogov.envs.world.latent import latent_shortfall_at
from protogov.envs.world.lever_table import levers_of
from protogov.envs.world.options import marked_nav
from protogov.envs.world.state import HOURS_PER_YEAR

FREE_DRAWDOWN = 50e-4  # share of K0: the part of a drawdown that a mandate does not charge

TERM_NAMES: tuple[str, ...] = (
    # ---- sources of the mandates
    "reserve_income",
    "supplier_surplus",
    "borrower_surplus",
    "supplier_haircuts",
    "lockup",
    "rate_churn",  # sum of |change| / cap over the rate levers, not money
    "bad_debt_growth",
    "liquidation_cost",
    "risk_drawdown_growth",
    "edge",
    "hedging_cost",
    "variance_charge",
    "uninformed_surplus",
    "spread_drawdown_growth",
    # ---- parts of welfare, with signs such that W is their sum
    "welfare_borrowers",
    "welfare_suppliers",
    "welfare_lps",
    "welfare_traders",
    "welfare_treasury",
    "welfare_haircuts",
    "welfare_deficit",
    "welfare_latent",
    "welfare_liquidation",
    "welfare_lockup",
    "welfare",
    # ---- reported with weight 0
    "funding_cost",  # of lent money; the treasury's part of W already contains it
    "lp_profit",  # dNAV0
    "bad_debt",
    "liquidated",
    "liquidator_profit",
    "informed_profit",
    "option_fees",
    "latency_profit",  # part of informed_profit: gains from a late oracle
    "arbitrage_profit",  # of the spot pool, divided evenly among venues
    "pool_delta",  # market profit of the option pool, see attribution.py
    "pool_gamma_theta",
    "pool_vega",
    "pool_fees",  # earned by trading and lending, see attribution.py
    "pool_adverse_selection",
    "pool_hedging",
    "pool_interest",
)
TERMS = np.dtype([(name, "f8") for name in TERM_NAMES])
WELFARE_PARTS: tuple[str, ...] = tuple(name for name in TERM_NAMES if name.startswith("welfare"))
CHURN_LEVERS = levers_of("rate")  # the levers whose moves `rate_churn` counts


@compiled
def treasury_value(world, venue):
    """Assets of the treasury [USD], coin at the tape's price; the open deficit is not included."""
    return venue.treasury_cash + venue.reserve + venue.treasury_coin * world.tape_price


@compiled
def remember_values(world, venue, p):
    """Store the values from which the next decision's differences are computed."""
    venue.last_marked_nav = marked_nav(venue)
    venue.last_nav = fair_nav(world, venue, mark_fair_book(world, venue, p))
    venue.last_treasury = treasury_value(world, venue)
    venue.last_deficit = venue.deficit
    venue.last_latent = latent_shortfall_at(world, venue, world.tape_price)
    venue.last_arbitrage = world.arbitrage_cash / world.num_venues


@compiled
def settle_terms(world, venue, hours, out, p):
    """End of a decision of `hours`: fill the terms [bp of K0] and store the values for the next decision."""
    bp = 1e4 / venue.opening_value
    nav, treasury, latent = venue.last_nav, venue.last_treasury, venue.last_latent
    own_nav, deficit, arbitrage = venue.last_marked_nav, venue.last_deficit, venue.last_arbitrage
    remember_values(world, venue, p)
    nav_change = venue.last_nav - nav - venue.sum_lp_flow
    venue.nav_change = nav_change
    venue.marked_change = venue.last_marked_nav - own_nav - venue.sum_lp_flow
    latent_change = venue.last_latent - latent

    out.reserve_income = venue.sum_reserve_income * bp
    out.supplier_surplus = venue.sum_supplier_surplus * bp
    out.borrower_surplus = venue.sum_borrower_surplus * bp
    out.supplier_haircuts = venue.sum_haircuts * bp
    out.lockup = venue.sum_lockup * bp
    churn = 0.0
    for index in CHURN_LEVERS:
        churn += venue.levers[index].travelled
    out.rate_churn = churn
    out.bad_debt_growth = (venue.sum_bad_debt + latent_change) * bp
    out.liquidation_cost = venue.sum_liquidation_cost * bp
    out.edge = venue.sum_edge * bp
    out.hedging_cost = venue.sum_hedge_cost * bp
    out.variance_charge = venue.sum_variance_charge * bp
    out.uninformed_surplus = venue.sum_uninformed_surplus * bp
    out.risk_drawdown_growth, out.spread_drawdown_growth = grow_drawdowns(venue, latent_change, nav_change, bp)

    out.welfare_borrowers = out.borrower_surplus
    out.welfare_suppliers = out.supplier_surplus
    out.welfare_lps = (lp_income(venue) - world.outside_yield * max(nav, 0.0) * hours / HOURS_PER_YEAR) * bp
    out.welfare_traders = out.uninformed_surplus
    out.welfare_treasury = (venue.last_treasury - treasury) * bp
    out.welfare_haircuts = -p.loss_weight * (venue.sum_haircuts + venue.sum_lp_haircuts) * bp
    out.welfare_deficit = -p.loss_weight * (venue.last_deficit - deficit) * bp
    out.welfare_latent = -p.loss_weight * latent_change * bp
    out.welfare_liquidation = -p.liquidation_weight * out.liquidation_cost
    out.welfare_lockup = -out.lockup
    out.welfare = (
        out.welfare_borrowers
        + out.welfare_suppliers
        + out.welfare_lps
        + out.welfare_traders
        + out.welfare_treasury
        + out.welfare_haircuts
        + out.welfare_deficit
        + out.welfare_latent
        + out.welfare_liquidation
        + out.welfare_lockup
    )

    out.funding_cost = venue.sum_funding_cost * bp
    out.lp_profit = nav_change * bp
    out.bad_debt = venue.sum_bad_debt * bp
    out.liquidated = venue.sum_liquidated * bp
    out.liquidator_profit = venue.sum_liquidator_profit * bp
    out.informed_profit = venue.sum_informed_profit * bp
    out.option_fees = venue.sum_option_fees * bp
    out.latency_profit = venue.sum_latency_profit * bp
    out.arbitrage_profit = (venue.last_arbitrage - arbitrage) * bp
    out.pool_delta = venue.pool_delta * bp
    out.pool_gamma_theta = venue.pool_gamma_theta * bp
    out.pool_vega = venue.pool_vega * bp
    out.pool_fees = venue.pool_fees * bp
    out.pool_adverse_selection = venue.pool_adverse_selection * bp
    out.pool_hedging = venue.pool_hedging * bp
    out.pool_interest = venue.pool_interest * bp


@compiled
def lp_income(venue):
    """LPs' income from serving others [USD]: the pool's profit without market profit, minus the price of its risk."""
    return (
        venue.pool_fees
        + venue.pool_interest
        + venue.sum_lp_haircuts  # interest already contains them, and `haircuts` charges them again
        + venue.pool_hedging
        + venue.pool_adverse_selection
        + venue.pool_shorts
        + venue.pool_settlement
        - venue.sum_variance_charge
    )


@compiled
def grow_drawdowns(venue, latent_change, nav_change, bp):
    """Growth [bp] of the deepest drawdown beyond the free part: of the mandate's own sum, and of NAV0."""
    free = FREE_DRAWDOWN * venue.opening_value
    weights = venue.score_weights  # of the mandate: `Layout.blank_world` copies them from the role
    venue.risk_score += (
        weights.reserve_income * venue.sum_reserve_income
        + weights.borrower_surplus * venue.sum_borrower_surplus
        + weights.bad_debt_growth * (venue.sum_bad_debt + latent_change)
        + weights.liquidation_cost * venue.sum_liquidation_cost
        + weights.supplier_surplus * venue.sum_supplier_surplus
        + weights.supplier_haircuts * venue.sum_haircuts
        + weights.lockup * venue.sum_lockup
        + weights.edge * venue.sum_edge
        + weights.hedging_cost * venue.sum_hedge_cost
        + weights.variance_charge * venue.sum_variance_charge
        + weights.uninformed_surplus * venue.sum_uninformed_surplus
    )
    venue.risk_peak = max(venue.risk_peak, venue.risk_score)
    deepest = max(venue.risk_drawdown, venue.risk_peak - venue.risk_score - free)
    risk_growth = deepest - venue.risk_drawdown
    venue.risk_drawdown = deepest
    venue.spread_score += nav_change
    venue.spread_peak = max(venue.spread_peak, venue.spread_score)
    deepest = max(venue.spread_drawdown, venue.spread_peak - venue.spread_score - free)
    spread_growth = deepest - venue.spread_drawdown
    venue.spread_drawdown = deepest
    return risk_growth * bp, spread_growth * bp


@compiled
def clear_sums(venue):
    """Start of a decision: set all sums to zero."""
    venue.sum_reserve_income = 0.0
    venue.sum_funding_cost = 0.0
    venue.sum_supplier_surplus = 0.0
    venue.sum_borrower_surplus = 0.0
    venue.sum_haircuts = 0.0
    venue.sum_lp_haircuts = 0.0
    venue.sum_lockup = 0.0
    venue.sum_bad_debt = 0.0
    venue.sum_liquidation_cost = 0.0
    venue.sum_liquidated = 0.0
    venue.sum_liquidator_profit = 0.0
    venue.sum_priority_fees = 0.0
    venue.sum_keeper_subsidy = 0.0
    venue.sum_skipped = 0.0
    venue.sum_edge = 0.0
    venue.sum_hedge_cost = 0.0
    venue.sum_variance_charge = 0.0
    venue.sum_uninformed_surplus = 0.0
    venue.sum_informed_profit = 0.0
    venue.sum_latency_profit = 0.0
    venue.sum_option_fees = 0.0
    venue.sum_net_borrow = 0.0
    venue.sum_net_supply = 0.0
    venue.flow_mark_borrow = 0.0
    venue.flow_mark_supply = 0.0
    venue.sum_option_contracts = 0.0
    venue.node_flow[:] = 0.0
    venue.sum_lp_flow = 0.0
    venue.sum_put_payouts = 0.0
    venue.pool_delta = 0.0
    venue.pool_gamma_theta = 0.0
    venue.pool_vega = 0.0
    venue.pool_fees = 0.0
    venue.pool_adverse_selection = 0.0
    venue.pool_hedging = 0.0
    venue.pool_interest = 0.0
    venue.pool_shorts = 0.0
    venue.pool_settlement = 0.0
    venue.sum_events = 0
    venue.sum_unmet_hours = 0
    venue.sum_events_lost = 0
    venue.sum_liquidations = 0
    venue.sum_caused_liquidations = 0
    venue.sum_caused = 0.0
    venue.deepest_generation = 0
    venue.liquidation_gain_peak = 0.0
    venue.hedge_gain_peak = 0.0
    for index in range(venue.levers.shape[0]):
        venue.levers[index].travelled = 0.0
