"""Lock-up and run: at full utilisation withdrawals are not paid, and the queue itself makes suppliers leave."""

import numpy as np
from matplotlib.figure import Figure

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import Flat, Scenario
from protogov.experiments.core.play import still
from protogov.experiments.figures.style import GREEN
from protogov.experiments.phenomena.drawing import (
    ACTIVE,
    SWITCHED,
    band,
    every_seed,
    label_y,
    legend_on_top,
    number,
    panels,
)
from protogov.experiments.phenomena.phenomenon import Change, Measure, Phenomenon, Sample, Seeds
from protogov.experiments.phenomena.runner import Finding
from protogov.experiments.phenomena.worlds import Shock

HOURS, CALL = 96, 6
FEARLESS = "without fear"
NO_FEAR = {"lockup_fear": 0.0, "loss_fear": 0.0, "crash_frequency": 0.0}


def play(config: WorldConfig, scenario: Scenario, seeds: Seeds) -> Sample:
    """Withdrawals that wait, hour by hour, and the deposits that suppliers have left or want out."""
    waiting, staying = np.zeros((2, seeds.size, config.horizon))
    opening = np.ones(seeds.size)
    for hour, (world, _) in enumerate(still(config, scenario, seeds)):
        venue = world.worlds["venues"][:, 0]
        deposits = venue["supplier_scaled"].sum(axis=1) * venue["supply_index"]
        waiting[:, hour] = venue["unmet_withdrawals"] / 1e6
        if hour == CALL - 2:  # the last hour before the call
            opening = deposits
        staying[:, hour] = deposits - venue["unmet_withdrawals"]
    gone = 1.0 - staying / opening[:, None]
    columns = {
        "waiting": waiting.sum(axis=1) / 24.0,
        "locked": (waiting > 0.0).sum(axis=1).astype(float),
        "gone": 100.0 * gone[:, -1],
    }
    return Sample(columns, {"waiting": waiting, "gone": 100.0 * gone})


def draw(finding: Finding) -> Figure:
    """Withdrawals that wait, deposits that have left or want to, and every seed."""
    found = finding.comparisons[0]
    fearless = finding.shown[FEARLESS].columns["waiting"].mean()
    headline = (
        f"Withdrawals wait for {number(found.active.mean)} million USD-days, x{number(found.active.mean / fearless)} "
        f"what they would if nobody feared a lock-up; with unlimited cash none waits and the run is slower"
    )
    figure, (queue, run, seeds) = panels(finding, headline, 3)
    hours = np.arange(1.0, HOURS + 1.0)
    worlds = {
        "cash is what there is": (finding.active, ACTIVE),
        "nobody fears anything": (finding.shown[FEARLESS], {"color": GREEN, "linestyle": (0, (1, 1.2))}),
        "unlimited cash": (finding.switched, SWITCHED),
    }
    for label, (sample, look) in worlds.items():
        band(queue, hours, sample.traces["waiting"], label, look)
        band(run, hours, sample.traces["gone"], label, look)
    for axes in (queue, run):
        axes.set_xlabel("hour of the episode")
        legend_on_top(axes, len(worlds))
    label_y(queue, "withdrawals asked for and not paid [million USD]")
    label_y(run, "suppliers' deposits gone or asked back [%]")
    every_seed(seeds, finding, found, ("cash is what\nthere is", "unlimited\ncash"))
    return figure


LOCKUP = Phenomenon(
    name="lockup",
    title="Lock-up and run",
    claim="When all cash is lent, withdrawals wait, and the fear of waiting makes more suppliers ask for their money.",
    evidence="November 2025: vaults at 100% utilisation, 88% a year; February 2026: 99.85%",
    scenario=Flat() + Shock("50% a year to be had elsewhere", hour=CALL, least=0.0, most=0.0, outside_yield=0.5),
    config=WorldConfig(episode_hours=HOURS, decision_hours=1),
    switch=Change(words="unlimited cash", parameters={"cash_backstop": 1.0}),
    measure=Measure("waiting", "withdrawals not paid", "million USD x days"),
    also=(
        Measure("locked", "time with a queue", "hours"),
        Measure("gone", "suppliers' deposits gone or asked back", "%"),
    ),
    shown={FEARLESS: Change(words="nobody fears anything", parameters=NO_FEAR)},
    smallest=1.0,
    play=play,
    draw=draw,
    note="The price never moves: the only cause is a yield elsewhere that calls money away from hour 6 on.",
)
