"""A frame of one world as an RGB image: prices, utilisation and rates, levers, and loans near liquidation."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.envs.config import ConfigError
from protogov.envs.simulator import Simulator
from protogov.envs.world.lever_table import LEVERS, Lever, with_defaults

WIDTH, HEIGHT, DPI = 8.0, 5.0, 100  # inches and dots per inch: 800 x 500 pixels
INK, FAINT, GRID, BAND = "#222222", "#8a8a8a", "#e6e6e6", "#cdd6e0"
BLUE, ORANGE, GREEN, RED, AMBER = "#2f6db3", "#d9772b", "#3a9157", "#c43a3a", "#e0a82e"
CONSTANT = "#b9c2cc"  # levers without a governor
VENUE_STYLE = ("-", (0, (3, 1.5)))  # lines of the first and the second venue
HEALTH_EDGES = np.linspace(0.9, 2.5, 33)
AT_RISK, CAREFUL = 1.1, 1.3  # loans with lower health factors are drawn red and amber

_WORLD = ("hour", "outside_price", "pool_price")
_VENUE = ("oracle_price", "utilisation", "borrow_rate", "supply_rate", "welfare", "liquidated")


def check_render_mode(mode: str | None) -> str | None:
    """`mode` if it is None or "rgb_array".

    Raises:
        ConfigError: it is anything else.
    """
    if mode not in (None, "rgb_array"):
        raise ConfigError(f"render_mode = {mode!r} must be None or 'rgb_array'.")
    return mode


class Renderer:
    """Records the history of every row's episode and draws the frame of one.

    Adapters call :meth:`restart` after each reset, :meth:`record` after each decision and :meth:`frame` to render. Only
    drawing imports matplotlib.
    """

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._dtype = np.dtype(
            [(name, "f8") for name in _WORLD] + [(name, "f8", (simulator.config.venues,)) for name in _VENUE]
        )
        self._history: list[NDArray[np.void]] = []  # one array [n] per decision
        self._start = np.zeros(simulator.num_worlds, np.int64)  # index at which each row's episode starts
        self._canvas: Any = None

    def restart(self, rows: NDArray[np.bool_] | None = None) -> None:
        """Restart the history of `rows` (bool [n], all by default) at their present state."""
        opening = self._read()
        opening["welfare"], opening["liquidated"] = 0.0, 0.0  # still the last episode's
        if rows is None or rows.all() or not self._history:
            self._history = [opening]
            self._start[:] = 0
            return
        self._history[-1][rows] = opening[rows]
        self._start[rows] = len(self._history) - 1
        oldest = int(self._start.min())
        del self._history[:oldest]
        self._start -= oldest

    def record(self) -> None:
        """Record the state after a decision."""
        self._history.append(self._read())

    def _read(self) -> NDArray[np.void]:
        simulator = self._simulator
        worlds = simulator.worlds.view(np.ndarray)
        venues = worlds["venues"]
        now = np.zeros(simulator.num_worlds, self._dtype)
        for name in ("hour", "outside_price"):
            now[name] = worlds[name]
        now["pool_price"] = worlds["pool_cash"] / worlds["pool_coin"]
        for name in ("oracle_price", "utilisation", "borrow_rate", "supply_rate"):
            now[name] = venues[name]
        now["liquidated"] = venues["sum_liquidated"]
        for venue in range(simulator.config.venues):
            now["welfare"][:, venue] = simulator.welfare(venue)
        return now

    def course(self, row: int) -> NDArray[np.void]:
        """The history of a row's running episode: one record per decision, the opening first.

        Fields: hour, outside_price, pool_price [USD]; and for each venue oracle_price [USD], utilisation, borrow_rate,
        supply_rate [annual], welfare [bp of K0 in the decision], liquidated [USD in the decision].
        """
        return np.array([moment[row] for moment in self._history[self._start[row] :]], self._dtype)

    def frame(self, row: int) -> NDArray[np.uint8]:
        """Frame of one row, uint8 [500, 800, 3].

        Raises:
            RuntimeError: there was no reset.
        """
        if not self._history:
            raise RuntimeError("render before reset: call reset() first.")
        if self._canvas is None:
            self._canvas = _make_canvas(self._simulator.config.venues)
        figure = self._canvas.figure
        # axes and their ticks are most of the cost of a frame: they are kept, and their content is removed
        for holder in (figure, *figure.axes):
            for artist in [*holder.texts, *holder.patches, *holder.lines, *getattr(holder, "collections", ())]:
                artist.remove()
        prices, market, levers, health, rates = figure.axes
        course = self.course(row)
        world = self._simulator.worlds.view(np.ndarray)[row]
        self._draw_headline(figure, course, world)
        self._draw_prices(prices, course, row)
        self._draw_market(market, rates, course)
        self._draw_levers(levers, world)
        self._draw_health(health, world)
        for axes in (prices, market):
            axes.set_xlim(0, 1.015 * float(world["length"]))
        self._canvas.draw()
        return np.asarray(self._canvas.buffer_rgba())[:, :, :3].copy()

    def __getstate__(self) -> dict[str, Any]:
        """Copies (an environment may be copied or sent to a process) do not take the canvas."""
        return {**self.__dict__, "_canvas": None}

    def _draw_headline(self, figure: Any, course: NDArray[np.void], world: Any) -> None:
        day, days = float(world["hour"]) / 24.0, float(world["length"]) / 24.0
        name = self._simulator.scenario.name
        text = (
            f"day {day:.1f} of {days:.1f}     welfare {course['welfare'].sum():+.1f} bp     "
            f"liquidated {_money(course['liquidated'].sum())}     "
            f"bad debt not covered {_money(world['venues']['deficit'].sum())}"
        )
        figure.text(0.015, 0.963, name if len(name) < 28 else name[:27] + "…", size=9.5, weight="bold", color=INK)
        figure.text(0.985, 0.963, text, size=8, color=INK, ha="right")

    def _draw_prices(self, axes: Any, course: NDArray[np.void], row: int) -> None:
        hours = course["hour"]
        hour = int(hours[-1])
        tape = self._simulator.tape.view(np.ndarray)[row, : hour + 1]
        axes.fill_between(np.arange(hour + 1), tape["low"], tape["high"], color=BAND, lw=0, label="tape, hourly range")
        axes.plot(hours, course["outside_price"], color=FAINT, lw=1.1, label="outside")
        axes.plot(hours, course["pool_price"], color=ORANGE, lw=1.1, label="pool")
        for venue, oracle in enumerate(course["oracle_price"].T):
            if venue == 0 or (oracle != course["oracle_price"][:, 0]).any():
                axes.plot(hours, oracle, color=BLUE, lw=1.3, ls=VENUE_STYLE[venue], label="" if venue else "oracle")
                axes.plot(hours[-1:], oracle[-1:], "o", ms=3, color=BLUE)
        drawn = [tape["low"], tape["high"], *(course[name] for name in ("outside_price", "pool_price", "oracle_price"))]
        low, high = min(float(x.min()) for x in drawn), max(float(x.max()) for x in drawn)
        pad = 0.06 * (high - low) + 0.005 * high
        axes.set_ylim(low - pad, high + pad)
        _legend(axes, columns=4)

    def _draw_market(self, axes: Any, rates: Any, course: NDArray[np.void]) -> None:
        hours, venues = course["hour"], self._simulator.config.venues
        handles: list[Any] = []
        for venue in range(venues):
            for where, field, colour in (
                (axes, "utilisation", BLUE), (rates, "borrow_rate", ORANGE), (rates, "supply_rate", GREEN),
            ):  # fmt: skip
                values, style = 100 * course[field][:, venue], VENUE_STYLE[venue]
                label = field.replace("_", " ")
                lines = where.plot(hours, values, color=colour, ls=style, lw=1.2, label=label)
                handles += lines if venue == 0 else []
                where.plot(hours[-1:], values[-1:], "o", ms=3, color=colour)
        lowest = 100 * float(course["utilisation"].min())
        axes.set_ylim(max(0.0, 10 * np.floor(lowest / 10)), 101)
        rates.set_ylim(0, 100 * max(0.05, 1.25 * float(course["borrow_rate"].max())))
        _legend(axes, columns=3, handles=handles)

    def _draw_levers(self, axes: Any, world: Any) -> None:
        simulator = self._simulator
        held = {lever for role in simulator.roles.values() for lever in role.levers}
        venues = simulator.config.venues
        height = 0.66 / venues
        values: list[list[str]] = [[] for _ in LEVERS]
        for venue in range(venues):
            rows = world["venues"][venue]["levers"]
            places = np.arange(len(LEVERS)) + (venue - (venues - 1) / 2) * height
            # a row of the batch may have its own defaults
            own = with_defaults(
                LEVERS, {lever.name: float(row["default"]) for lever, row in zip(LEVERS, rows, strict=True)}
            )
            shares = [lever.action([row["executed"], row["target"]]) for lever, row in zip(own, rows, strict=True)]
            executed, target = np.transpose(shares)
            colours = [(BLUE, GREEN)[venue] if lever.name in held else CONSTANT for lever in LEVERS]
            axes.barh(places, executed, height=height * 0.9, color=colours, lw=0)
            axes.vlines(target, places - height / 2, places + height / 2, color=INK, lw=1.2)
            for lever, row, texts in zip(LEVERS, rows, values, strict=True):
                texts.append(_value(lever, row["executed"]))
        for index, texts in enumerate(values):
            axes.text(1.1, index, "  ".join(texts), va="center", size=6.5, color=INK)
        axes.axvline(0.0, color=FAINT, lw=0.7)

    def _draw_health(self, axes: Any, world: Any) -> None:
        venues = self._simulator.config.venues
        bottom = np.zeros(HEALTH_EDGES.size - 1)
        middle, width = 0.5 * (HEALTH_EDGES[1:] + HEALTH_EDGES[:-1]), HEALTH_EDGES[1] - HEALTH_EDGES[0]
        colours = np.where(middle < AT_RISK, RED, np.where(middle < CAREFUL, AMBER, BLUE))
        for venue in range(venues):
            health, debt = _health(world["venues"][venue])
            inside = np.clip(health, HEALTH_EDGES[0], HEALTH_EDGES[-1] - 1e-9)
            heights = np.histogram(inside, HEALTH_EDGES, weights=debt / 1e6)[0]
            axes.bar(middle, heights, width * 0.9, bottom, color=colours, alpha=1.0 if venue == 0 else 0.5, lw=0)
            bottom += heights
        top = max(1.0, 1.18 * float(bottom.max()))
        axes.set_ylim(0, top)
        axes.axvline(1.0, color=INK, lw=0.9, ls=(0, (2, 2)))
        axes.text(1.015, 0.985 * top, "liquidation below 1", size=6.5, color=INK, va="top")
        total = f"total {bottom.sum():.1f} M" + (", venue 1 pale" if venues > 1 else "")
        axes.text(0.99, 0.985, total, transform=axes.transAxes, ha="right", va="top", size=6.5, color=FAINT)


def _make_canvas(venues: int) -> Any:
    """The figure with its empty axes: prices, utilisation and rates, levers, health."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    both = venues > 1
    figure = Figure(figsize=(WIDTH, HEIGHT), dpi=DPI, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    prices = figure.add_axes((0.085, 0.565, 0.385, 0.295))
    market = figure.add_axes((0.575, 0.565, 0.355, 0.295))
    levers = figure.add_axes((0.165, 0.075, 0.19 if both else 0.225, 0.36))
    health = figure.add_axes((0.575, 0.1, 0.355, 0.335))
    rates = market.twinx()
    _frame(prices, "price of the coin, USD", legend=True)
    _frame(market, f"utilisation % (left), rates % a year{' (venue 1 dashed)' if both else ''}", legend=True)
    _frame(levers, f"levers in force, asked for |{' (venue 1 green)' if both else ''}", grid=False)
    _frame(health, "debt by health factor, USD M")
    for axes in (prices, market):
        axes.set_xlabel("hour", size=7, color=FAINT, labelpad=1)
    prices.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}" if value >= 100 else f"{value:.3g}")
    rates.tick_params(labelsize=7, colors=FAINT, length=2)
    for name, spine in rates.spines.items():
        spine.set_visible(name == "right")
        spine.set_color(GRID)
    levers.set_xlim(-1.05, 1.05)
    levers.set_ylim(len(LEVERS) - 0.4, -0.6)
    levers.set_xticks([-1, 0, 1], ["low", "default", "high"])
    levers.set_yticks(range(len(LEVERS)), [lever.name.replace("_", " ") for lever in LEVERS])
    levers.tick_params(axis="y", length=0, labelsize=6.5, labelcolor=INK)
    health.set_xlim(HEALTH_EDGES[0] - 0.02, HEALTH_EDGES[-1] + 0.02)
    health.set_xticks([1.0, 1.25, 1.5, 1.75, 2.0, 2.25, 2.5], ["1", "1.25", "1.5", "1.75", "2", "2.25", "2.5+"])
    return canvas


def _frame(axes: Any, title: str, *, grid: bool = True, legend: bool = False) -> None:
    axes.set_title(title, size=8, color=INK, loc="left", pad=15 if legend else 5)
    axes.tick_params(labelsize=7, colors=FAINT, length=2)
    for name, spine in axes.spines.items():
        spine.set_visible(name in ("bottom", "left"))
        spine.set_color(GRID)
    if grid:
        axes.grid(axis="y", color=GRID, lw=0.6)
        axes.set_axisbelow(True)


def _legend(axes: Any, *, columns: int, handles: Any = None) -> None:
    axes.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(-0.01, 0.985),  # between the title and the axes: over the lines it would hide them
        ncols=columns,
        fontsize=6.5,
        frameon=False,
        borderpad=0.1,
        handlelength=1.3,
        columnspacing=0.9,
        handletextpad=0.4,
    )


def _value(lever: Lever, value: float) -> str:
    if lever.unit == "ratio":
        return f"{value:.2f}×"
    return f"{100 * value:.2f} vol pt" if lever.unit == "vol" else f"{100 * value:.1f}%"


def _money(value: float) -> str:
    return rf"\${value / 1e6:.2f}M"  # a bare dollar would start a formula


def _health(venue: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Health factor and debt [USD] of every account that owes anything."""
    debt = venue["account_scaled_debt"] * venue["borrow_index"]
    owing = debt > 0.0
    value = venue["account_collateral"] * venue["oracle_price"] * venue["liquidation_threshold"]
    return value[owing] / debt[owing], debt[owing]
