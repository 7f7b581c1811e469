"""The compiled entry points that stop worlds after every hour, for a population hook; kept in the cache as the world's.

They are apart from `protogov.envs.population_hook`, because an edit of the file that holds a kernel compiles it anew.
"""

from functools import cache
from typing import Any

from protogov.envs.world.interventions import lay_beside
from protogov.envs.world.kernels import BOOK_TOLERANCE, fill_observation, keep_compiled, source_digest
from protogov.envs.world.ledger import check_books
from protogov.envs.world.records import fill_controls, fill_record
from protogov.envs.world.step import run_decision, run_hour
from protogov.envs.world.welfare import settle_terms

BEGIN, HOUR, END = range(3)  # phases of a decision


@cache
def hourly_kernels(num_venues: int) -> tuple[Any, Any]:
    """(run, check) for worlds with capacity for `num_venues` venues; each capacity compiles once.

    `run` is one phase of a decision of rows start to stop, of which row i has played `hours[i]` hours; it returns the
    first row whose books do not balance, or -1. `check` recounts their books and returns the same.
    """
    digest = f"hour by hour {source_digest()} {num_venues}"

    def hour_range(
        worlds, params, tape, actions, world_features, world_flat, venue_features, venue_flat, obs, controls, terms,
        records, events, interventions, logs, hours, phase, start, stop,
    ):  # fmt: skip
        version = digest  # noqa: F841  the cell is part of the cache key
        bad = -1
        log = logs[0]
        for i in range(start, stop):
            world = worlds[i]
            lay_beside(log, interventions, i)
            for position in range(world.step_events):
                log.rows[position] = events[i, position]
            if phase == BEGIN:
                kept = world.decision_hours
                world.decision_hours = 0  # aims the levers and begins the sums, and runs no hour
                run_decision(world, tape[i], actions[i], log, params[i])
                world.decision_hours = kept
            elif phase == HOUR and hours[i] < world.decision_hours and world.hour < world.length:
                run_hour(world, tape[i], log, params[i])
                hours[i] += 1
                for position in range(world.step_events):
                    events[i, position] = log.rows[position]
                if bad < 0 and not world.book_error <= BOOK_TOLERANCE:
                    bad = i
            elif phase == END:
                for v in range(world.num_venues):
                    settle_terms(world, world.venues[v], hours[i], terms[i, v], params[i, v])
                    fill_controls(world.venues[v], controls[i, v])
                    fill_record(world, world.venues[v], v, log, records[i, v])
                fill_observation(
                    world, world_features[i], world_flat[i], venue_features[i], venue_flat[i], obs[i], params[i]
                )
        return bad

    def check_range(worlds, start, stop):
        version = digest  # noqa: F841
        for i in range(start, stop):
            check_books(worlds[i])
            if not worlds[i].book_error <= BOOK_TOLERANCE:
                return i
        return -1

    return keep_compiled(hour_range), keep_compiled(check_range)
