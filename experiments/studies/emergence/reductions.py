"""Measures made of the parts that were played: one function each, which adds to the notes of a report.

To add one: a function of `Bench` and `Notes`, its name in `PARTS`, and in `AHEAD` what it plays without waiting for
another part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any

import numpy as np

from protogov.experiments.core.statistics import Interval
from protogov.experiments.core.tables import concatenate
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.emergence import controls
from protogov.experiments.studies.emergence.bench import Bench, Notes
from protogov.experiments.studies.emergence.cascades import Attribution, AttributionSample
from protogov.experiments.studies.emergence.collusion import Anchors, Collusion, CollusionSample
from protogov.experiments.studies.emergence.crisis import (
    Amplification,
    AmplificationSample,
    TurningPoint,
    TurningPointSample,
)
from protogov.experiments.studies.emergence.cross_play import CrossPlay, CrossPlaySample
from protogov.experiments.studies.emergence.dividends import MOST, Dividends, DividendSample
from protogov.experiments.studies.emergence.exploitability import RUNGS, Exploitability, ExploitabilitySample
from protogov.experiments.studies.emergence.extraction import (
    DEFAULTS,
    OURS,
    arrays,
    sensible,
)
from protogov.experiments.studies.emergence.influence import Influence, InfluenceSample
from protogov.experiments.studies.emergence.measure import Control, Finding
from protogov.experiments.studies.emergence.q_learning import learn
from protogov.experiments.studies.emergence.responses import TRAINED_RUNGS, can_start_from
from protogov.experiments.studies.emergence.tasks import Task
from protogov.experiments.studies.emergence.training_paths import path_of, path_rows
from protogov.experiments.studies.emergence.tree import Tree, TreeSample

UNTRAINED = "withheld: no network was trained as a best response (--train-responses), and it might gain more"
MYOPIC_SESSIONS = 10
FAN = 2.0  # caps of the push whose response is drawn
CONTROLS = ("placebo", "decoupled", "yoked")  # with the governors that are examined


# ---------------------------------------------------------------------- measures


def _controls(bench: Bench, found: Notes) -> None:
    """With these governors in this world."""
    for made in bench.run("control", *CONTROLS):
        found.controls.append(Control(**{**made, "guards": tuple(made["guards"])}))


def _influence(bench: Bench, found: Notes) -> None:
    """Every lever of everybody on every mandate, one family; on welfare, another."""
    strata = []
    for scenario in bench.strata:
        parts = [_influence_sample(bench, data) for data in bench.run("influence", *bench.agents, scenario=scenario)]
        joined = {kind: np.concatenate([part.effects[kind] for part in parts], axis=1) for kind in parts[0].effects}
        strata.append(
            InfluenceSample(
                [lever for part in parts for lever in part.levers], parts[0].outcomes, parts[0].windows,
                np.concatenate([part.movements for part in parts]), np.concatenate([part.pushes for part in parts]),
                joined, max(part.replay_gap for part in parts),
            )
        )  # fmt: skip
    found.controls.append(controls.replay(max(strata, key=lambda one: one.replay_gap)))
    whole = _pooled(strata, trained=bench.subject.trained)
    measure = Influence(whole.windows)
    mandates = sensible(whole.outcomes)
    welfare = [place for place in range(len(whole.outcomes)) if place not in mandates]
    found.findings += measure.reduce(_outcomes_of(whole, mandates)) + measure.reduce(_outcomes_of(whole, welfare))
    found.series["influence"] = {
        "levers": [f"{agent}/{lever}" for agent, lever in whole.levers],
        "outcomes": whole.outcomes, "window": list(whole.windows[-1]),
    }  # fmt: skip
    _fan(bench, found, strata)


def _fan(bench: Bench, found: Notes, strata: Sequence[InfluenceSample]) -> None:
    """The response to the push with the clearest effect on another's mandate, on the tapes where that is."""
    scores = [_clearness(sample) for sample in strata]
    stratum = max(range(len(scores)), key=lambda place: scores[place].max())
    sample, scenario = strata[stratum], bench.strata[stratum]
    most, column = divmod(int(np.argmax(scores[stratum])), scores[stratum].shape[1])
    agent, lever = sample.levers[most]
    outcome = sample.outcomes[column]
    focus = f"{agent}|{bench.levers(agent).index(str(lever))}|{outcome}|{FAN:g}"
    (curves,) = bench.run("fan", focus, scenario=scenario)
    found.series["fan"] = {
        "lever": f"{agent}/{lever}",
        "outcome": outcome,
        "curves": curves,
        "caps": FAN,
        "scenario": scenario,
    }


def _clearness(sample: InfluenceSample) -> Any:
    """|mean| / standard error of total effects on others' mandates in the longest window; -1 of all others, F64[L, V].

    Without an error, of a single unit, the size of the mean.
    """
    total = sample.effects["total"][..., -1]
    error = total.std(axis=0, ddof=1) / np.sqrt(len(total)) if len(total) > 1 else np.ones(total.shape[1:])
    score = np.abs(total.mean(axis=0)) / np.where(error > 0.0, error, np.inf)
    for place, (agent, _) in enumerate(sample.levers):
        for at, outcome in enumerate(sample.outcomes):
            if not outcome.startswith("mandate/") or outcome.endswith(f"/{agent}"):
                score[place, at] = -1.0
    return score


def _influence_sample(bench: Bench, data: Mapping[str, Any]) -> InfluenceSample:
    """Of one agent, with the names of its levers."""
    return InfluenceSample(
        [(agent, bench.levers(agent)[lever]) for agent, lever in data["levers"]], data["outcomes"],
        tuple((int(first), int(last)) for first, last in data["windows"]), np.array(data["movements"]),
        np.array(data["pushes"]), arrays(data["effects"]), data["replay_gap"],
    )  # fmt: skip


def _pooled(strata: Sequence[InfluenceSample], *, trained: bool) -> InfluenceSample:
    """Both strata: of each training seed their mean; tapes are units of their own."""

    def join(own: list[Any]) -> Any:
        return np.mean(own, axis=0) if trained else np.concatenate(own)

    effects = {kind: join([one.effects[kind] for one in strata]) for kind in strata[0].effects}
    return replace(strata[0], effects=effects, pushes=np.mean([one.pushes for one in strata], axis=0))


def _outcomes_of(sample: InfluenceSample, places: Sequence[int]) -> InfluenceSample:
    effects = {kind: own[:, :, list(places)] for kind, own in sample.effects.items()}
    return replace(sample, outcomes=[sample.outcomes[place] for place in places], effects=effects)


def _dividends(bench: Bench, found: Notes) -> None:
    if len(bench.agents) > MOST or len(bench.agents) < 2:
        found.missing["dividends"] = f"{len(bench.agents)} governors; 2 to {MOST} are accepted"
        return
    (data,) = bench.run("dividends", "")
    sample = DividendSample([tuple(group) for group in data["coalitions"]], data["outcomes"], np.array(data["worth"]))
    found.findings += Dividends({}).reduce(sample)


def _ladder(bench: Bench, found: Notes) -> None:
    """The searched rungs, and the trained ones if the setting has them; of each agent the better one is scored."""
    nothing = np.empty(0, np.uint64)
    measure = Exploitability(nothing, nothing)
    rungs: dict[str, list[ExploitabilitySample]] = {agent: [] for agent in bench.agents}
    for rung in RUNGS:
        focuses = (f"{agent}|{rung}" for agent in bench.agents)
        for agent, data in zip(bench.agents, bench.run("ladder", *focuses), strict=True):
            fields = (np.array(data[name]) for name in ("rungs", "gains", "chosen"))
            rungs[agent].append(ExploitabilitySample(tuple(data["agents"]), *fields))
    if bench.setting.train_responses:
        for agent in bench.agents:
            rungs[agent].append(_trained(bench, agent, bench.setting.stress))
    best = [reduce(ExploitabilitySample.better, own) for own in rungs.values()]
    parts = ([getattr(one, name) for one in best] for name in ("rungs", "gains", "chosen"))
    whole = ExploitabilitySample(bench.agents, *(np.concatenate(part, axis=1) for part in parts))
    findings = measure.reduce(whole)
    if not bench.setting.train_responses:
        findings = [one if one.found else replace(one, verdict=f"{one.verdict}; {UNTRAINED}") for one in findings]
    found.findings += findings
    words = [whole.rungs_of(agent) for agent in bench.agents]
    found.series["ladder"] = {"agents": list(bench.agents), "gains": whole.gains.tolist(), "rungs": words}


def _trained(bench: Bench, agent: str, scenario: str) -> ExploitabilitySample:
    """Of the rungs that are trained and scored on a scenario the better one; one response a training seed."""
    setting, found = bench.setting, list[ExploitabilitySample]()
    for rung in TRAINED_RUNGS:
        sources = [dict(member).get(agent, "constant") for member in bench.subject.members]
        if rung == "warm" and not all(can_start_from(source) for source in sources):
            continue
        focuses = [f"{agent}|{rung}|{member}" for member in range(len(sources))]
        sizes = (setting.response_hours, setting.response_worlds)
        data = bench.run("trained", *focuses, scenario=scenario, extra=sizes)
        gains = [np.array(one["gains"]) for one in data]
        column = np.array([own.mean() for own in gains]) if bench.subject.trained else gains[0]
        chosen = np.array([[one["chosen"]] for one in data])
        found.append(ExploitabilitySample((agent,), np.full(chosen.shape, rung), column[:, None], chosen))
    return reduce(ExploitabilitySample.better, found)


def _cross_play(bench: Bench, found: Notes) -> None:
    if not bench.subject.trained:
        found.missing["cross-play"] = "governors of one training seed, or none, have no strangers; 2 seeds are needed"
        return
    parts = bench.run("cross-play", *bench.agents)
    payoffs = np.concatenate([np.array(part["payoffs"]) for part in parts])
    sample = CrossPlaySample(bench.agents, payoffs)
    found.findings += CrossPlay().reduce(sample)
    found.series["cross-play"] = {"agents": list(bench.agents), "payoffs": payoffs.tolist()}


def _collusion(bench: Bench, found: Notes) -> None:
    """A pair of the same role at both venues, role by role."""
    roles, reason = bench.rivals()
    if not roles:
        found.missing["collusion"] = reason
        return
    solved = bench.run("anchors", *roles, scenario=bench.setting.calm)
    found.series["anchors"] = dict(zip(roles, solved, strict=True))
    for role, data in zip(roles, solved, strict=True):
        anchors, own = Anchors(**data["anchors"]), np.array(data["units"])
        myopic = _myopic(np.array(data["own"]), anchors)
        refusal = anchors.refusal()
        if refusal or not bench.subject.trained:
            reason = f"withheld: {refusal}" if refusal else "withheld: sessions of 2 training seeds or more are needed"
            nothing = Interval(np.nan, np.nan, np.nan, 0)
            found.findings.append(
                Finding("collusion", f"profit gain of {role}", nothing, myopic, np.nan, np.nan, reason, False)
            )
            continue
        size, down = data["push"]
        (played,) = bench.run("collusion", role, scenario=bench.setting.calm, extra=(size, down))
        fields = {name: None if own is None else np.array(own) for name, own in played.items()}
        sample = CollusionSample(**{**fields, "nash": own[:, 0], "joint": own[:, 1]})  # type: ignore[arg-type]
        if bench.setting.train_responses:
            seats = (f"{role}_{venue}" for venue in range(2))
            pair = [_trained(bench, seat, bench.setting.calm).gains.mean(axis=1) for seat in seats]
            sample = replace(sample, retrained=np.mean(pair, axis=0))
        battery = Collusion(anchors, myopic, size, down)
        for one in battery.reduce(sample):
            found.findings.append(replace(one, name=f"{one.name} of {role}"))
        gains = {
            name: battery.gains(sample, own).tolist()
            for name, own in (("home", sample.profit), ("strangers", sample.strangers))
        }
        found.series.setdefault("gains", {})[role] = {**gains, "myopic": myopic}


def _myopic(table: Any, anchors: Anchors) -> float:
    """Profit gain of myopic Q-learners in the game of constants; nothing where it has no index."""
    if anchors.refusal():
        return float("nan")
    gains = []
    for seed in range(MYOPIC_SESSIONS):
        session = learn(table, np.arange(len(table), dtype=np.float64), seed, 0.0)
        at = session.settled()
        mean = 0.5 * (table[at[0], at[1]] + table[at[1], at[0]])
        gains.append((mean - anchors.nash) / (anchors.joint - anchors.nash))
    return float(np.mean(gains))


def _cascades(bench: Bench, found: Notes) -> None:
    crisis = bench.setting.crisis
    (data,) = bench.run("attribution", "", scenario=crisis)
    sample = AttributionSample(tuple(data["agents"]), data["outcomes"], np.array(data["contributions"]))
    found.findings += Attribution({}).reduce(sample)
    (data,) = bench.run("cascade", "", scenario=crisis)
    own = data["amplification"]
    loud, quiet = np.array(own["loud"]), np.array(own["quiet"])
    found.findings += Amplification().reduce(AmplificationSample(own["outcome"], loud, quiet))
    if data["none"]:
        found.missing["tree"] = data["none"]
    else:
        tree = TreeSample.from_json(data["tree"])
        found.findings += Tree().reduce(tree)
        found.series["tree"] = tree.worst_episode()
    (data,) = bench.run("turning-point", "", scenario=crisis)
    if data.pop("none"):
        found.missing["turning-point"] = "no bad debt in any episode of the crisis; there is nothing to avert"
        return
    settings = data.pop("settings")
    point = TurningPointSample(**{name: np.array(own) for name, own in data.items()}, settings=settings)
    found.findings += TurningPoint(settings=bench.tier.settings).reduce(point)


def _training(bench: Bench, found: Notes) -> None:
    """Where policies went while they learned."""
    try:
        checkpoints = bench.checkpoints()
    except BadInput as error:
        found.missing["training"] = str(error)
        return
    rows, winding = list[dict[str, Any]](), list[float]()
    for seed, places in checkpoints.items():
        probed = bench.run_tasks([task for _, task in places])
        path = path_of(np.array([data["action"] for data in probed]))
        rows += path_rows(seed, [hours for hours, _ in places], path)
        winding.append(path.p)
    found.series["training"] = {"rows": rows, "winding": winding}


def _episodes(bench: Bench, found: Notes) -> None:
    """Everybody's payoffs, episode by episode, beside those of the defaults on the same tapes."""
    played = [bench.run("episodes", OURS, DEFAULTS, scenario=scenario) for scenario in bench.scenarios]
    parts = [{name: np.array(own) for name, own in one.items()} for pair in played for one in pair]
    found.episodes.update(concatenate(parts))


# ---------------------------------------------------------------------- what each plays


def _nothing(bench: Bench) -> list[Task]:
    return []


def _pushes(bench: Bench) -> list[Task]:
    return [task for scenario in bench.strata for task in bench.tasks("influence", *bench.agents, scenario=scenario)]


def _coalitions(bench: Bench) -> list[Task]:
    return bench.tasks("dividends", "") if 2 <= len(bench.agents) <= MOST else []


def _rungs(bench: Bench) -> list[Task]:
    return bench.tasks("ladder", *(f"{agent}|{rung}" for rung in RUNGS for agent in bench.agents))


def _swaps(bench: Bench) -> list[Task]:
    return bench.tasks("cross-play", *bench.agents) if bench.subject.trained else []


def _games(bench: Bench) -> list[Task]:
    return bench.tasks("anchors", *bench.rivals()[0], scenario=bench.setting.calm)


def _probes(bench: Bench) -> list[Task]:
    try:
        return [task for places in bench.checkpoints().values() for _, task in places]
    except BadInput:
        return []


def _crises(bench: Bench) -> list[Task]:
    parts = ("attribution", "cascade", "turning-point")
    return [task for part in parts for task in bench.tasks(part, "", scenario=bench.setting.crisis)]


def _recorded(bench: Bench) -> list[Task]:
    return [task for scenario in bench.scenarios for task in bench.tasks("episodes", OURS, DEFAULTS, scenario=scenario)]


PARTS: tuple[Callable[[Bench, Notes], None], ...] = (
    _controls, _influence, _dividends, _ladder, _cross_play, _collusion, _cascades, _training, _episodes,
)  # fmt: skip
AHEAD: Mapping[Callable[[Bench, Notes], None], Callable[[Bench], list[Task]]] = {
    _controls: lambda bench: bench.tasks("control", *CONTROLS), _influence: _pushes, _dividends: _coalitions,
    _ladder: _rungs, _cross_play: _swaps, _collusion: _games, _cascades: _crises,
    _training: _probes, _episodes: _recorded,
}  # fmt: skip


def ahead(bench: Bench, parts: Sequence[Callable[[Bench, Notes], None]]) -> list[Task]:
    """All that these parts will ask for and that depends on no other part."""
    return [task for part in parts for task in AHEAD.get(part, _nothing)(bench)]
