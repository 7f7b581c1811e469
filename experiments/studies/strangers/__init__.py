"""Test tasks among strangers: who learned elsewhere is seated beside governors that it never met.

After Melting Pot (Leibo et al. 2021; Agapiou et al. 2023).

    tasks       the table of tasks, and `make_task`: a task as an environment to train in, and as a test that scores
    playing     governors in the focal seats of tasks, tape by tape
    reference   the saved rows of the two governors that define a score of 0 and of 100
    study       `protogov study strangers`: named governors on all tasks

    task = make_task("rivals/visitor-among-cartel-v0")
    env = task.parallel_env()           # PettingZoo, the focal seats alone are agents
    task.score(mean_reward)             # 0: random governors, 100: tuned constants
"""

from protogov.experiments.studies.strangers.study import STUDY
from protogov.experiments.studies.strangers.tasks import TASKS, TestTask, make_task

__all__ = ["STUDY", "TASKS", "TestTask", "make_task"]
