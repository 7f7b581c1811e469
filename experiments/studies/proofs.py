"""One decision in three ways: by the contract, computed elsewhere with a proof, or computed elsewhere on trust.

The proof is about the integer specification's answer, which must equal the contract's. An honest proof must be
accepted; one with a changed byte, or with a public number that is off by one, must be refused. The parameters of the
proof system are made locally and are for tests only: nothing is downloaded, and no cost depends on who made them.
"""

import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Annotated

import numpy as np

from protogov.agents.onchain.extra import EZKL, VYPER
from protogov.agents.onchain.features import policy_inputs
from protogov.agents.onchain.manifest import read_manifest
from protogov.agents.onchain.quantise import integer_specification
from protogov.agents.onchain.specification import Specification
from protogov.agents.policies.policy import Policy
from protogov.envs.config import WorldConfig
from protogov.experiments.commands.export_evm import bad_contract_input
from protogov.experiments.core.options import Positional
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.study import Found, Judged, Study, StudyOptions, check_sizes, no_figure
from protogov.experiments.core.tables import Table, columns, records
from protogov.experiments.core.text import aligned, markdown, paragraph

SIZES = (32, 32, 32, 3)  # of the network that is proved if no manifest is given
LARGEST_MEMORY, LONGEST = 16e9, 600.0  # of a proof [bytes, s]
CONTRACT, PROVED, TRUSTED = "on-chain", "proved", "trusted"


@dataclass(frozen=True, kw_only=True)
class Options(StudyOptions):
    """Prove a decision of a contract's network, and compare the cost with deciding on-chain and with trust.

    MANIFEST is the manifest.json of protogov export-evm. Without it, the network is 32-32-32-3 with random weights,
    which costs about as much as a trained one. Needs two optional extras: pip install 'protogov[evm,zk]'.

    Example: protogov study proofs --out results/proofs
    """

    manifest: Annotated[Path | None, Positional("MANIFEST")] = None
    """Manifest that holds the network."""
    inputs: int = 100
    """Random inputs on which circuit, contract and specification are compared."""


@dataclass(frozen=True)
class Job:
    """A manifest's path, "" for the network of random weights, and the number of inputs."""

    manifest: str
    inputs: int


def random_specification(sizes: Sequence[int] = SIZES) -> Specification:
    """A network of He's weights from a fixed seed, in integers."""
    rng, weights = np.random.default_rng(0), {}
    for index, (inputs, outputs) in enumerate(zip(sizes, sizes[1:], strict=False)):
        spread = np.sqrt((2.0 if index < len(sizes) - 2 else 0.3) / inputs)
        weights[f"layer_{index}.weight"] = rng.normal(scale=spread, size=(outputs, inputs)).astype(np.float32)
        weights[f"layer_{index}.bias"] = rng.normal(scale=0.1, size=outputs).astype(np.float32)
    features, levers = (
        tuple(f"{kind}_{index}" for index in range(size)) for kind, size in (("x", sizes[0]), ("y", sizes[-1]))
    )
    policy = Policy("random_0", features, levers, tuple(sizes[1:-1]), "relu", None, 6.0, weights)
    return integer_specification(policy, policy_inputs(policy))


def compare(config: WorldConfig, job: Job) -> Table:
    """One row per way of deciding, with its costs and checks; the world is not used."""
    with bad_contract_input(), TemporaryDirectory() as folder:
        specification = random_specification() if not job.manifest else read_manifest(Path(job.manifest))[1]
        rows = measured(specification, job.inputs, Path(folder))
    return columns([{name: row.get(name, float("nan")) for name in rows[-1]} for row in rows])  # the last has all


def measured(specification: Specification, inputs: int, folder: Path) -> list[dict[str, object]]:
    """A row for each of trusted, on-chain, proved: its costs and equal answers; that of proofs has the forgeries."""
    from protogov.agents.onchain.compiler import compile_vyper
    from protogov.agents.onchain.machine import TRANSACTION, Deployed, calldata_gas, costly_counts, gas_report
    from protogov.agents.onchain.proof import Prover
    from protogov.agents.onchain.vyper_source import vyper_source

    most = np.array([one.largest for one in specification.inputs])
    counts = np.random.default_rng(0).integers(0, most + 1, (inputs, len(most)))
    began = perf_counter()
    expected = specification.decide(counts)
    trusted_s = (perf_counter() - began) / inputs
    code = compile_vyper(vyper_source(specification))
    contract = Deployed(code, specification)
    began = perf_counter()
    by_contract = np.array([contract.decide(row) for row in counts])
    contract_s = (perf_counter() - began) / inputs
    gas = gas_report(code, specification, [costly_counts(specification)])
    prover = Prover(specification, folder)
    by_circuit = np.array([prover.answer(row) for row in counts])
    prover.make_keys()
    proof = prover.prove(counts[0])
    holds = prover.verify(proof)
    costs = prover.costs(proof)
    width = len(most)
    stated = prover.public_numbers(proof) == (counts[0].tolist(), by_contract[0].tolist())
    answer_bytes = 32 * expected.shape[1]
    return [
        {
            "way": TRUSTED, "decide_s": trusted_s, "data_bytes": answer_bytes,
            "gas_at_most": TRANSACTION + calldata_gas(b"\xff" * answer_bytes), "equal": inputs, "inputs": inputs,
        },
        {
            "way": CONTRACT, "decide_s": contract_s, "data_bytes": gas.code_bytes,
            "gas_at_most": gas.transaction,
            "equal": int((by_contract == expected).all(axis=1).sum()), "inputs": inputs,
        },
        {
            "way": PROVED, "decide_s": costs.prove_s, "check_s": costs.verify_s, "data_bytes": costs.proof_bytes,
            "gas_at_most": float("nan"), "memory_mb": costs.memory_bytes / 1e6,
            "equal": int((by_circuit == by_contract).all(axis=1).sum()), "inputs": inputs,
            **{name: float(value) for name, value in asdict(costs).items()},
            "holds": int(holds and stated),
            "refused_byte": int(not prover.verify(prover.tampered(proof))),
            "refused_input": int(not prover.verify(prover.off_by_one(proof, 0))),
            "refused_output": int(not prover.verify(prover.off_by_one(proof, width))),
            "rows": 2**costs.log2_rows, "neurons": sum(len(layer.bias) for layer in specification.layers),
        },
    ]  # fmt: skip


def measure(options: Options, how: Running) -> Found:
    """Compare the three ways."""
    check_sizes(1, 10_000, inputs=options.inputs)
    job = Job("" if options.manifest is None else str(options.manifest), options.inputs)
    found = run_pieces(compare, WorldConfig(), [Piece("proofs", job)], how, "proofs")
    network = "-".join(map(str, SIZES)) + ", random weights" if options.manifest is None else str(options.manifest)
    machine = f"{platform.machine()}, {platform.system()}"
    return Found({"ways": found[0]}, {"network": network, "machine": machine, "ezkl": EZKL, "vyper": VYPER})


# ---------------------------------------------------------------------- words


def rows_of(found: Found) -> list[list[str]]:
    """The table of the page: a head, and a row a way."""
    rows = [["way", "one decision [s]", "to check it [s]", "memory [MB]", "data [bytes]", "gas", "equal answers"]]
    for row in records(found.tables["ways"]):
        numbers = [_few(row[name]) for name in ("decide_s", "check_s", "memory_mb")]
        sizes = [_whole(row[name]) for name in ("data_bytes", "gas_at_most")]
        rows.append([row["way"], *numbers, *sizes, f"{int(row['equal'])} of {int(row['inputs'])}"])
    return rows


def _few(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.2g}" if value < 100 else f"{value:,.0f}"


def _whole(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:,.0f}"


def judge(found: Found) -> Judged:
    """Equal answers, refused forgeries and the limits of a proof are claims."""
    ways = {row["way"]: row for row in records(found.tables["ways"])}
    proof, inputs = ways[PROVED], int(ways[PROVED]["inputs"])
    claims = {
        f"the circuit differs from the contract on {inputs - int(proof['equal'])} inputs": proof["equal"] == inputs,
        "the contract differs from the specification": ways[CONTRACT]["equal"] == inputs,
        "an honest proof was refused": proof["holds"] == 1,
        "a proof with a changed byte was accepted": proof["refused_byte"] == 1,
        "a proof with an input off by one was accepted": proof["refused_input"] == 1,
        "a proof with an output off by one was accepted": proof["refused_output"] == 1,
        f"a proof took {proof['decide_s']:.0f} s": proof["decide_s"] <= LONGEST,
        f"a proof took {proof['memory_mb']:,.0f} MB": proof["memory_mb"] * 1e6 <= LARGEST_MEMORY,
    }
    failed = tuple(claim for claim, holds in claims.items() if not holds)
    equal = f"{int(proof['equal'])} of {inputs}"
    text = (
        f"A proof of one decision takes {proof['decide_s']:.0f} s and {proof['memory_mb']:,.0f} MB, and "
        f"{proof['check_s']:.2f} s to verify; its answers equal the contract's on {equal} inputs."
    )
    return Judged((text, *aligned(rows_of(found))), failed)


def page(found: Found, judged: Judged) -> Sequence[str]:
    """The table, what was refused, what is made once, and what none of this shows."""
    head, *rows = rows_of(found)
    proof = records(found.tables["ways"])[-1]
    refused = [
        f"{what}: {'refused' if proof[name] == 1 else 'ACCEPTED'}"
        for what, name in (
            ("one byte of the proof changed", "refused_byte"),
            ("an input off by one", "refused_input"),
            ("an output off by one", "refused_output"),
        )
    ]
    return [
        paragraph(
            f"Network: {found.facts['network']}. Machine: {found.facts['machine']}. Proof system: ezkl "
            f"{found.facts['ezkl']}; compiler: vyper {found.facts['vyper']}."
        ),
        "", *markdown(head, rows), "",
        paragraph(
            "On-chain: seconds are those of a call in an EVM on this machine, data is the contract's code, and gas is "
            "that of a transaction with nothing but the call. "
            "Trusted: the answer is computed anywhere and sent to the chain; gas is that of a transaction with the "
            "answer's words, none of whose bytes is 0, without storage. Proved: data is the proof. The gas to verify "
            "it on a chain was not measured: ezkl writes its verifier in Solidity, and this project installs no "
            "compiler of Solidity. Memory is the most that the measuring process held."
        ),
        "",
        paragraph(
            f"Forgeries: {'; '.join(refused)}. Made once for a network, whose circuit has {proof['rows']:,.0f} rows: "
            f"the parameters in {proof['parameters_s']:.0f} s, and in {proof['keys_s']:.0f} s the keys of the prover "
            f"({proof['key_bytes'] / 1e6:,.0f} MB) and the verifier ({proof['verifying_key_bytes'] / 1e3:,.0f} kB)."
        ),
        "",
        paragraph(
            "The parameters were made locally and are for tests only: whoever made them can forge proofs. None of the "
            "three ways shows that the inputs are those of the chain, that a price feed is right or that the policy is "
            "good. Weights in a contract or a verifying key cannot be changed, and nobody has audited any of it."
        ),
    ]  # fmt: skip


STUDY = Study("proofs", "A decision on-chain, proved, or trusted", Options, measure, judge, no_figure, page)
