"""Tacit collusion: two independent networks learn one lever at two venues, at two discounts, and meet the table.

Each venue's governor has its own network and sees only its own world; nothing is shared. The pair is trained in the
world of the table (all other levers at their defaults, no limits on changes), then plays the table's tapes without
exploration. Its gain is (what it earns - Nash) / (joint - Nash), both from the table's smoothed surface: 0 at Nash, 1
at the joint optimum. A pair that does not value the future (discount 0) cannot be held to anything by threats: what it
gains is no collusion, so the question is what the patient pair gains over it. No gain is given where the table has no
unique equilibrium or its joint optimum is not clearly better; see `emergence.collusion.Anchors`. Of the levers here
only base rates under `profit` are clear; they are the default. Whether a gain is collusion is for the battery to say.

A pair whose learning diverges, or whose world's books do not balance, would fail again in every rerun: that it failed
is kept like a result, it is left out, and the page says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.envs.mandates import PRESETS
from protogov.envs.simulator import Simulator
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.play import open_worlds, play
from protogov.experiments.core.tables import Table, columns
from protogov.experiments.errors import CheckFailed, as_bad_input
from protogov.experiments.studies.audit.play import tape_range
from protogov.experiments.studies.audit.suites import find_suite
from protogov.experiments.studies.coexistence.spared import FAILED, spared
from protogov.experiments.studies.emergence.anchors import ConstantGame
from protogov.experiments.studies.emergence.collusion import Anchors
from protogov.experiments.studies.rivalry.cells import CORE
from protogov.experiments.studies.rivalry.games import Played
from protogov.experiments.training.run_config import SEED_STRIDE

RANDOMISE_LEVERS = 0.25  # as `protogov train` does


@dataclass(frozen=True)
class Pair:
    """A piece: one pair of learners.

    Attributes:
        market: on which they learn and are paid.
        lever: that both learn.
        objective: what they are paid, "mandate" or "profit".
        discount: for six hours.
        seed: of the training.
        hours: market hours to learn on.
        worlds: side by side.
        first, count: seeds of the tapes on which they are paid.
    """

    market: str
    lever: str
    objective: str
    discount: float
    seed: int
    hours: float
    worlds: int
    first: int
    count: int


def learning_world(lever: str, objective: str, hours: int = 336) -> WorldConfig:
    """Two equal venues, at each a governor of one lever; the others are at their defaults."""
    role = CORE[lever]
    return WorldConfig(
        size="rivals", roles={role: (lever,)}, mandates={role: objective}, autonomy=inf, episode_hours=hours
    )


@spared
def learn_pair(config: WorldConfig, job: Pair) -> Table:
    """One row per tape: what each earned [bp of K0 per episode], and its lever in the mean."""
    from protogov.agents.ppo.settings import PPOSettings
    from protogov.agents.ppo.trainer import DivergedError, Trainer, rollouts_for

    settings = PPOSettings(gamma=job.discount, critic="own", shared_parameters=False)
    with as_bad_input():
        learning = replace(config, randomise_levers=RANDOMISE_LEVERS, stagger=True)
        training = Simulator(learning, job.worlds, scenario=find_suite(job.market), seed=(job.seed + 1) * SEED_STRIDE)
        rollouts = rollouts_for(job.hours, training, settings)
        trainer = Trainer(training, settings, total_rollouts=rollouts, seed=job.seed)
    try:
        trainer.run()
    except DivergedError as error:
        raise CheckFailed(str(error)) from error
    seeds = tape_range(job.first, job.count)
    world = open_worlds(config, find_suite(job.market), seeds)
    role = CORE[job.lever]
    weights = {term.source: term.weight for term in PRESETS[job.objective][role].terms}
    earned, levers = np.zeros((2, 2, job.count))
    for _ in play(world, {agent: trainer.governor(agent) for agent in world.agents}, seeds):
        terms = world.all_terms()
        for venue in (0, 1):
            earned[venue] += sum(weight * terms[name][:, venue] for name, weight in weights.items())
            levers[venue] += world.executed(f"{role}_{venue}")[:, 0] / world.horizon
    return {"earned_0": earned[0], "earned_1": earned[1], "lever_0": levers[0], "lever_1": levers[1]}


def anchors_of(played: Played, objective: str) -> Anchors:
    """Nash and joint optimum of a game of equal venues, of one venue [bp of K0 per episode].

    Of the surface that is smoothed over the grid, as the battery of `emergence` uses it: two neighbouring cells of the
    finite game that are both equilibria by luck are one.
    """
    return ConstantGame(played.actions, played.totals[objective][0]).solved().anchors


def measure_learners(
    games: Sequence[Played], objectives: Sequence[str], discounts: Sequence[float], seeds: int, hours: float,
    worlds: int, first: int, how: Running, episode_hours: int = 336,
) -> Table:  # fmt: skip
    """One row per game, objective, discount and training seed.

    Returns:
        What a pair earned and its gain, its levers, and `refusal`, why its game has no gain; of a pair that failed no
        numbers, and `failed`, the reason.
    """
    asked, pieces = [], []
    for played in games:
        lever, tapes = played.game.levers[0], played.totals["mandate"].shape[-1]
        for objective in objectives:
            world = learning_world(lever, objective, episode_hours)
            for discount in discounts:
                for seed in range(seeds):
                    job = Pair(played.market, lever, objective, discount, seed, hours, worlds, first, tapes)
                    asked.append((played, job))
                    pieces.append(Piece(f"learn_{lever}_{played.market}_{objective}_{discount:g}", job, world))
    rows = []
    for (played, job), table in zip(
        asked, run_pieces(learn_pair, pieces[0].config or WorldConfig(), pieces, how, "pairs of learners"), strict=True
    ):
        anchors = anchors_of(played, job.objective)
        failed = str(table[FAILED][0]) if FAILED in table else ""
        names = ("earned_0", "earned_1", "lever_0", "lever_1")
        means = {name: np.nan if failed else float(table[name].mean()) for name in names}
        earned = 0.5 * (means["earned_0"] + means["earned_1"])
        refusal = anchors.refusal()
        gain = np.nan if refusal else (earned - anchors.nash) / (anchors.joint - anchors.nash)
        rows.append(
            {
                "game": job.lever, "market": job.market, "objective": job.objective, "discount": job.discount,
                "seed": job.seed, "earned": earned, "nash": anchors.nash, "joint": anchors.joint, "gain": gain,
                "lever_0": means["lever_0"], "lever_1": means["lever_1"], "refusal": refusal, "failed": failed,
            }
        )  # fmt: skip
    return columns(rows)
