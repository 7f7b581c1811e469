"""Lock-up and run: at full utilisation withdrawals are not paid, and the queue makes more suppliers leave."""

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import Flat, Scenario
from protogov.experiments.core.play import still
from protogov.experiments.core.text import number
from protogov.experiments.figures.style import GREEN
from protogov.experiments.studies.phenomena.drawing import over_time
from protogov.experiments.studies.phenomena.phenomenon import Change, Measure, Phenomenon, Sample, Seeds, Seen
from protogov.experiments.studies.phenomena.worlds import Shock

HOURS, CALL = 96, 6
FEARLESS = "nobody fears anything"
NO_FEAR = {"lockup_fear": 0.0, "loss_fear": 0.0, "crash_frequency": 0.0}


def play(config: WorldConfig, scenario: Scenario, seeds: Seeds) -> Sample:
    """Waiting withdrawals, hour by hour, and the deposits that suppliers have withdrawn or asked back."""
    waiting, staying = np.zeros((2, seeds.size, config.horizon))
    opening = np.ones(seeds.size)
    for hour, (world, _) in enumerate(still(config, scenario, seeds)):
        venue = world.worlds["venues"][:, 0]
        deposits = venue["supplier_scaled"].sum(axis=1) * venue["supply_index"]
        waiting[:, hour] = venue["unmet_withdrawals"] / 1e6
        if hour == CALL - 2:  # the last hour before suppliers are called away
            opening = deposits
        staying[:, hour] = deposits - venue["unmet_withdrawals"]
    gone = 1.0 - staying / opening[:, None]
    return {
        "waiting": waiting.sum(axis=1) / 24.0,
        "locked": (waiting > 0.0).sum(axis=1).astype(float),
        "gone": 100.0 * gone[:, -1],
        "queue": waiting,
        "run": 100.0 * gone,
    }


def headline(seen: Seen) -> str:
    """How much waits, and how much fear adds."""
    waiting = seen.mean("waiting")
    return (
        f"Withdrawals wait for {number(waiting)} million USD-days, x{number(seen.times('waiting', FEARLESS))} "
        f"as much as without fear of a lock-up; with unlimited cash none waits and the run is slower"
    )


LOCKUP = Phenomenon(
    name="lockup",
    title="Lock-up and run",
    claim="When all cash is lent, withdrawals wait, and the fear of waiting makes more suppliers ask for their money.",
    evidence="November 2025: vaults at 100% utilisation, 88% a year; February 2026: 99.85%",
    scenario=Flat() + Shock("50% a year to be had elsewhere", hour=CALL, least=0.0, most=0.0, outside_yield=0.5),
    config=WorldConfig(episode_hours=HOURS, decision_hours=1),
    switch=Change(words="unlimited cash", parameters={"cash_backstop": 1.0}),
    measures=(
        Measure("waiting", "withdrawals not paid", "million USD x days"),
        Measure("locked", "time with a queue", "hours"),
        Measure("gone", "suppliers' deposits gone or asked back", "%"),
    ),
    shown=(Change(words=FEARLESS, parameters=NO_FEAR),),
    dosed=("waiting",),
    curves={FEARLESS: {"color": GREEN, "linestyle": (0, (1, 1.2))}},
    smallest=1.0,
    play=play,
    headline=headline,
    panels=(
        over_time("queue", "withdrawals asked for and not paid [million USD]"),
        over_time("run", "suppliers' deposits gone or asked back [%]"),
    ),
    both=("cash is what there is", "unlimited cash"),
    note="The price never moves. The only cause is a higher yield elsewhere from hour 6 on.",
)
