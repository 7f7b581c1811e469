"""What a pricer that quotes the option pool costs beside the simulation."""

from statistics import median

import numpy as np

from protogov.agents.pricing.learned import LearnedPricer, PricerFile
from protogov.agents.pricing.networks import make_network
from protogov.agents.pricing.pool_pricer import Greeks, PoolPricer
from protogov.agents.pricing.shape import make_shape
from protogov.envs.config import WorldConfig
from protogov.envs.pricer import write_anchors
from protogov.envs.simulator import Simulator
from protogov.experiments.bench.rows import Plan, Row, random_actions, timed

MOST = 0.2  # of the time of the simulation
KINDS: dict[Greeks, tuple[str, float | None]] = {
    "black-scholes": ("anchors of a compact pricer", MOST),
    "market": ("the same with greeks of its own", None),
}


def pricer_rows(plan: Plan) -> list[Row]:
    """Time of reading, inference, pricing and writing of all worlds, over the time of their decision of 6 h."""
    import torch

    torch.set_num_threads(1)
    shape = make_shape("compact", "feed")
    weights = {name: value.detach().numpy() for name, value in make_network(shape, 0).state_dict().items()}
    rows = []
    for greeks, (what, target) in KINDS.items():
        world = Simulator(WorldConfig(), plan.worlds)
        world.reset()
        actions = random_actions(world)
        pricer = PoolPricer(LearnedPricer(PricerFile("bench", shape, "oracle", weights)), greeks=greeks)
        venue = world.worlds.view(np.ndarray)["venues"][:, 0]
        ratios: list[tuple[float, float]] = []
        anchors = pricer.anchors(world)  # compiles

        def quote(pricer: PoolPricer = pricer, world: Simulator = world, venue: np.ndarray = venue) -> None:
            write_anchors(venue, pricer.anchors(world))

        world.step(next(actions))
        for _ in range(max(4 * plan.repeats, 8)):
            if world.truncated().any():
                world.reset()
            taken = next(actions)
            decided = timed(lambda world=world, taken=taken: world.step(taken))  # type: ignore[misc]
            quoted = timed(quote)
            ratios.append((quoted.wall / decided.wall, quoted.cpu / max(decided.cpu, 1e-9)))
        assert anchors.vol is not None
        rows.append(
            Row(
                what=f"{what}, {plan.worlds} worlds, over the simulation", unit="ratio of time",
                wall=median(wall for wall, _ in ratios), cpu=median(cpu for _, cpu in ratios), target=target,
                sense="at most", note="one call a decision of 6 h; off by default",
            )
        )  # fmt: skip
    return rows
