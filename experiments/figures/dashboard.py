"""One episode as a dashboard: market, protocol, and costs by party."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from protogov.envs.world.lever_table import LEVERS, levers_of
from protogov.envs.world.state import MAX_EXPIRIES
from protogov.experiments.core.recording import HEALTH_BANDS, Recording
from protogov.experiments.core.tables import Table, select
from protogov.experiments.figures import style

_SECOND_LINE: dict[str, Any] = {"color": style.ORANGE, "linestyle": (0, (6, 1, 1, 1)), "linewidth": 1.6}
_BAND_LABELS = ("below 1", "to 1.05", "to 1.1", "to 1.25", "to 1.5", "above")
# darker is nearer to the edge
_BAND_COLOURS = ("#000000", "#8C2D04", style.VERMILLION, style.ORANGE, "#F3D98B", "#ECECEC")


@dataclass(frozen=True)
class View:
    """One world and venue of a recording, in the form that figures use."""

    decisions: Table
    hours: Table
    events: Table

    @classmethod
    def of(cls, recording: Recording, world: int = 0, venue: int = 0) -> "View":
        """That world and venue."""
        decisions, hours = recording.decisions, select(recording.hours, recording.hours["world"] == world)
        if venue > 0:
            hours = {**hours, "oracle_close": hours[f"oracle_close_{venue}"]}
        return cls(
            select(decisions, (decisions["world"] == world) & (decisions["venue"] == venue)),
            hours,
            select(recording.events, (recording.events["world"] == world) & (recording.events["venue"] == venue)),
        )

    def __getitem__(self, name: str) -> NDArray[Any]:
        """A column of the decisions."""
        return self.decisions[name]

    @property
    def at(self) -> NDArray[np.int64]:
        """Hour of each row of the decisions."""
        return self.decisions["hour"]


def draw_dashboard(
    main: Recording, static: Recording | None = None, *, name: str = "learned", world: int = 0
) -> Figure:
    """Twelve panels of one episode.

    Args:
        main: the episode.
        static: the same tape under the static protocol, drawn dashed where that helps.
        name: of the governors of `main`, in legends.
        world: row of the recordings.
    """
    view = View.of(main, world)
    beside = None if static is None else View.of(static, world)
    with style.look():
        figure = style.new_figure(11.5, 17.5)
        grid: Any = figure.subplots(6, 2)
        price(grid[0, 0], view)
        welfare(grid[0, 1], view, beside, name)
        utilisation(grid[1, 0], view, beside, name)
        rates(grid[1, 1], view, beside, name)
        balances(grid[2, 0], view, beside, name)
        health(grid[2, 1], view)
        liquidations(grid[3, 0], view, beside, name)
        losses(grid[3, 1], view, beside, name)
        surface(grid[4, 0], view)
        spread(grid[4, 1], view)
        hedge(grid[5, 0], view)
        lp_value(grid[5, 1], view, beside, name)
        for axes in grid.flat:
            style.days(axes, float(view.hours["hour"].max()))
    return figure


def _title(axes: Axes, text: str, unit: str) -> None:
    axes.set_title(text)
    axes.set_ylabel(unit)


Line = tuple["View | None", str | Callable[[View], NDArray[Any]], Mapping[str, Any], str]
_DOTTED: dict[str, Any] = {"color": style.ORANGE, "linestyle": (0, (1, 1))}


def _lines(axes: Axes, *lines: Line) -> None:
    """Draw each existing line of a view, a column or a value computed from it, by its look and label."""
    for view, values, look, label in lines:
        if view is not None:
            axes.plot(view.at, view[values] if isinstance(values, str) else values(view), **look, label=label)
    style.legend_above(axes)


def _summed(name: str) -> Callable[[View], NDArray[Any]]:
    return lambda view: view[name].cumsum()


def price(axes: Axes, view: View) -> None:
    """The tape's price, hour by hour, with the oracle's and the pool's."""
    _title(axes, "Price", "USD per coin")
    hours = view.hours
    axes.fill_between(
        hours["hour"], hours["low"], hours["high"], color=style.FAINT, linewidth=0, label="tape, low-high"
    )
    axes.plot(hours["hour"], hours["oracle_close"], color=style.BLUE, linewidth=1.3, label="oracle")
    ring: dict[str, Any] = {"marker": "o", "markersize": 3, "markerfacecolor": "none", "markeredgewidth": 0.8}
    axes.plot(view.at, view["pool_price"], color=style.VERMILLION, linestyle="", label="pool, at decisions", **ring)
    style.legend_above(axes)


def welfare(axes: Axes, view: View, beside: View | None, name: str) -> None:
    """W since the opening."""
    _title(axes, "Welfare W, summed", "bp of K0")
    style.zero_line(axes)
    total = _summed("welfare")
    _lines(axes, (view, total, style.LEARNED_LINE, name), (beside, total, style.STATIC_LINE, "static"))


def utilisation(axes: Axes, view: View, beside: View | None, name: str) -> None:
    """Share of lent deposits, and the kink of the rate curve."""
    _title(axes, "Utilisation", "% of deposits")
    style.percent(axes)
    kink = {"drawstyle": "steps-post", "color": style.ORANGE, "linestyle": ":"}
    _lines(
        axes, (view, "optimal_utilisation", kink, "kink U*"), (view, "utilisation", style.LEARNED_LINE, name),
        (beside, "utilisation", style.STATIC_LINE, "static"),
    )  # fmt: skip


def rates(axes: Axes, view: View, beside: View | None, name: str) -> None:
    """Rates of borrowers and suppliers, and the suppliers' yield elsewhere."""
    _title(axes, "Rates", "% a year")
    style.percent(axes)
    outside = {"color": style.GREY, "linewidth": 1.0, "linestyle": ":"}
    _lines(
        axes, (view, "outside_yield", outside, "outside yield"), (view, "borrow_rate", style.LEARNED_LINE, "borrow"),
        (view, "supply_rate", _SECOND_LINE, "supply"), (beside, "borrow_rate", style.STATIC_LINE, "borrow, static"),
    )  # fmt: skip


def health(axes: Axes, view: View) -> None:
    """Debt by health factor, the endangered at the bottom and darkest."""
    _title(axes, "Debt by health factor", "M USD")
    style.money(axes)
    bands = [view[f"debt_health_{band}"] for band in HEALTH_BANDS]
    axes.stackplot(view.at, *bands, colors=_BAND_COLOURS, labels=_BAND_LABELS, edgecolor="white", linewidth=0.3)
    style.legend_above(axes, len(bands), handlelength=1.2)


def liquidations(axes: Axes, view: View, beside: View | None, name: str) -> None:
    """Debt repaid by liquidators, decision by decision."""
    _title(axes, "Liquidations", "M USD per decision")
    style.money(axes)
    width = float(np.diff(view.at).max(initial=1.0))
    axes.bar(view.at, view["liquidated"], width=-width, align="edge", color=style.SKY, label=name)
    if beside is not None:
        look: dict[str, Any] = {"fill": False, "edgecolor": style.BLACK, "linewidth": 0.8}
        axes.bar(beside.at, beside["liquidated"], width=-width, align="edge", **look, label="static")
    axes.set_ylim(bottom=0.0)
    style.legend_above(axes)


def losses(axes: Axes, view: View, beside: View | None, name: str) -> None:
    """Bad debt since the opening, and possible further losses: puts on collateral, struck at the debt."""
    _title(axes, "Bad debt, summed, and value of loans' puts", "M USD")
    style.money(axes)
    total = _summed("bad_debt")
    _lines(
        axes, (view, total, style.LEARNED_LINE, f"bad debt, {name}"),
        (view, "latent", _DOTTED | {"linewidth": 1.6}, f"puts, {name}"),
        (beside, total, style.STATIC_LINE, "bad debt, static"),
    )  # fmt: skip
    axes.set_ylim(bottom=0.0)


def balances(axes: Axes, view: View, beside: View | None, name: str) -> None:
    """Claims of suppliers and debt of borrowers."""
    _title(axes, "Deposits and debt", "M USD")
    style.money(axes)
    other = style.STATIC_LINE | {"linestyle": (0, (1, 1.5))}
    _lines(
        axes,
        (view, "deposits", style.LEARNED_LINE, f"deposits, {name}"), (view, "debt", _SECOND_LINE, f"debt, {name}"),
        (beside, "deposits", style.STATIC_LINE, "deposits, static"), (beside, "debt", other, "debt, static"),
    )  # fmt: skip


def surface(axes: Axes, view: View) -> None:
    """The pool's at-the-money vol of each expiry, and the tape's."""
    _title(axes, "Vol surface", "vol points a year")
    style.percent(axes)
    lines = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (5, 1.5, 1, 1.5)))
    colours = (style.BLUE, style.SKY, style.GREEN, style.PURPLE)
    for e in range(MAX_EXPIRIES):
        vol = view[f"base_vol_{e}"]
        if np.isfinite(vol).any():
            axes.plot(view.at, vol, color=colours[e], linestyle=lines[e], linewidth=1.2, label=f"expiry {e + 1}")
    axes.plot(
        view.at, view["implied_vol"], color=style.BLACK, linewidth=1.0, linestyle=(0, (2, 1)), label="tape (fair)"
    )
    style.legend_above(axes, 5)


def spread(axes: Axes, view: View) -> None:
    """The pool's bid and ask relative to the tape's fair vol: informed traders gain if zero lies outside."""
    _title(axes, "Bid and ask over fair vol", "vol points")
    middle, half = 100 * view["surface_over_fair"], 100 * view["half_spread"]
    style.zero_line(axes)
    axes.fill_between(
        view.at, middle - half, middle + half, color=style.SKY, alpha=0.45, linewidth=0, label="bid to ask"
    )
    axes.plot(view.at, middle, **style.LEARNED_LINE, label="mid, mean of expiries")
    style.legend_above(axes)


def hedge(axes: Axes, view: View) -> None:
    """Delta of the options, the hedge, and the rest."""
    _title(axes, "Option pool's delta", "coins")
    style.zero_line(axes)
    axes.plot(view.at, view["net_delta"], color=style.GREY, linestyle=(0, (4, 2)), label="options")
    axes.plot(view.at, view["hedge_coin"], color=style.ORANGE, linestyle=(0, (1, 1)), linewidth=1.6, label="hedge")
    axes.plot(view.at, view["net_delta"] + view["hedge_coin"], **style.LEARNED_LINE, label="net")
    style.legend_above(axes)


def lp_value(axes: Axes, view: View, beside: View | None, name: str) -> None:
    """Value of the option LPs at the tape's price and vols, with and without their withdrawals."""
    _title(axes, "Option LPs: NAV0", "M USD")
    style.money(axes)
    _lines(
        axes, (view, "option_nav", style.LEARNED_LINE, name),
        (view, lambda view: view["option_nav"] - view["pool_flow"].cumsum(), _DOTTED, "had nobody come or left"),
        (beside, "option_nav", style.STATIC_LINE, "static"),
    )  # fmt: skip


def draw_levers(main: Recording, defaults: Mapping[str, float], *, world: int = 0) -> Figure:
    """All levers, one row of panels per role: proposed and executed values.

    Args:
        main: the episode.
        defaults: value of the static protocol by lever.
        world: row of the recording.
    """
    view = View.of(main, world)
    asked: dict[str, Any] = {"color": style.VERMILLION, "linewidth": 0.9, "linestyle": (0, (1, 1))}
    default: dict[str, Any] = {"color": style.GREY, "linewidth": 0.9, "linestyle": (0, (4, 2))}
    with style.look():
        roles = [[LEVERS[index] for index in levers_of(role)] for role in dict.fromkeys(row.role for row in LEVERS)]
        figure = style.new_figure(11.5, 0.2 + 2.4 * len(roles))
        grid: Any = figure.subplots(len(roles), max(len(levers) for levers in roles), squeeze=False)
        panels = [pair for row, levers in zip(grid, roles, strict=True) for pair in zip_longest(row, levers)]
        for axes, lever in panels:
            if lever is None:  # a role with fewer levers than another
                axes.set_axis_off()
                continue
            scale, unit = style.lever_scale(lever.unit)
            proposed, executed = view[f"{lever.name}_proposed"] * scale, view[lever.name] * scale
            axes.axhline(defaults[lever.name] * scale, **default)
            # a proposal is made at the previous decision and is in force until this one
            axes.step(view.at, proposed, where="pre", **asked)
            axes.plot(view.at, executed, **style.LEARNED_LINE)
            axes.set_title(style.spaced(lever.name))
            axes.set_ylabel(unit)
            style.few_ticks(axes, y=5)
            style.days(axes, float(view.hours["hour"].max()))
        figure.legend(
            handles=[handle for look, label in (
                (style.LEARNED_LINE, "executed"), (asked, "proposed by the governor"),
                (default, "default of the static protocol"),
            ) for handle in grid[0, 0].plot([], [], **look, label=label)],
            loc="outside upper right",
            ncols=3,
        )  # fmt: skip
    return figure
