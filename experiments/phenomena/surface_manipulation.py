"""Manipulation of the vol surface: who can move the vols at which shares are priced buys them cheaply."""

import numpy as np
from matplotlib.figure import Figure

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import Scenario, get_scenario
from protogov.envs.scenarios.attacks import Pulse
from protogov.experiments.core.play import still
from protogov.experiments.figures.style import GREEN
from protogov.experiments.phenomena.drawing import ACTIVE, SWITCHED, band, dots, label_y, legend_on_top, number, panels
from protogov.experiments.phenomena.phenomenon import Change, Measure, Phenomenon, Sample, Seeds
from protogov.experiments.phenomena.runner import Finding

HOURS, DECISION, ONSET = 216, 6, 12
PUSH = 0.20  # vol
CAPITALS = (2e6, 5e6, 10e6, 20e6)  # USD
MAIN = 10e6


def play(config: WorldConfig, scenario: Scenario, seeds: Seeds) -> Sample:
    """What the round trip brought the attacker, and what the price of a share did when his were issued."""
    profit = np.zeros(seeds.size)
    over_time = np.zeros((seeds.size, config.horizon))
    served = np.zeros(seeds.size)
    for decision, (world, step) in enumerate(still(config, scenario, seeds)):
        venues = world.worlds["venues"][:, 0]
        shares = venues["lp_shares"][:, int(config.parameters.num_lps)] * venues["lp_price"]
        waiting = venues["lp_waiting"][:, int(config.parameters.num_lps)]
        profit = step.records["attacker_profit"][:, 0] / 1e3
        served = venues["surface_attack"].astype(float)
        # what he holds counts at the price of its last review
        over_time[:, decision] = profit + (shares + waiting) / 1e3
    columns = {"profit": over_time[:, -1], "gain": np.maximum(over_time[:, -1], 0.0), "done": served >= 2.0}
    return Sample({name: np.asarray(value, float) for name, value in columns.items()}, {"over_time": over_time})


def draw(finding: Finding) -> Figure:
    """The attacker's account over time with and without averages, and its dependence on his capital."""
    profit = finding.comparisons[1]
    headline = (
        f"A push of {100 * PUSH:.0f} vol points around the issue of shares brings "
        f"{number(profit.active.mean)} thousand USD where shares are priced at the vols of the moment, and "
        f"{number(profit.switched.mean)} thousand at average vols"
    )
    figure, (over_time, dose) = panels(finding, headline, 2)
    hours = np.arange(1.0, HOURS // DECISION + 1.0) * DECISION
    band(over_time, hours, finding.active.traces["over_time"], "vols of the moment", ACTIVE)
    band(over_time, hours, finding.switched.traces["over_time"], "average vols (GWAV)", SWITCHED)
    over_time.set_xlabel("hour of the episode")
    label_y(over_time, "attacker's gain so far, shares at their last price [thousand USD]")
    legend_on_top(over_time, 2)
    for place, capital in enumerate(CAPITALS):
        sample = finding.active if capital == MAIN else finding.shown[with_capital(capital)]
        dots(dose, place, sample.columns["profit"], ACTIVE if capital == MAIN else {"color": GREEN})
    dose.axhline(0.0, color="0.6", linewidth=0.8)
    dose.set_xticks(range(len(CAPITALS)), [f"{capital / 1e6:g}" for capital in CAPITALS])
    dose.set_xlabel("attacker's deposit [million USD]")
    label_y(dose, "round trip at the vols of the moment [thousand USD]")
    return figure


def with_capital(capital: float) -> str:
    """Name of the world in which the attacker deposits that much."""
    return f"deposit {capital / 1e6:g}M"


SURFACE_MANIPULATION = Phenomenon(
    name="surface-manipulation",
    title="Manipulation of the vol surface",
    claim="Where shares are priced at the vols of the moment, whoever pushes these buys and sells shares for a profit.",
    evidence="Lyra Avalon values its pool, forced closings and liquidations at averages (GWAV) for this reason",
    scenario=get_scenario("calm") + Pulse("vol-push", 120, sets={"vol_push": PUSH}, onset=ONSET),
    config=WorldConfig(episode_hours=HOURS, decision_hours=DECISION).with_parameters(
        gwav_on=0.0, standard_size=60e3, breaker_variance=10.0, lp_choice=0.0
    ),
    switch=Change(words="average vols (GWAV)", parameters={"gwav_on": 1.0}),
    measure=Measure("gain", "attacker's profit, a loss counted as nothing", "thousand USD"),
    also=(
        Measure("profit", "attacker's profit or loss", "thousand USD"),
        Measure("done", "attacks that got their shares", "share"),
    ),
    shown={
        with_capital(capital): Change(words=with_capital(capital), parameters={"vol_push_capital": capital})
        for capital in CAPITALS
        if capital != MAIN
    },
    smallest=5.0,
    play=play,
    draw=draw,
    note=(
        "The attacker deposits at hour 12, waits for the cooldown of three days, buys options in every expiry in the "
        "review that issues his shares and sells them in the same breath, then waits three days to redeem. Trades move "
        "the surface as on Lyra (20 contracts a vol point, not our 800), and the circuit breaker that would stop "
        "shares when a vol is 10 points from its average is off, so that averages alone are on trial: at the default "
        "breaker the same push stops the issue of all shares for 36 hours. Other LPs do not move."
    ),
)
