"""`protogov export-evm`: a policy or a pricer as a smart contract, with proved bounds and what it costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from protogov.experiments.commands.options import WorldOptions, world_of
from protogov.experiments.core.governors import GovernorSet
from protogov.experiments.core.options import Flat, Positional
from protogov.experiments.core.study import check_sizes
from protogov.experiments.errors import BadInput, as_bad_input
from protogov.experiments.outputs import OutputFolder
from protogov.experiments.training.learned import FoundGovernors, find_governors

if TYPE_CHECKING:
    from protogov.agents.onchain.inputs import ContractInput
    from protogov.agents.onchain.manifest import Contract
    from protogov.agents.policies.policy import Policy
    from protogov.experiments.training.imitation import Imitated


@dataclass(frozen=True, kw_only=True)
class Imitation:
    """How a policy that does not fit is imitated."""

    scenario: str = ""
    """Market of the tapes to learn from; held-out markets are refused. Default: that of the run, else natural."""
    rounds: int = 3
    """Rounds of tapes. The policy plays the first, its imitator the others; it learns the policy's action in each."""
    tapes: int = 256
    """Tapes of each round, at least 8."""
    judged: int = 256
    """Tapes of natural, and of each crisis of the split train, on which the loss of W is measured."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Write a policy or a pricer as a smart contract in Vyper, compile it and measure it.

    POLICY_OR_RUN is a policy's .json file, a folder of policies, a run's folder or a name of the zoo. A plain stack of
    linear layers and ReLU with at most 32 inputs fits, also around constants, and so does a compact policy, whose 32
    named features are the inputs. Any other policy is imitated by a compact one on training tapes, and the change of W
    is measured on other tapes; --no-distil refuses such a policy. Of a compact pricer (its .json file, or zoo/pricer)
    the contract computes the quantile head; all other pricers are refused. Needs the optional extra: pip install
    'protogov[evm]'.

    Writes contract.vy, runtime.hex, creation.hex, manifest.json (weights, inputs, bounds, hashes: `protogov verify`
    reads it, and as a governor it plays what the contract does), report.md (errors, gas, meaning of each input) and the
    policy of an imitator. A contract decides on a wrong price feed as if it were right, cannot be changed, and is not
    audited.

    Example: protogov export-evm results/runs/small --agent rate_0 --out results/runs/small-contract
    """

    policy: Annotated[str, Positional("POLICY_OR_RUN")]
    """A policy's file, a folder of policies, a run's folder, a pricer's file or a name of the zoo."""
    agent: str = ""
    """Agent of the policy, needed if there are several: rate_0, risk_0, options_0."""
    training_seed: int | None = None
    """Training seed of a run that has several; the first by default."""
    lanes: int = 7
    """Neurons that share a multiplication, 4 to 8: fewer are more exact, more cost less gas."""
    distil: bool = True
    """Imitate a policy that does not fit by one that does."""
    imitation: Annotated[Imitation, Flat] = field(default_factory=Imitation)
    """Tapes of the imitation."""
    world: WorldOptions = field(default_factory=WorldOptions)
    """The world of an imitation; leave it unset for a run's folder, which has its own world."""
    out: OutputFolder
    """Folder to write into."""


def run(options: Options, command: str) -> int:
    """Make the contract, write its files and print what it costs and how far it can be from the policy."""
    from protogov.agents.onchain.manifest import make_contract
    from protogov.agents.onchain.network import ExportError, plain_layers
    from protogov.agents.policies.policy import load_policy_file
    from protogov.agents.pricing.learned import load_pricer_file
    from protogov.experiments.core.files import read_json, write_json, write_text

    imitated = None
    if (path := pricer_path(options)) is not None:
        with bad_contract_input():
            contract = make_contract(load_pricer_file(path), options.lanes)
    else:
        found = find_governors([Path(options.policy)])
        path, chosen = policy_path(options, found)
        with bad_contract_input():
            policy = load_policy_file(path)
            try:
                plain_layers(policy)
            except ExportError:
                if not options.distil:
                    raise
                imitated = imitate(options, found, chosen, policy)
            contract = make_contract(policy if imitated is None else imitated.policy, options.lanes)
    about = {"command": command, "policy": path.name, "policy_weights_sha256": read_json(path)["weights_sha256"]}
    about |= {} if imitated is None else {"imitation": imitated.to_dict()}
    about |= contract.manifest()
    out = options.out
    paths = [] if imitated is None else save_policy(imitated.policy, out)
    paths += [
        write_text(out / "contract.vy", contract.source),
        write_text(out / "runtime.hex", f"0x{contract.code.runtime.hex()}\n"),
        write_text(out / "creation.hex", f"0x{contract.code.creation.hex()}\n"),
        write_json(out / "manifest.json", about),
        write_text(out / "report.md", report(contract, command, () if imitated is None else imitated.lines())),
    ]
    gas, bound = contract.gas, contract.bound
    if imitated is not None:
        print("\n".join(imitated.lines()))
    print(f"{contract.specification.agent}: {gas.code_bytes:,} bytes of code, {gas.execution:,} gas to decide")
    print(
        f"largest error seen {max(contract.seen):.1e}, proved bound {max(bound.quantised):.1e}, "
        f"of {_UNITS[contract.specification.head]}"
    )
    print("\n".join(str(path) for path in paths))
    return 0


_UNITS = {"actions": "actions within +-1", "quantiles": "quantile steps in reference deviations"}


def pricer_path(options: Options) -> Path | None:
    """The file of the pricer that the options name, None if they name none."""
    from protogov.agents.pricing.learned import FORMAT
    from protogov.agents.zoo import zoo_pricer
    from protogov.experiments.core.files import read_json

    place = Path(options.policy)
    if place.is_file() and place.suffix == ".json" and read_json(place).get("format") == FORMAT:
        return place
    return None if place.exists() else zoo_pricer(options.policy)


def imitate(options: Options, found: FoundGovernors, chosen: GovernorSet, policy: Policy) -> Imitated:
    """A compact policy in its place, with the loss of W.

    Raises:
        BadInput: a size, a scenario that is held out, or a policy that does not fit the world.
        ExportError: nothing that fits can imitate it.
        ExtraMissing: the optional extra is not installed.
    """
    from protogov.agents.onchain.distil import student_front
    from protogov.agents.onchain.extra import need
    from protogov.experiments.core.quantised import NATURAL
    from protogov.experiments.training.imitation import imitated

    student_front(policy)  # refuse before a world is made
    how = options.imitation
    check_sizes(1, rounds=how.rounds)
    check_sizes(8, tapes=how.tapes)
    check_sizes(2, judged=how.judged)
    scenario = how.scenario or (NATURAL if found.config is None else found.config.scenario)
    config = world_of(found, options.world)
    for module in ("vyper", "pyrevm"):  # of the contract: refuse before minutes of play
        need(module, "a contract")
    return imitated(
        policy, chosen, config, scenario,
        rounds=how.rounds, tapes=how.tapes, judged=how.judged, lanes=options.lanes,
    )  # fmt: skip


def save_policy(policy: Policy, folder: Path) -> list[Path]:
    """Write a policy's two files."""
    folder.mkdir(parents=True, exist_ok=True)
    return policy.save(folder)


@contextmanager
def bad_contract_input() -> Iterator[None]:
    """Around code on contracts: what cannot be used, and an extra that is not installed, become `BadInput`."""
    from protogov.agents.onchain.extra import ExtraMissing

    try:
        with as_bad_input():
            yield
    except ExtraMissing as error:
        raise BadInput(str(error)) from None


def policy_path(options: Options, found: FoundGovernors) -> tuple[Path, GovernorSet]:
    """The policy's file that the options name, and the set that it is one of.

    Raises:
        BadInput: there is none, or there are several and `agent` names none of them.
    """
    sets = found.sets
    seeds = [one.training_seed for one in sets]
    if options.training_seed is not None and options.training_seed not in seeds:
        known = ", ".join(map(str, seeds))
        raise BadInput(f"training_seed is {options.training_seed}; those with a checkpoint are {known}")
    chosen = sets[0] if options.training_seed is None else sets[seeds.index(options.training_seed)]
    sources = chosen.sources
    if not options.agent and len(sources) == 1:
        return Path(next(iter(sources.values()))), chosen
    if options.agent not in sources:
        raise BadInput(f"agent is {options.agent!r}; {options.policy} holds policies of {', '.join(sources)}")
    return Path(sources[options.agent]), chosen


def report(contract: Contract, command: str, imitation: Sequence[str] = ()) -> str:
    """The page beside the manifest: errors, gas, inputs, and the limits of a contract."""
    from protogov.agents.onchain.heads import ACTIONS, DECODING
    from protogov.agents.onchain.manifest import LIMITS

    specification, bound, gas = contract.specification, contract.bound, contract.gas
    errors = zip(specification.levers, bound.quantised, bound.rounded, bound.float32, contract.seen, strict=True)
    lines = [
        f"# {'The policy of' if specification.head == ACTIONS else 'The pricer'} {specification.agent} as a contract",
        "",
        *([*imitation, ""] if imitation else []),
        f"Outputs are whole numbers; {specification.one:,} stands for 1 (`one`). {DECODING[specification.head]}.",
        "",
        "| error of an output | proved, in real numbers | with the inputs' rounding | float32 adds | largest seen |",
        "|---|---|---|---|---|",
        *(f"| {name} | " + " | ".join(f"{number:.2e}" for number in numbers) + " |" for name, *numbers in errors),
        "",
        "| cost | |",
        "|---|---|",
        f"| code | {gas.code_bytes:,} bytes |",
        f"| deploying | {gas.deploy:,} gas |",
        f"| deciding, the call alone | {gas.execution:,} gas |",
        f"| deciding, as a transaction of its own | {gas.transaction:,} gas |",
        "",
        "An input is a count of steps from its low end, in 16 bits; out of range, the call is reverted. Where the",
        "contract normalises, a step is in the feature's own unit; elsewhere the caller computes the observation by",
        "the formula in manifest.json (`normalised_by` and `terms`).",
        "",
        "| input | sum of | normalised by | step | unit | counts | middle, an observation of 0 |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| {one.name} | {sum_of(one)} | {one.normalised_by} | {float(one.step):g} | {one.unit} "
            f"| 0 to {one.largest:,} | {one.half:,} |"
            for one in specification.inputs
        ),
        "",
        "What it does not do:",
        "",
        *(f"- {limit}" for limit in LIMITS),
        "",
        f"Made by `{command}`; check the code with `protogov verify manifest.json runtime.hex`.",
    ]
    return "\n".join(lines) + "\n"


def sum_of(one: ContractInput) -> str:
    """The terms of an input: values in their own unit where the contract normalises, else observed numbers."""
    weights = [one.value_weight(term) if one.normalised_by == "contract" else term.weight for term in one.terms]
    return " + ".join(
        term.feature if weight == 1 else f"{weight:g} {term.feature}"
        for term, weight in zip(one.terms, weights, strict=True)
    )
