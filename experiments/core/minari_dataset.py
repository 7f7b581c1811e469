"""Logs as a Minari dataset (https://minari.farama.org). `pip install 'protogov[offline]'` installs the library.

Datasets use Minari's Arrow format. It needs only pyarrow, which is installed anyway, and an info keeps its flat name,
`infos["terms/churn"]`.
"""

import os
import shutil
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import gymnasium as gym

from protogov.experiments.core.logs import Log
from protogov.experiments.errors import BadInput

ROOT = "MINARI_DATASETS_PATH"  # the variable that Minari reads


def minari() -> Any:
    """The library.

    Raises:
        BadInput: it is not installed.
    """
    try:
        return import_module("minari")
    except ImportError:
        raise BadInput("minari is not installed; pip install 'protogov[offline]' brings it") from None


def check_name(name: str, root: Path | None) -> Path:
    """The folder of a new dataset with this name.

    Raises:
        BadInput: Minari does not accept the name, or there is such a dataset.
    """
    library = minari()
    try:
        library.dataset.minari_dataset.parse_dataset_id(name)
    except (ValueError, TypeError):  # TypeError: a name without a version
        raise BadInput(f"name is {name!r}; a name such as protogov/rates-logs-v0 is accepted") from None
    with datasets_in(root):
        place: Path = import_module("minari.storage.datasets_root_dir").get_dataset_path(name)
    if place.exists():
        raise BadInput(f"{place}: there is a dataset of that name; give another name or version, or delete it")
    return place


@contextmanager
def datasets_in(root: Path | None) -> Iterator[None]:
    """Let Minari keep its datasets in this folder; None: in its usual folder."""
    before = os.environ.get(ROOT)
    place = root if root is not None else Path(before) if before else None
    if place is not None:
        os.environ[ROOT] = str(place.absolute())  # its Arrow storage does not work with a relative path
    try:
        yield
    finally:
        if before is not None:
            os.environ[ROOT] = before
        else:
            os.environ.pop(ROOT, None)


def write_dataset(
    name: str, root: Path | None, env: gym.Env[Any, Any], logs: Iterable[tuple[str, Log]], about: Mapping[str, Any]
) -> Path:
    """Write episodes as a dataset, whole or not at all.

    Args:
        name: name of the dataset, `namespace/name-v0`.
        root: folder of all datasets; None for Minari's own.
        env: the environment, made by `gym.make`; `recover_environment` makes it again from its spec.
        logs: (name of the governor, episode) in the order in which they are stored.
        about: JSON-able facts, stored under "protogov" in the metadata of the dataset.

    Returns:
        The dataset's folder.

    Raises:
        BadInput: as `check_name`.
    """
    library, place = minari(), check_name(name, root)
    buffer_of = import_module("minari.data_collector").EpisodeBuffer
    buffers: list[Any] = []
    governors: list[str] = []
    for governor, log in logs:
        steps = len(log.rewards)
        buffers.append(
            buffer_of(
                id=len(buffers), seed=log.seed, observations=log.observations, actions=log.actions,
                rewards=log.rewards.tolist(), terminations=[False] * steps,
                truncations=[False] * (steps - 1) + [True],
                infos={key: values.tolist() for key, values in log.infos.items()},
            )
        )  # fmt: skip
        governors.append(governor)
    try:
        with datasets_in(root), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # it warns that no email address is given
            dataset = library.create_dataset_from_buffers(
                name, buffers, env=env, eval_env=env, algorithm_name=", ".join(dict.fromkeys(governors)),
                author="protogov", code_permalink=f"protogov {about['versions']['commit']}",
                description=str(about["command"]), data_format="arrow",
            )  # fmt: skip
        dataset.storage.update_episode_metadata([{"governor": governor} for governor in governors])
        dataset.storage.update_metadata({"protogov": dict(about)})
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise
    return place
