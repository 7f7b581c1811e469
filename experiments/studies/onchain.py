"""The loss of W when policies become contracts: whole numbers compared with float32 on the same tapes.

The policies of all given governors are quantised and play together. A change of W within +-0.2 bp by two one-sided
tests counts as none; else the change is stated with its interval. The contracts then govern one whole episode: each
decision is a call in an EVM, and every lever must equal that under the integer specification.

A control says what any tiny difference does: the policies themselves with their float32 sums in another order, whose
actions differ by about 1e-7. In a crisis that alone moves W of a tape by tens of bp, for it decides who is liquidated.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
from matplotlib.figure import Figure

from protogov.agents.policies.policy import load_policy_file
from protogov.agents.policies.policy_governor import PolicyGovernor
from protogov.envs.config import WorldConfig
from protogov.envs.interfaces import Governor
from protogov.experiments.commands.export_evm import bad_contract_input
from protogov.experiments.commands.options import WorldOptions, world_of
from protogov.experiments.core.evaluation import evaluate
from protogov.experiments.core.governors import GovernorSet
from protogov.experiments.core.options import Positional
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.play import tape_seeds
from protogov.experiments.core.quantised import (
    MARGIN,
    Equivalence,
    equivalence,
    govern_by_contract,
    in_integers,
    training_markets,
    welfare_change,
    welfare_of,
)
from protogov.experiments.core.statistics import interval_columns
from protogov.experiments.core.study import Found, Judged, Study, StudyOptions, check_sizes
from protogov.experiments.core.tables import Table, columns, concatenate, records, select
from protogov.experiments.core.text import aligned, markdown, paragraph, plain, signed_span
from protogov.experiments.errors import BadInput
from protogov.experiments.figures.style import BLUE, headline, new_figure
from protogov.experiments.training.learned import find_governors

BLOCK = 128  # tapes of a piece
REORDERED = 256  # tapes of the control


@dataclass(frozen=True, kw_only=True)
class Options(StudyOptions):
    """Compare quantised policies with the policies themselves, on paired tapes, and let contracts govern one episode.

    GOVERNORS is a run's folder, a folder of policies, policy_<agent>.json files or a name of the zoo, all of which fit
    a contract (those of protogov export-evm among them). The same command resumes an interrupted run. The episode in an
    EVM needs the optional extra: pip install 'protogov[evm]'.

    Example: protogov study onchain zoo/compact --out results/onchain
    """

    governors: Annotated[tuple[Path, ...], Positional("GOVERNORS")] = ()
    """Policies to quantise; of a run, those of its first training seed."""
    scenarios: tuple[str, ...] = ()
    """Registered scenarios; by default natural and each crisis of the split train."""
    tapes: int = 1024
    """Tapes of each scenario."""
    lanes: int = 7
    """Neurons that share a multiplication, 4 to 8."""
    contract_episode: bool = True
    """Govern one episode by the contracts in an EVM."""
    world: WorldOptions = field(default_factory=WorldOptions)
    """The world; leave it unset for a run's folder, which has its own world."""


@dataclass(frozen=True)
class Block:
    """Tapes of one scenario; agents with their policies' files."""

    agents: tuple[str, ...]
    policies: tuple[str, ...]
    scenario: str
    first: int
    tapes: int
    lanes: int


def governors_of(config: WorldConfig, job: Block) -> tuple[dict[str, Governor], dict[str, Governor]]:
    """The set with its policies, and the same in whole numbers.

    Raises:
        BadInput: a policy does not fit the world or a contract.
    """
    own = GovernorSet("own", 0, dict(zip(job.agents, job.policies, strict=True))).make(config)
    with bad_contract_input():
        integers = {
            agent: in_integers(load_policy_file(Path(path)), job.lanes)
            for agent, path in zip(job.agents, job.policies, strict=True)
        }
    return own, {**own, **integers}


def play_block(config: WorldConfig, job: Block) -> Table:
    """W of each tape under both: columns scenario, tape_seed, before, after."""
    seeds = tape_seeds(job.tapes, job.first)
    named = {"scenario": np.full(job.tapes, job.scenario), "tape_seed": seeds}
    return named | welfare_change(config, job.scenario, seeds, *governors_of(config, job))


def play_reordered(config: WorldConfig, job: Block) -> Table:
    """W of each tape under the policies with their float32 sums in another order: scenario, tape_seed, reordered."""
    seeds = tape_seeds(job.tapes, job.first)
    own = dict(governors_of(config, job)[0])
    for agent, path in zip(job.agents, job.policies, strict=True):
        own[agent] = PolicyGovernor(load_policy_file(Path(path)), any_batch=True)
    named = {"scenario": np.full(job.tapes, job.scenario), "tape_seed": seeds}
    return named | {"reordered": welfare_of(evaluate(config, job.scenario, seeds, own))}


def play_contracts(config: WorldConfig, job: Block) -> Table:
    """The episode in an EVM; see `govern_by_contract`."""
    with bad_contract_input():
        return govern_by_contract(config, job.scenario, int(tape_seeds(1, job.first)[0]), governors_of(config, job)[1])


def measure(options: Options, how: Running) -> Found:
    """Play every block.

    Raises:
        BadInput: an option that cannot be played.
    """
    check_sizes(2, tapes=options.tapes)
    check_sizes(4, 8, lanes=options.lanes)
    given = find_governors(options.governors)
    if not given.sets:
        raise BadInput("GOVERNORS are missing; give a run's folder or policy_<agent>.json files")
    config, scenarios = world_of(given, options.world), options.scenarios or training_markets()
    sources = given.sets[0].sources
    agents, policies = tuple(sources), tuple(str(path) for path in sources.values())
    whole = Block(agents, policies, scenarios[0], 0, 1, options.lanes)
    governors_of(config, whole)  # refuse what does not fit before anything is played
    pieces = [
        Piece(
            f"{scenario}-{first}",
            Block(agents, policies, scenario, first, min(BLOCK, options.tapes - first), options.lanes),
        )
        for scenario in scenarios
        for first in range(0, options.tapes, BLOCK)
    ]
    tables = {}
    if options.contract_episode:  # before all tapes: without the optional extra it is refused
        tables["contract"] = run_pieces(play_contracts, config, [Piece("contract", whole)], how, "contract")[0]
    tables["welfare"] = concatenate(run_pieces(play_block, config, pieces, how, "quantised"))
    controls = [
        Piece(
            f"reordered-{scenario}",
            Block(agents, policies, scenario, 0, min(REORDERED, options.tapes), options.lanes),
        )
        for scenario in scenarios
    ]
    tables["reordered"] = concatenate(run_pieces(play_reordered, config, controls, how, "reordered"))
    tables["markets"] = market_table(tables["welfare"], tables["reordered"])
    return Found(tables, {"agents": list(agents), "lanes": options.lanes, "margin": MARGIN, "config": config.to_dict()})


def market_table(welfare: Table, reordered: Table) -> Table:
    """A row a market: W, its change with both intervals, and the standard deviation of the change over tapes.

    `scatter` is that of whole numbers, `scatter_reordered` that of the control, on the tapes of the control [bp].
    """
    rows = []
    for name in dict.fromkeys(welfare["scenario"].tolist()):
        own, other = (select(table, table["scenario"] == name) for table in (welfare, reordered))
        found, count = equivalence(own["after"] - own["before"]), len(other["tape_seed"])
        rows.append(
            {
                "scenario": name, "tapes": len(own["before"]), "welfare": float(own["before"].mean()),
                **interval_columns("change", found.change), "inner_low": found.inner.low,
                "inner_high": found.inner.high, "same": found.holds, "control_tapes": count,
                "scatter": float((own["after"] - own["before"])[:count].std(ddof=1)),
                "scatter_reordered": float((other["reordered"] - own["before"][:count]).std(ddof=1)),
            }
        )  # fmt: skip
    return columns(rows)


# ---------------------------------------------------------------------- words


def equivalences(found: Found) -> dict[str, Equivalence]:
    """Scenario -> how W changes there."""
    table = found.tables["welfare"]
    changes = table["after"] - table["before"]
    return {
        name: equivalence(changes[table["scenario"] == name], found.facts["margin"])
        for name in dict.fromkeys(table["scenario"].tolist())
    }


def rows_of(found: Found) -> list[list[str]]:
    """A head, and a row a scenario."""
    margin = found.facts["margin"]
    rows = [["market", "tapes", "W, the policy", "change of W [bp], 95%", "90%", "scatter", "control", "verdict"]]
    scatter = {row["scenario"]: row for row in records(found.tables["markets"])}
    for name, one in equivalences(found).items():
        own = select(found.tables["welfare"], found.tables["welfare"]["scenario"] == name)
        verdict = f"the same within ±{margin:g} bp" if one.holds else _loss(one)
        spans = [signed_span(one.change), signed_span(one.inner).partition(" ")[2]]
        both = [plain(scatter[name][column]) for column in ("scatter", "scatter_reordered")]
        rows.append([name, f"{one.change.n:,}", plain(float(own["before"].mean())), *spans, *both, verdict])
    return rows


def _loss(one: Equivalence) -> str:
    if one.change.excludes_zero:
        return f"{'loses' if one.change.mean < 0 else 'gains'} {abs(one.change.mean):.2f} bp"
    return "not shown to be the same"


def contract_sentence(found: Found) -> tuple[str, bool]:
    """What the episode in an EVM says, and whether every lever was equal."""
    table = found.tables.get("contract")
    if table is None:
        return "No episode was governed by the contracts (--no-contract-episode).", True
    equal = bool((table["proposed_gap"] == 0).all() and (table["executed_gap"] == 0).all())
    decisions = int(table["decision"].max()) + 1
    calls = f"{decisions} decisions, {len(table['decision'])} calls in an EVM"
    if equal:
        return f"One episode governed by the contracts, {calls}: every lever equals the specification's.", True
    first = int(np.flatnonzero((table["proposed_gap"] > 0) | (table["executed_gap"] > 0))[0])
    where = f"decision {table['decision'][first]} of {table['agent'][first]}"
    return (
        f"One episode governed by the contracts, {calls}: levers differ from the specification's from {where} on.",
        False,
    )


def judge(found: Found) -> Judged:
    """The number of markets on which W is the same; equal levers in the EVM's episode are a claim."""
    each = equivalences(found)
    same = sum(one.holds for one in each.values())
    sentence, equal = contract_sentence(found)
    headline_ = (
        f"In whole numbers the policies of {', '.join(found.facts['agents'])} are worth the same W within "
        f"±{found.facts['margin']:g} bp on {same} of {len(each)} markets."
    )
    return Judged(
        (headline_, sentence, *aligned(rows_of(found))),
        () if equal else ("levers under the contracts differ from those under the integer specification",),
    )


def draw(found: Found) -> Mapping[str, Figure]:
    """The change of W on each market with its 90% interval, and the band within which it counts as none."""
    each, margin = equivalences(found), found.facts["margin"]
    figure = new_figure(7.0, 1.4 + 0.42 * len(each))
    axes = figure.add_subplot()
    axes.axvspan(-margin, margin, color="0.9", zorder=0)
    axes.axvline(0.0, color="0.6", linewidth=0.8, zorder=1)
    for place, one in enumerate(each.values()):
        axes.plot([one.inner.low, one.inner.high], [place, place], color=BLUE, linewidth=2.0)
        axes.plot(one.change.mean, place, "o", color=BLUE)
    axes.set_yticks(range(len(each)), list(each))
    axes.set_ylim(len(each) - 0.5, -0.5)
    axes.set_xlabel(f"change of W [bp of K0], 90% interval; grey: ±{margin:g} bp")
    headline(figure, "W under policies in whole numbers, less W under the policies themselves")
    return {"welfare": figure}


def page(found: Found, judged: Judged) -> Sequence[str]:
    """The table, the episode in an EVM, and what this does not show."""
    head, *rows = rows_of(found)
    return [
        paragraph(
            "Both play the same tapes. A change of W counts as none if two one-sided tests at 5% show that it is "
            f"within ±{found.facts['margin']:g} bp: its 90% interval then lies inside. The markets are tested one by "
            "one. All policies are quantised together; W is the mean over venues, in bp of K0."
        ),
        "",
        paragraph(
            "Scatter is the standard deviation over tapes of the change of W. Control is that of another change: the "
            "policies themselves, their float32 sums added up in another order, so that actions differ by about 1e-7 "
            f"({int(np.max(found.tables['markets']['control_tapes'])):,} tapes). Where both are alike, whole numbers "
            "move a tape's W no more than a change of the last bits of an action does; a crisis then needs more tapes "
            "than these to show a margin this small."
        ),
        "", *markdown(head, rows), "", "![Change of welfare](welfare.png)", "",
        contract_sentence(found)[0], "",
        paragraph(
            "This does not show that the policy is good, that the inputs of a call are the numbers of the chain, or "
            "that a price feed can be trusted. A contract decides on a wrong one as if it were right, and its weights "
            "cannot be changed. It is not audited, and no check here replaces an audit."
        ),
    ]  # fmt: skip


STUDY = Study("onchain", "Policies in whole numbers, and as contracts", Options, measure, judge, draw, page)
