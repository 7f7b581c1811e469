"""An attacker who pushes the vol surface to buy shares of the option pool cheaply: a sandwich of the pool's own queue.

The attacker deposits and waits for the cooldown. In the review that turns the deposit into shares, four steps follow
at once. It buys options at the middle strike of every expiry; this raises the pool's vols and its debt to holders. It
gets its shares. It sells the options back. It asks to redeem its shares. If shares are priced at current vols, they are
too cheap by the effect of the push. At average vols (GWAV) they are not, and the attacker pays the spread, the
fees and the exit fee for nothing. It needs no knowledge, only capital, and is one more LP.
"""

import numpy as np

from protogov.envs.world.compiled import compiled
from protogov.envs.world.liquidity_pool import ask_back, deposit
from protogov.envs.world.options import contracts_for
from protogov.envs.world.population.liquidity_providers import visit_providers
from protogov.envs.world.population.option_trades import fill, for_sale, offer, too_small
from protogov.envs.world.state import MAX_EXPIRIES, SUBSTEPS
from protogov.envs.world.ticket import Ticket

TICKETS = 16  # number of equal parts of each purchase and sale
AWAY, WAITING, HOLDING, GONE = 0, 1, 2, 3


@compiled
def slot_of(p):
    """Index of the attacker among the LPs: after all others."""
    return int(p.num_lps)


@compiled
def besiege(world, venue, v, p):
    """End of an hour of an attack. This replaces the visit of the LPs and includes it."""
    j = slot_of(p)
    if venue.surface_attack == AWAY and world.vol_push > 0.0:
        arrive(world, venue, j, p)
    due = world.substep - venue.lp_waiting_at[j] >= p.lp_cooldown * SUBSTEPS
    served = (world.hour + 1) % int(p.lp_review_hours) == 0
    if venue.surface_attack != WAITING or not due or not served or world.vol_push == 0.0:
        visit_providers(world, venue, v, p)
        ask_for_money(world, venue, j)
        if venue.surface_attack == HOLDING and venue.lp_shares[j] == 0.0:
            venue.surface_attack = GONE
        return
    bought = np.zeros(MAX_EXPIRIES)
    push(world, venue, j, bought, p)
    visit_providers(world, venue, v, p)
    unwind(world, venue, j, bought, p)
    ask_for_money(world, venue, j)


@compiled
def ask_for_money(world, venue, j):
    """As soon as the attacker has shares, with or without a push, it queues all of them."""
    if venue.surface_attack == WAITING and venue.lp_shares[j] > 0.0:
        venue.surface_attack = HOLDING
        ask_back(world, venue, j, venue.lp_shares[j])


@compiled
def arrive(world, venue, j, p):
    """The attacker deposits its capital, like any LP."""
    venue.num_lps = j + 1
    venue.lp_money[j] = p.vol_push_capital
    deposit(world, venue, j, p.vol_push_capital)
    venue.surface_attack = WAITING


@compiled
def push(world, venue, j, bought, p):
    """Buy calls at the middle strike of every expiry, enough to raise its base vol by the tape's `vol_push`.

    The purchase uses small tickets. Each is priced at the vol after it, so one large ticket would pay the final vol for
    all contracts.
    """
    k = venue.num_strikes // 2
    contracts = world.vol_push * 100.0 * contracts_for(venue, p.standard_size) / TICKETS
    if too_small(venue, contracts):
        return
    for e in range(venue.num_expiries):
        ticket = Ticket(e, k, True, contracts, 1.0)
        for _ in range(TICKETS):
            offered, terms = offer(world, venue, ticket, p)
            if not offered:
                break
            fill(world, venue, ticket, terms, True, p)
            venue.lp_received[j] -= terms.total
            bought[e] += contracts


@compiled
def unwind(world, venue, j, bought, p):
    """Sell back what was bought, by force if the pool does not quote."""
    k = venue.num_strikes // 2
    for e in range(venue.num_expiries):
        for _ in range(TICKETS):
            contracts = min(bought[e] / TICKETS, for_sale(venue, e, k, True))
            if too_small(venue, contracts):
                break
            ticket = Ticket(e, k, True, contracts, -1.0)
            offered, terms = offer(world, venue, ticket, p)
            if offered and fill(world, venue, ticket, terms, True, p):
                venue.lp_received[j] += terms.total
