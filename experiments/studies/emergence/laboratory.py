"""The whole laboratory: every measure of a set of governors, every control, and what may be said after them.

`examine` plays parts in pieces, which a later call reuses, and makes a `Report` of them. A measure whose control failed
keeps its numbers and loses its words; one that could not be made here says why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.experiments.core.pieces import HERE, Piece, Running, run_pieces
from protogov.experiments.core.statistics import Interval
from protogov.experiments.core.text import number
from protogov.experiments.studies.emergence import controls, self_test
from protogov.experiments.studies.emergence.anchors import CORE
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
from protogov.experiments.studies.emergence.extraction import Task, arrays, extract, loaded, sensible
from protogov.experiments.studies.emergence.influence import Influence, InfluenceSample
from protogov.experiments.studies.emergence.measure import Control, Finding, withhold
from protogov.experiments.studies.emergence.q_learning import learn
from protogov.experiments.studies.emergence.responses import TRAINED_RUNGS, can_start_from
from protogov.experiments.studies.emergence.subjects import Subject
from protogov.experiments.studies.emergence.tiers import Tier
from protogov.experiments.studies.emergence.tree import Tree, TreeSample

UNTRAINED = "withheld: no network was trained as a best response (--train-responses), and it might gain more"
WORLDS = 512.0  # of a best response in training
MYOPIC_SESSIONS = 10


@dataclass(frozen=True)
class Setting:
    """Where governors are examined.

    Attributes:
        world: of all parts.
        calm, stress: scenarios of the two strata of forks; all else is measured on `stress`.
        crisis: scenario whose losses are attributed.
        train_responses: whether networks are trained as best responses, on `stress`, which has to be trainable then.
        response_hours: market hours of each.
        controls: whether the self-test's controls are run too.
        response_worlds: side by side while one learns.
    """

    world: WorldConfig
    calm: str = "calm"
    stress: str = "mix"
    crisis: str = "crisis-2022-06"
    train_responses: bool = False
    response_hours: float = 1e6
    controls: bool = True
    response_worlds: float = WORLDS


@dataclass(frozen=True)
class Report:
    """What was found.

    Attributes:
        findings: of all measures, claims withheld where a control failed.
        controls: all of them.
        missing: measure -> why it could not be made.
        series: what figures need beside the findings, JSON-able, by name.
        facts: subject, tier, scenarios, sizes; JSON-able.
    """

    findings: tuple[Finding, ...]
    controls: tuple[Control, ...]
    missing: Mapping[str, str]
    series: Mapping[str, Any]
    facts: Mapping[str, Any]


def examine(subject: Subject | None, setting: Setting, tier: Tier, how: Running = HERE) -> Report:
    """Measure a subject; without one only the self-test is run.

    Args:
        subject: who.
        setting: where.
        tier: how much.
        how: processes, and the folder in which finished pieces are kept.

    Raises:
        BadInput: something does not fit the world.
        CheckFailed: the books of a world do not balance, or a process died.
    """
    found = _Notes([], [], {}, {})
    if setting.controls or subject is None:
        found.controls.extend(self_test.self_test(tier.sessions))
    facts: dict[str, Any] = {"tier": tier.name, "subject": None}
    if subject is not None:
        subject = subject.first(tier.seeds)
        bench = _Bench(subject, setting, tier, how)
        for part in PARTS:
            part(bench, found)
        facts |= {
            "subject": subject.name, "training_seeds": len(subject.members) if subject.trained else 0,
            "units": "training seeds" if subject.trained else "tapes", "agents": list(bench.agents),
            "calm": setting.calm, "stress": setting.stress, "crisis": setting.crisis,
            "trained_responses": setting.train_responses, "world": setting.world.to_dict(),
        }  # fmt: skip
    kept = withhold(found.findings, found.controls)
    return Report(tuple(kept), tuple(found.controls), found.missing, found.series, facts)


@dataclass
class _Notes:
    findings: list[Finding]
    controls: list[Control]
    missing: dict[str, str]
    series: dict[str, Any]


@dataclass(frozen=True)
class _Bench:
    """Subject, setting and tier, and the way to run parts of them."""

    subject: Subject
    setting: Setting
    tier: Tier
    how: Running

    @property
    def agents(self) -> tuple[str, ...]:
        return tuple(agent.name for agent in self.setting.world.learners())

    @property
    def strata(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.setting.calm, self.setting.stress)))

    def run(self, part: str, *focuses: str, scenario: str = "", extra: tuple[float, ...] = ()) -> list[dict[str, Any]]:
        """What a part measured for every focus, on the stressed tapes unless a scenario is named."""
        where = scenario or self.setting.stress
        stratum = int(where != self.setting.calm) + 2 * int(where == self.setting.crisis)
        tasks = [Task(part, self.subject, self.tier, where, stratum, focus, extra) for focus in focuses]
        names = [f"{part}-{where}-{task.focus}".replace("|", "-") for task in tasks]
        pieces = [Piece(name, task) for name, task in zip(names, tasks, strict=True)]
        tables = run_pieces(extract, self.setting.world, pieces, self.how, f"{part} on {where}")
        return [loaded(table) for table in tables]


# ---------------------------------------------------------------------- measures


def _controls(bench: _Bench, found: _Notes) -> None:
    """With these governors in this world."""
    for made in bench.run("control", "placebo", "decoupled", "yoked"):
        found.controls.append(Control(**{**made, "guards": tuple(made["guards"])}))


def _influence(bench: _Bench, found: _Notes) -> None:
    """Every lever of everybody on every mandate, one family; on welfare, another."""
    strata = []
    for scenario in bench.strata:
        parts = [_influence_sample(data) for data in bench.run("influence", *bench.agents, scenario=scenario)]
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
    findings = measure.reduce(_outcomes_of(whole, mandates)) + measure.reduce(_outcomes_of(whole, welfare))
    names = {f" {agent}/{lever} ->": f" {agent}/{_lever_name(bench, agent, lever)} ->" for agent, lever in whole.levers}
    for one in findings:
        number_of = next(number for number in names if number in one.name)
        found.findings.append(replace(one, name=one.name.replace(number_of, names[number_of])))
    lasts = {kind: own.mean(axis=0)[:, :, -1] for kind, own in whole.effects.items()}
    found.series["influence"] = {
        "levers": [f"{agent}/{_lever_name(bench, agent, lever)}" for agent, lever in whole.levers],
        "outcomes": whole.outcomes, "window": list(whole.windows[-1]), "pushes": whole.pushes.tolist(),
        "effects": {kind: own.tolist() for kind, own in lasts.items()},
        "errors": {
            kind: (own[..., -1].std(axis=0, ddof=1) / np.sqrt(len(own))).tolist() if len(own) > 1 else []
            for kind, own in whole.effects.items()
        },
    }  # fmt: skip
    _fan(bench, found, whole)


def _fan(bench: _Bench, found: _Notes, whole: InfluenceSample) -> None:
    """The response to the push with the largest effect on another's mandate, in standard errors."""
    total = whole.effects["total"][..., -1]
    error = total.std(axis=0, ddof=1) / np.sqrt(len(total)) if len(total) > 1 else np.ones(total.shape[1:])
    score = np.abs(total.mean(axis=0)) / np.where(error > 0.0, error, np.inf)
    for place, (agent, _) in enumerate(whole.levers):
        for at, outcome in enumerate(whole.outcomes):
            if not outcome.startswith("reward/") or outcome.endswith(f"/{agent}"):
                score[place, at] = -1.0
    most, column = divmod(int(np.argmax(score)), score.shape[1])
    agent, lever = whole.levers[most]
    outcome, push = whole.outcomes[column], 2.0 * float(whole.pushes[most])
    focus = f"{agent}|{lever}|{outcome}|{push:.6g}"
    (data,) = bench.run("fan", focus)
    found.series["fan"] = {
        "lever": f"{agent}/{_lever_name(bench, agent, lever)}", "outcome": outcome, "curves": data,
        "push": push,
    }  # fmt: skip


def _lever_name(bench: _Bench, agent: str, lever: int) -> str:
    roles = {seat.name: seat.role for seat in bench.setting.world.learners()}
    return str(roles[agent].levers[lever])


def _influence_sample(data: Mapping[str, Any]) -> InfluenceSample:
    return InfluenceSample(
        [(agent, int(lever)) for agent, lever in data["levers"]], data["outcomes"],
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


def _dividends(bench: _Bench, found: _Notes) -> None:
    if len(bench.agents) > MOST or len(bench.agents) < 2:
        found.missing["dividends"] = f"{len(bench.agents)} governors; 2 to {MOST} are accepted"
        return
    (data,) = bench.run("dividends", "")
    sample = DividendSample([tuple(group) for group in data["coalitions"]], data["outcomes"], np.array(data["worth"]))
    found.findings += Dividends({}).reduce(sample)


def _ladder(bench: _Bench, found: _Notes) -> None:
    """The searched rungs, and the trained ones where they were asked for; of each agent the better one is scored."""
    measure = Exploitability(np.empty(0, np.uint64))
    best: list[ExploitabilitySample] = []
    for rung in RUNGS:
        for place, data in enumerate(bench.run("ladder", *(f"{agent}|{rung}" for agent in bench.agents))):
            one = ExploitabilitySample(
                tuple(data["agents"]), tuple(data["rungs"]), np.array(data["gains"]), np.array(data["searched"])
            )
            best = [*best, one] if len(best) <= place else [*best[:place], best[place].better(one), *best[place + 1 :]]
    if bench.setting.train_responses:
        best = [one.better(_trained(bench, agent)) for one, agent in zip(best, bench.agents, strict=True)]
    whole = ExploitabilitySample(
        bench.agents, tuple(one.rungs[0] for one in best), np.concatenate([one.gains for one in best], axis=1),
        np.concatenate([one.searched for one in best]),
    )  # fmt: skip
    findings = measure.reduce(whole)
    if not bench.setting.train_responses:
        findings = [one if one.found else replace(one, verdict=f"{one.verdict}; {UNTRAINED}") for one in findings]
    found.findings += findings
    found.series["ladder"] = {"agents": list(bench.agents), "gains": whole.gains.tolist(), "rungs": list(whole.rungs)}


def _trained(bench: _Bench, agent: str) -> ExploitabilitySample:
    """Of the trained rungs the better one on the seeds of the search; one response a training seed."""
    setting, found = bench.setting, list[ExploitabilitySample]()
    for rung in TRAINED_RUNGS:
        sources = [dict(member).get(agent, "constant") for member in bench.subject.members]
        if rung == "warm" and not all(can_start_from(source) for source in sources):
            continue
        focuses = [f"{agent}|{rung}|{member}" for member in range(len(sources))]
        data = bench.run("trained", *focuses, extra=(setting.response_hours, setting.response_worlds))
        gains = [np.array(one["gains"]) for one in data]
        column = np.array([own.mean() for own in gains]) if bench.subject.trained else gains[0]
        searched = np.array([np.mean([one["searched"] for one in data])])
        found.append(ExploitabilitySample((agent,), (rung,), column[:, None], searched))
    best = found[0]
    for one in found[1:]:
        best = best.better(one)
    return best


def _cross_play(bench: _Bench, found: _Notes) -> None:
    if not bench.subject.trained:
        found.missing["cross-play"] = "governors of one training seed, or none, have no strangers; 2 seeds are needed"
        return
    parts = bench.run("cross-play", *bench.agents)
    payoffs = np.concatenate([np.array(part["payoffs"]) for part in parts])
    sample = CrossPlaySample(bench.agents, payoffs)
    found.findings += CrossPlay().reduce(sample)
    found.series["cross-play"] = {"agents": list(bench.agents), "payoffs": payoffs.tolist()}


def _collusion(bench: _Bench, found: _Notes) -> None:
    """A pair of the same role at both venues, role by role."""
    world = bench.setting.world
    if world.venues < 2:
        found.missing["collusion"] = "one venue has no rivals; 2 are needed"
        return
    if any(world.venue_overrides):
        found.missing["collusion"] = "the venues are unlike; the anchors need venues that are alike"
        return
    roles = [role for role, lever in CORE.items() if role in world.roles and lever in world.roles[role].levers]
    if not roles:
        found.missing["collusion"] = f"no role of these venues holds {', '.join(CORE.values())}"
        return
    solved = bench.run("anchors", *roles, scenario=bench.setting.calm)
    found.series["anchors"] = dict(zip(roles, solved, strict=True))
    for role, data in zip(roles, solved, strict=True):
        anchors = Anchors(**data["anchors"])
        myopic = _myopic(np.array(data["own"]), anchors)
        refusal = anchors.refusal()
        if refusal or not bench.subject.trained:
            reason = f"withheld: {refusal}" if refusal else "withheld: sessions of 2 training seeds or more are needed"
            nothing = Interval(np.nan, np.nan, np.nan, 0)
            found.findings.append(
                Finding("collusion", f"profit gain of {role}", nothing, myopic, np.nan, np.nan, reason, False)
            )
            continue
        size, down = abs(data["deviation"] - data["joint"]), float(np.sign(data["deviation"] - data["joint"]))
        (played,) = bench.run("collusion", role, scenario=bench.setting.calm, extra=(size or 0.25, down or -1.0))
        fields = {name: None if own is None else np.array(own) for name, own in played.items()}
        sample = CollusionSample(**fields)  # type: ignore[arg-type]
        if bench.setting.train_responses:
            pair = [_trained(bench, f"{role}_{venue}").gains.mean(axis=1) for venue in range(2)]
            sample = replace(sample, retrained=np.mean(pair, axis=0))
        battery = Collusion(anchors, myopic, size or 0.25, down or -1.0)
        for one in battery.reduce(sample):
            found.findings.append(replace(one, name=f"{one.name} of {role}"))
        gain = (sample.profit - anchors.nash) / (anchors.joint - anchors.nash)
        strangers = (sample.strangers - anchors.nash) / (anchors.joint - anchors.nash)
        found.series.setdefault("gains", {})[role] = {
            "home": gain.tolist(), "strangers": strangers.tolist(), "myopic": myopic,
        }  # fmt: skip


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


def _cascades(bench: _Bench, found: _Notes) -> None:
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


PARTS = (_controls, _influence, _dividends, _ladder, _cross_play, _collusion, _cascades)


def passed_and_failed(report: Report) -> str:
    """One sentence on the controls."""
    failed = [control.name for control in report.controls if not control.passed]
    if not failed:
        return f"All {len(report.controls)} controls came out as they must."
    return f"{len(failed)} of {len(report.controls)} controls failed: {', '.join(failed)}."


def headline(report: Report) -> Iterator[str]:
    """What may be said, measure by measure, most important first."""
    yield passed_and_failed(report)
    for measure in dict.fromkeys(one.measure for one in report.findings):
        own = [one for one in report.findings if one.measure == measure]
        found = [one for one in own if one.found and one.verdict != "own effect"]
        if found:
            most = max(found, key=lambda one: abs(one.interval.z) if np.isfinite(one.interval.z) else 0.0)
            yield (
                f"{measure}: {len(found)} of {len(own)} numbers are what they claim, the clearest {most.name}, "
                f"{number(most.value)} [{number(most.interval.low)}, {number(most.interval.high)}]: {most.verdict}."
            )
        else:
            least = min(own, key=lambda one: 2.0 * one.found + np.nan_to_num(one.adjusted_p, nan=1.0))
            yield f"{measure}, {len(own)} numbers: {least.verdict}."
    for measure, reason in report.missing.items():
        yield f"{measure}: not measured: {reason}."
