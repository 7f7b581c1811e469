"""People in plain Python, for prototypes: a function called before every simulated hour of a batch of worlds.

    def everybody_more_careful(worlds, hour):
        worlds.venues.account_safety[:] = 1.5

    world = Simulator(num_worlds=8, population_hook=everybody_more_careful)

It is slow by design: worlds stop after every hour and are copied, compared and checked, all on one thread. Move useful
behaviour to `protogov.envs.world.population`. A hook that changes nothing leaves every episode unchanged, bit for bit,
at every `decision_hours`.

`worlds` is a copy of the rows whose clock is at `hour`, a recarray of `protogov.envs.world.state.world_dtypes`, [n];
`hour` is the number of hours that they have run, from 0 on. If rows of a batch are out of step, there is one call for
each hour at which some rows are. `worlds.seed` identifies rows. A hook may change `FIELDS`: people's wishes and
behaviour, and money and coin, where each transfer has two ends (cash that a borrower pays back leaves `outside_cash`
and enters the venue's `cash`, and both `account_scaled_debt` and `scaled_debt` fall). Rates and utilisation follow
within five minutes. Terms and welfare count what the world did, not what a hook moved.
"""

import sys
from collections.abc import Callable, Iterator
from math import inf
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from protogov.envs.world.kernels import books_kernel
from protogov.envs.world.state import world_dtypes

PopulationHook = Callable[[np.recarray, int], None]

_COMPILED = not numba.config.DISABLE_JIT  # type: ignore[attr-defined]


class HookError(RuntimeError):
    """A forbidden change by a population hook; the message names world, hour and field. The batch needs a reset."""


class HookField(NamedTuple):
    """A field that a hook may change, and its accepted values."""

    about: str
    low: float = 0.0
    high: float = inf


WORLD_FIELDS: dict[str, HookField] = {
    "outside_cash": HookField("USD of everybody's wallets, since the opening", -inf),
    "outside_coin": HookField("coin of everybody's wallets, since the opening", -inf),
    "trader_cash": HookField("USD of option traders, since the opening", -inf),
    "pool_cash": HookField("USD in the spot pool", 1.0),
    "pool_coin": HookField("coin in the spot pool", 1e-6),
    "liquidator_cash": HookField("USD of each liquidator", -inf),
    "liquidator_capital": HookField("USD that it normally works with"),
    "liquidator_attention": HookField("probability of watching in a sub-step", 0.0, 1.0),
    "liquidator_margin": HookField("profit asked over what it repays, when calm", -1.0, 10.0),
}
VENUE_FIELDS: dict[str, HookField] = {
    "cash": HookField("USD that can be borrowed or withdrawn"),
    "scaled_debt": HookField("sum of account_scaled_debt"),
    "scaled_deposits": HookField("sum of supplier_scaled and of the option pool's"),
    "treasury_cash": HookField("USD of the treasury", -inf),
    "account_collateral": HookField("coin posted"),
    "account_scaled_debt": HookField("USD over borrow_index"),
    "account_wallet": HookField("coin kept outside for top-ups and re-entry; counted in outside_coin"),
    "account_level": HookField("share of its full debt that it wants", 0.0, 1.0),
    "account_offset": HookField("where its thresholds lie, share of a step between two levels", 0.0, 1.0),
    "account_worth": HookField("mean rate at which it gives up its level, over its reservation"),
    "account_reservation_rate": HookField("annual, before leverage demand", 0.0, 10.0),
    "account_leverage": HookField("debt / (collateral value * LTV) wanted when borrowing is free", 0.0, 1.0),
    "account_safety": HookField("health factor below which it reacts", 0.0, 100.0),
    "account_activity": HookField("probability of acting in an hour", 0.0, 1.0),
    "account_taste": HookField("log odds for this venue, where there are two", -100.0, 100.0),
    "supplier_scaled": HookField("USD over supply_index"),
    "supplier_size": HookField("USD deposited when the rate equals the outside yield"),
    "supplier_premium": HookField("annual, wanted above the outside yield", -10.0, 10.0),
    "supplier_patience": HookField("share of the gap closed in an hour", 0.0, 1.0),
    "supplier_taste": HookField("log odds for this venue, where there are two", -100.0, 100.0),
    "supplier_fear": HookField("ratio to the parameters of fear, mean 1", 0.0, 1000.0),
    "lp_money": HookField("USD that a liquidity provider would put in at most"),
    "lp_level": HookField("share of that which it wants in", 0.0, 1.0),
    "lp_premium": HookField("annual, asked above the outside yield", -10.0, 10.0),
}
FIELDS: dict[str, HookField] = {
    **WORLD_FIELDS,
    **{f"venues.{name}": field for name, field in VENUE_FIELDS.items()},
}


def hook_name(hook: PopulationHook) -> str:
    """The place of a hook, for records: "package.module:name", or "file.py:name" for a script.

    Callable objects and functions made by other functions are named too, but the name cannot find them again.
    """
    named = hook if hasattr(hook, "__qualname__") else type(hook)
    module, code = sys.modules.get(named.__module__), getattr(hook, "__code__", None)
    if module is not None and named.__module__ != "__main__":
        place = named.__module__
    else:
        place = code.co_filename if code is not None else getattr(module, "__file__", None) or named.__module__
    return f"{place}:{named.__qualname__}"


def call_hook(hook: PopulationHook, worlds: np.recarray, going: NDArray[np.bool_]) -> None:
    """Call the hook before an hour of the rows `going`, bool [n]: once for each hour at which some of them are.

    Raises:
        HookError: the hook made a forbidden change, or its transfers do not balance.
    """
    for hour in np.unique(worlds["hour"][going]).tolist():
        _call(hook, worlds, np.flatnonzero(going & (worlds["hour"] == hour)), hour)


def _call(hook: PopulationHook, worlds: np.recarray, rows: NDArray[np.int64], hour: int) -> None:
    """Let the hook change a copy of `rows`, which are at `hour`; valid changes are copied back."""
    before = worlds[rows].view(np.ndarray)
    changed = before.copy()
    hook(changed.view(np.recarray), hour)
    moved = np.zeros(len(rows), np.bool_)
    for name, old, new, field in _fields(before, changed):
        if old.tobytes() == new.tobytes():
            continue
        differs = old != new
        at = differs.reshape(len(rows), -1).any(axis=1)
        moved |= at
        first = f"of world {rows[int(np.argmax(at))]} at hour {hour}"
        if field is None:
            raise HookError(f"the population hook changed {name} {first}; it may change {', '.join(FIELDS)}.")
        wrong = differs & ~((new >= field.low) & (new <= field.high) & np.isfinite(new))
        if wrong.any():
            place = np.argwhere(wrong)[0]
            raise HookError(
                f"the population hook set {name} of world {rows[place[0]]} to {new[tuple(place)]:g} at hour {hour}; "
                f"finite numbers from {field.low:g} to {field.high:g} are accepted."
            )
    if not moved.any():
        return
    changed["venues"]["health_stale"][moved] = 1
    # numba recognises a dtype object that it has seen
    named = changed.view(world_dtypes[before["venues"].shape[1]])
    bad = int(books_kernel()(named if _COMPILED else named.view(np.recarray), 0, len(rows)))
    if bad >= 0:
        raise HookError(
            f"books of world {rows[bad]} do not balance after the population hook at hour {hour}: residual "
            f"{changed['book_error'][bad]:.3g} of gross flow; every transfer needs two ends."
        )
    worlds[rows] = changed


def _fields(before: Any, after: Any) -> Iterator[tuple[str, Any, Any, HookField | None]]:
    """Every field of the worlds before and after, with its accepted changes; None means no change."""
    for name in before.dtype.names:
        if name != "venues":
            yield name, before[name], after[name], WORLD_FIELDS.get(name)
    for name in before["venues"].dtype.names:
        yield f"venues.{name}", before["venues"][name], after["venues"][name], VENUE_FIELDS.get(name)
