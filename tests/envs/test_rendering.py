"""Frames: their size, that they show what happened, and the course they are drawn from."""

import gymnasium as gym
import numpy as np
import pytest

from protogov.envs import Simulator, WorldConfig, parallel_env
from protogov.envs.rendering import Renderer

WHITE = 255


def stepped(simulator: Simulator, renderer: Renderer, action: float = 0.5) -> None:
    shapes = {agent: (simulator.num_worlds, simulator.action_size(agent)) for agent in simulator.agents}
    simulator.step({agent: np.full(shape, action) for agent, shape in shapes.items()})
    renderer.record()


def test_a_frame_is_an_image_and_moves_with_the_world() -> None:
    env = gym.make("protogov/Joint-v0", render_mode="rgb_array", episode_hours=48)
    env.reset(seed=0)
    frames = []
    for _ in range(3):
        frame = env.render()
        assert isinstance(frame, np.ndarray) and frame.shape == (500, 800, 3) and frame.dtype == np.uint8
        frames.append(frame)
        env.step(np.full(12, 0.8))
    kept = frames[0].copy()
    env.render()
    assert (frames[0] == kept).all()  # a frame is the caller's own
    # each of the four panels, and the headline, has changed
    for panel in (np.s_[:35], np.s_[40:240, :390], np.s_[40:240, 400:], np.s_[265:, :390], np.s_[265:, 400:]):
        assert (frames[2][panel] != frames[1][panel]).any()
        assert 0.005 < (frames[2][panel] != WHITE).any(axis=-1).mean() < 0.6  # neither blank nor full


def test_nothing_runs_over_the_edge() -> None:
    env = parallel_env(venues=2, render_mode="rgb_array", episode_hours=24, scenario="crash-heldout")
    env.reset(seed=0)
    while env.agents:
        env.step({agent: -env.action_space(agent).high for agent in env.agents})
        frame = env.render()
        assert frame is not None
        for edge in (frame[0], frame[-1], frame[:, 0], frame[:, -1]):
            assert (edge == WHITE).all()


def test_the_same_moment_gives_the_same_frame() -> None:
    env = gym.make("protogov/Rates-v0", render_mode="rgb_array", episode_hours=48)
    frames = []
    for seed in (1, 2, 1):
        env.reset(seed=seed)
        env.step(np.full(4, 0.3))
        frames.append(env.render())
    assert (frames[0] == frames[2]).all() and (frames[0] != frames[1]).any()  # type: ignore[union-attr]


def test_the_course_is_what_the_world_went_through() -> None:
    simulator = Simulator(WorldConfig(episode_hours=48), 3)
    renderer = Renderer(simulator)
    simulator.reset()
    renderer.restart()
    seen = [(simulator.feature("rate_0", "utilisation")[1], 0.0)]
    for _ in range(4):
        stepped(simulator, renderer)
        seen.append((simulator.feature("rate_0", "utilisation")[1], simulator.welfare(0)[1]))
    course = renderer.course(1)
    assert course["hour"].tolist() == [0, 6, 12, 18, 24]
    assert course["utilisation"][:, 0].tolist() == [utilisation for utilisation, _ in seen]
    assert course["welfare"][:, 0].tolist() == [welfare for _, welfare in seen]
    gap = np.log(course["pool_price"] / course["oracle_price"][:, 0])
    assert gap[-1] == pytest.approx(simulator.feature("rate_0", "pool_over_oracle")[1])


def test_unlike_oracles_are_two_lines() -> None:
    def lines(*overrides: dict[str, float]) -> int:
        simulator = Simulator(WorldConfig(size="tiny", venues=2, venue_overrides=overrides), 1)
        renderer = Renderer(simulator)
        simulator.reset()
        renderer.restart()
        for _ in range(3):
            stepped(simulator, renderer)
        renderer.frame(0)
        oracles = renderer.course(0)["oracle_price"]
        assert (oracles[-1, 0] != oracles[-1, 1]) == any(overrides)
        prices = renderer._canvas.figure.axes[0]
        assert [line.get_label() for line in prices.lines].count("oracle") == 1
        return len(prices.lines)

    assert lines({}, {"oracle_pause_hours": 1e6}) == lines() + 2  # a line and its last point


def test_each_row_has_a_course_of_its_own() -> None:
    simulator = Simulator(WorldConfig(episode_hours=48), 3)
    renderer = Renderer(simulator)
    simulator.reset()
    renderer.restart()
    for _ in range(2):
        stepped(simulator, renderer)
    middle = np.array([False, True, False])
    simulator.reset(mask=middle)
    renderer.restart(middle)
    assert [renderer.course(row)["hour"].tolist() for row in range(3)] == [[0, 6, 12], [0], [0, 6, 12]]
    assert renderer.course(1)["welfare"][0, 0] == 0.0  # not the end of the last episode
    stepped(simulator, renderer)
    others = ~middle
    simulator.reset(mask=others)
    renderer.restart(others)
    assert [renderer.course(row)["hour"].tolist() for row in range(3)] == [[0], [0, 6], [0]]
    assert len(renderer._history) == 2  # what nobody shows any more is forgotten
    assert (renderer.frame(0) != renderer.frame(1)).any()


def test_without_a_render_mode_there_is_a_warning_and_no_frame() -> None:
    single = gym.make("protogov/Rates-v0").unwrapped
    single.reset(seed=0)
    batch = gym.make_vec("protogov/Rates-v0", num_envs=2)
    batch.reset(seed=0)
    several = parallel_env()
    several.reset(seed=0)
    for env in (single, batch, several):
        with pytest.warns(UserWarning, match='render_mode="rgb_array"'):
            assert env.render() is None


def test_a_batch_has_a_frame_a_row() -> None:
    envs = gym.make_vec("protogov/Rates-v0", num_envs=2, render_mode="rgb_array", episode_hours=12)
    envs.reset(seed=0)
    for _ in range(4):  # over the end and its reset
        envs.step(np.zeros((2, 4)))
    frames = envs.render()
    assert frames is not None and len(frames) == 2 and (frames[0] != frames[1]).any()


def test_rendering_before_the_first_reset_says_so() -> None:
    with pytest.raises(RuntimeError, match=r"call reset\(\) first"):
        parallel_env(render_mode="rgb_array").render()
