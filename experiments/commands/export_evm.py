"""`protogov export-evm`: a policy as a smart contract, with proved bounds and what it costs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from protogov.experiments.core.options import Positional
from protogov.experiments.errors import BadInput, as_bad_input
from protogov.experiments.outputs import OutputFolder

if TYPE_CHECKING:
    from protogov.agents.onchain.manifest import Contract


@dataclass(frozen=True, kw_only=True)
class Options:
    """Write a policy as a smart contract in Vyper, compile it and measure it.

    POLICY_OR_RUN is a policy's .json file, a folder of policies or a run's folder. A plain stack of linear layers and
    ReLU with at most 32 inputs fits; any other policy is refused, and a larger one is not distilled. Needs the optional
    extra: pip install 'protogov[evm]'.

    Writes contract.vy, runtime.hex, creation.hex, manifest.json (weights, inputs, bounds, hashes: `protogov verify`
    reads it) and report.md (errors, gas, what each input means). What is on the chain still believes a wrong price
    feed, cannot be patched, and is not audited.

    Example: protogov export-evm results/runs/small --agent rate_0 --out results/runs/small-contract
    """

    policy: Annotated[str, Positional("POLICY_OR_RUN")]
    """Where the policy lies."""
    agent: str = ""
    """Whose policy, where there are several: rate_0, risk_0, options_0."""
    training_seed: int | None = None
    """Of a run with several training seeds; the first by default."""
    lanes: int = 7
    """Neurons that share a multiplication, 4 to 8: fewer are more exact, more cost less gas."""
    out: OutputFolder
    """Folder to write into."""


def run(options: Options, command: str) -> int:
    """Make the contract, write its files and print what it costs and how far it can be from the policy."""
    from protogov.agents.onchain.manifest import make_contract
    from protogov.agents.policies.policy import load_policy_file
    from protogov.experiments.core.files import read_json, write_json, write_text

    path = policy_path(options)
    with bad_contract_input():
        policy = load_policy_file(path)
        contract = make_contract(policy, options.lanes)
    digest = read_json(path)["weights_sha256"]
    about = {"command": command, "policy": path.name, "policy_weights_sha256": digest, **contract.manifest()}
    out = options.out
    paths = [
        write_text(out / "contract.vy", contract.source),
        write_text(out / "runtime.hex", f"0x{contract.code.runtime.hex()}\n"),
        write_text(out / "creation.hex", f"0x{contract.code.creation.hex()}\n"),
        write_json(out / "manifest.json", about),
        write_text(out / "report.md", report(contract, command)),
    ]
    gas, bound = contract.gas, contract.bound
    print(f"{policy.agent}: {gas.code_bytes:,} bytes of code, {gas.execution:,} gas to decide")
    print(
        f"largest error seen {max(contract.seen):.1e}, proved bound {max(bound.quantised):.1e}, of actions within +-1"
    )
    print("\n".join(str(path) for path in paths))
    return 0


@contextmanager
def bad_contract_input() -> Iterator[None]:
    """Around code on contracts: what cannot be used, and an extra that is not installed, become `BadInput`."""
    from protogov.agents.onchain.extra import ExtraMissing

    try:
        with as_bad_input():
            yield
    except ExtraMissing as error:
        raise BadInput(str(error)) from None


def policy_path(options: Options) -> Path:
    """The policy's file that the options name.

    Raises:
        BadInput: there is none, or there are several and `agent` names none of them.
    """
    from protogov.experiments.training.learned import find_governors

    sets = find_governors([Path(options.policy)]).sets
    seeds = [one.training_seed for one in sets]
    if options.training_seed is not None and options.training_seed not in seeds:
        known = ", ".join(map(str, seeds))
        raise BadInput(f"training_seed is {options.training_seed}; those with a checkpoint are {known}")
    chosen = sets[0] if options.training_seed is None else sets[seeds.index(options.training_seed)]
    sources = chosen.sources
    if not options.agent and len(sources) == 1:
        return Path(next(iter(sources.values())))
    if options.agent not in sources:
        raise BadInput(f"agent is {options.agent!r}; {options.policy} holds policies of {', '.join(sources)}")
    return Path(sources[options.agent])


def report(contract: Contract, command: str) -> str:
    """The page beside the manifest: errors, gas, inputs, and what the contract does not do."""
    from protogov.agents.onchain.manifest import LIMITS

    specification, bound, gas = contract.specification, contract.bound, contract.gas
    errors = zip(specification.levers, bound.quantised, bound.rounded, bound.float32, contract.seen, strict=True)
    lines = [
        f"# The policy of {specification.agent} as a contract",
        "",
        f"Actions are whole numbers within +-{specification.one:,}; {specification.one:,} stands for 1.",
        "",
        "| error of an action | proved, in real numbers | with the inputs' rounding | float32 adds | largest seen |",
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
        "contract normalises, a step is in the feature's own unit; elsewhere the caller works out the observation.",
        "",
        "| input | normalised by | step | unit | counts | middle, an observation of 0 |",
        "|---|---|---|---|---|---|",
        *(
            f"| {one.name} | {one.normalised_by} | {float(one.step):g} | {one.unit} | 0 to {one.largest:,} "
            f"| {one.half:,} |"
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
