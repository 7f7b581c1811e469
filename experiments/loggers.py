"""Payoffs as curves, from any loop: every governor's reward and terms, levers in force, W of every venue.

    logger = TensorBoardLogger("runs/mine").attach(env)  # or WandbLogger(project="mine", mode="offline")
    ...                                                  # any loop or learner
    logger.close()

Values are means over the rows of a batch and over `every` decisions. The step of a curve counts decisions of all rows,
like the time steps of stable-baselines3.
"""

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.envs.callbacks import simulator_of
from protogov.envs.simulator import Simulator
from protogov.experiments.errors import BadInput


class PayoffLogger:
    """Averages the values of decisions and passes them to `write`, which a subclass defines."""

    def __init__(self, every: int = 1) -> None:
        """`every`: decisions that are averaged.

        Raises:
            BadInput: it is not a whole number from 1.
        """
        if isinstance(every, bool) or not isinstance(every, int) or every < 1:
            raise BadInput(f"every is {every!r}; a whole number from 1 is accepted")
        self.every, self.steps = every, 0
        self._simulator: Simulator | None = None
        self._sums: dict[str, float] = {}
        self._rows, self._decisions = 0, 0

    def attach(self, env: Any) -> "PayoffLogger":
        """Log every decision of `env` from now on: an environment of protogov, wrapped or not, or a `Simulator`.

        Raises:
            TypeError: `env` has no single simulator below it.
            ValueError: this logger is already attached.
        """
        if self._simulator is not None:
            raise ValueError("the logger is already attached; it logs one batch of worlds.")
        self._simulator = simulator_of(env)
        self._simulator.callbacks.append(self)
        return self

    def __enter__(self) -> "PayoffLogger":
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def before(self, simulator: Simulator, playing: NDArray[np.bool_]) -> None:
        """Do nothing: the logged values come after the decision."""

    def after(self, simulator: Simulator, playing: NDArray[np.bool_]) -> None:
        """Add the decision of the rows that played it; write after `every` decisions."""
        for name, values in payoffs(simulator).items():
            self._sums[name] = self._sums.get(name, 0.0) + float(values[playing].sum())
        self._rows += int(playing.sum())
        self.steps += int(playing.sum())
        self._decisions += 1
        if self._decisions >= self.every:
            self._write_means()

    def close(self) -> None:
        """Write the remaining values and detach."""
        if self._simulator is not None:
            self._simulator.callbacks.remove(self)
            self._simulator = None
            self._write_means()

    def _write_means(self) -> None:
        if self._rows:
            self.write({name: value / self._rows for name, value in self._sums.items()}, self.steps)
        self._sums, self._rows, self._decisions = {}, 0, 0

    def write(self, values: dict[str, float], step: int) -> None:
        """Write the means of some decisions."""
        raise NotImplementedError


class TensorBoardLogger(PayoffLogger):
    """Writes an event file for TensorBoard."""

    def __init__(self, folder: str | Path, every: int = 1) -> None:
        """`folder` of the file, made if missing; `every`: decisions that are averaged."""
        from protogov.agents.ppo.tensorboard_files import TensorBoardFile

        super().__init__(every)
        self._file = TensorBoardFile(Path(folder))

    def write(self, values: dict[str, float], step: int) -> None:
        """Write the means of some decisions.

        Raises:
            OSError: names the file.
        """
        self._file.write(values, {}, step)


class WandbLogger(PayoffLogger):
    """Logs into a run of Weights & Biases, which is not installed with protogov."""

    def __init__(self, run: Any = None, every: int = 1, **init: Any) -> None:
        """Log into `run`, or into a new run that `wandb.init(**init)` starts and `close` ends.

        Args:
            run: of wandb.
            every: decisions that are averaged.
            init: for `wandb.init`, for example `project="mine", mode="offline"`.

        Raises:
            BadInput: wandb is not installed.
        """
        super().__init__(every)
        self._own = run is None
        if run is None:
            try:
                wandb = import_module("wandb")  # optional, therefore not a requirement
            except ImportError:
                raise BadInput("wandb is not installed; install it with pip install wandb") from None
            run = wandb.init(**init)
        self.run = run

    def write(self, values: dict[str, float], step: int) -> None:
        """Log the means of some decisions."""
        self.run.log(values, step=step)

    def close(self) -> None:
        """Write the remaining values; end the run if this logger started it."""
        super().close()
        if self._own:
            self.run.finish()
            self._own = False


def payoffs(simulator: Simulator) -> dict[str, NDArray[np.float64]]:
    """Values of the last decision, float64 [n] each: rewards, terms, levers in force, W of every venue."""
    values: dict[str, NDArray[np.float64]] = {}
    for agent, place in simulator.places.items():
        values[f"{agent}/reward"] = simulator.rewards(agent)
        terms, executed = simulator.terms(agent), simulator.executed(agent)
        values |= {f"{agent}/terms/{term.name}": terms[:, i] for i, term in enumerate(place.role.terms)}
        values |= {f"{agent}/executed/{lever}": executed[:, i] for i, lever in enumerate(place.role.levers)}
    for venue in range(simulator.config.venues):
        values[f"venue_{venue}/welfare"] = simulator.welfare(venue)
    return values
