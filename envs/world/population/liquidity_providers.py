"""Liquidity providers: they own the option pool, compare its yield with what they ask, and leave after losses.

A provider starts from a prior of the pool's yield and corrects it by the pool's returns since the episode began. It
invests its money in quarters, with its own thresholds (`thresholds.py`). Its money moves through the pool's queue.
"""

from math import exp

from protogov.envs.world.compiled import compiled
from protogov.envs.world.liquidity_pool import ask_back, deposit, return_so_far, serve_queue, withdraw_deposit
from protogov.envs.world.noise import Purpose, normal, uniform
from protogov.envs.world.population.thresholds import level_of, next_level, spread_offset
from protogov.envs.world.state import HOURS_PER_YEAR, MAX_LPS


@compiled
def draw_providers(world, venue, v, value, p):
    """Draw the LPs: Pareto sizes, asked premiums, thresholds. They open with `value` USD of shares at 1 USD each."""
    count = int(p.num_lps)
    venue.num_lps = count
    venue.lp_start = venue.lp_price = 1.0
    total = 0.0
    for j in range(count):
        entity = v * MAX_LPS + j
        size = 1.0 / (1.0 - 0.95 * uniform(world.seed, entity, 0, 0, Purpose.LP_SIZE))
        venue.lp_premium[j] = p.lp_premium + p.lp_premium_spread * normal(world.seed, entity, 0, 0, Purpose.LP_PREMIUM)
        venue.lp_offset[j] = spread_offset(uniform(world.seed, entity, 0, 0, Purpose.LP_OFFSET), p.level_stickiness)
        wish = wanted_share(p.lp_expected, world.outside_yield + venue.lp_premium[j], p)
        # an LP that would hold nothing is no LP at the opening: the least level is a quarter
        venue.lp_level[j] = max(level_of(wish, venue.lp_offset[j]), 0.25)
        venue.lp_shares[j] = size
        total += size
    for j in range(count):
        venue.lp_shares[j] *= max(value, 0.0) / total
        venue.lp_money[j] = venue.lp_shares[j] / venue.lp_level[j]
        venue.lp_total += venue.lp_shares[j]


@compiled
def wanted_share(expected, asked, p):
    """Share of its money that an LP keeps in the pool: logistic in the expected minus the asked yield."""
    gap = min(max(p.lp_choice * (expected - asked), -40.0), 40.0)
    return 1.0 / (1.0 + exp(-gap))


@compiled
def expected_yield(world, venue, p):
    """Yield [annual] that LPs expect: the mean of the prior and the pool's own log return, weighted by their times."""
    prior_years = p.lp_patience * 24.0 / HOURS_PER_YEAR
    years = world.hour / HOURS_PER_YEAR
    return (p.lp_expected * prior_years + return_so_far(venue)) / (prior_years + years)


@compiled
def visit_providers(world, venue, v, p):
    """At every review: the pool prices its shares and serves the queue. Then some LPs decide again."""
    if (world.hour + 1) % int(p.lp_review_hours) != 0:
        return
    serve_queue(world, venue, p)
    if p.lp_choice == 0.0:
        return
    expected = expected_yield(world, venue, p)
    for j in range(int(p.num_lps)):
        if uniform(world.seed, v * MAX_LPS + j, world.hour, 0, Purpose.LP_LOOK) < p.lp_look:
            review(world, venue, j, expected, p)


@compiled
def review(world, venue, j, expected, p):
    """LP `j` compares its wanted share with its thresholds; a lower level queues shares, a higher one brings money."""
    wish = wanted_share(expected, world.outside_yield + venue.lp_premium[j], p)
    level = venue.lp_level[j]
    wanted = next_level(level, wish, venue.lp_offset[j], p.level_stickiness)
    if wanted == level:
        return
    venue.lp_level[j] = wanted
    if wanted < level:
        if venue.lp_waiting[j] > 0.0:
            withdraw_deposit(world, venue, j)
        held = venue.lp_shares[j] - venue.lp_queued[j]
        ask_back(world, venue, j, held * (1.0 - wanted / level))
    elif venue.lp_queued[j] > 0.0:
        venue.lp_queued[j] = 0.0  # it cancels its request, and decides at a later look whether it brings more
    else:
        deposit(world, venue, j, venue.lp_money[j] * (wanted - level))


@compiled
def queue_value(venue):
    """Value of the shares that LPs have asked to redeem and that are not yet paid [USD]."""
    shares = 0.0
    for j in range(venue.num_lps):
        shares += venue.lp_queued[j]
    return shares * max(venue.lp_price, 0.0)
