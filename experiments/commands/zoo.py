"""`protogov zoo`: the trained governors and pricers that are shipped, and how what was trained becomes one of them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, Literal

from protogov.agents.zoo.entries import FORMAT, MANIFEST, MOST_BYTES, PREFIX, VERSION, entries
from protogov.experiments.core.files import write_json
from protogov.experiments.core.fresh_tapes import FIRST_VALIDATING
from protogov.experiments.core.governors import GovernorSet, baseline
from protogov.experiments.core.options import Positional
from protogov.experiments.core.statistics import interval_columns, student_t
from protogov.experiments.core.study import check_sizes
from protogov.experiments.core.text import aligned
from protogov.experiments.core.versions import now
from protogov.experiments.errors import BadInput
from protogov.experiments.outputs import OutputFolder
from protogov.experiments.training.run_config import evaluation_world
from protogov.experiments.training.validation import ValidationOptions, ValidationTapes

if TYPE_CHECKING:
    from protogov.envs.config import WorldConfig
    from protogov.experiments.commands.zoo_sources import Source

FIRST_CHOOSING = FIRST_VALIDATING + 2**20  # first tape on which the seed of an entry is chosen; no training plays these
COMPARED = ("tuned", "linear_feedback")


@dataclass(frozen=True, kw_only=True)
class Options:
    """List the trained governors and pricers that are shipped, or make an entry of a run, a learner or a cell.

    Without RUN it prints every name, which all commands take as a baseline or as governors: protogov evaluate
    --baselines zoo/headline. RUN is the folder of a run of protogov train, or the .json file of a learner of protogov
    study learning (OUT/kept) or of a cell of protogov study coexistence (OUT/policies), of one venue or two. It scores
    the policies of each training seed on the split validation, on tapes that no training plays, and writes the folder
    --name into --out: policies, and a manifest of how they were made. The seed with the best score is what the name
    stands for. A folder in agents/zoo is an entry; together they may have 2 MB. With --pricer it trains a compact
    pricer on simulated markets instead, which fits a contract.

    Example: protogov zoo results/runs/small --name small --about "what it is for" --out agents/zoo
    """

    run: Annotated[Path | None, Positional("RUN")] = None
    """Folder of a run of protogov train, or the .json file of a learner or a cell of a study."""
    name: str = ""
    """Name of the entry: small letters, digits and _."""
    about: str = ""
    """What it is, in a sentence."""
    policies: tuple[Literal["last", "best"], ...] = ("last",)
    """Of each seed: those of its latest checkpoint, the best ones of the run's validation, or the better of both."""
    seeds: tuple[int, ...] = ()
    """Training seeds that the entry holds; all by default."""
    tapes: int = 128
    """Tapes of each scenario of the split validation."""
    pricer: Literal["", "feed", "chain", "prices"] = ""
    """Train a pricer on these inputs: all, what a contract can read, or that without the pool's own vols."""
    seed: int = 0
    """Training seed of a pricer."""
    learn: int = 96
    """Tapes of each market that a pricer learns on."""
    epochs: int = 24
    """Passes of a pricer over its samples, at most."""
    out: OutputFolder | None = None
    """Folder of the entries, such as agents/zoo."""


def run(options: Options, command: str) -> int:
    """Print the table, or make an entry."""
    if options.run is None and not options.pricer:
        print("\n".join(aligned(table())))
        return 0
    place = place_of(options)
    if options.pricer:
        from protogov.experiments.commands.zoo_pricer import make_pricer

        check_sizes(2, learn=options.learn)
        check_sizes(1, epochs=options.epochs)
        make_pricer(
            options.name, options.about, command, place, inputs=options.pricer, seed=options.seed, learn=options.learn,
            tapes=options.tapes, epochs=options.epochs,
        )  # fmt: skip
    else:
        make_entry(options, command, place)
    print(place / MANIFEST)
    return 0


def place_of(options: Options) -> Path:
    """The folder of the entry that is asked for.

    Raises:
        BadInput: no or a wrong name, no folder, an entry of that name, or both a run and a pricer.
    """
    if options.out is None:
        raise BadInput("out is missing; the folder of the entries is accepted, such as agents/zoo")
    if not re.fullmatch("[a-z][a-z0-9_]*", options.name):
        raise BadInput(f"name is {options.name!r}; small letters, digits and _ are accepted, such as small")
    if options.run is not None and options.pricer:
        raise BadInput(f"pricer is {options.pricer!r} and RUN is {options.run}; one of them is accepted")
    check_sizes(2, tapes=options.tapes)
    check_sizes(1, policies=len(options.policies))
    place = options.out / options.name
    if place.exists():
        raise BadInput(f"{place}: exists; another name is accepted, or remove it first")
    return place


def table() -> list[list[str]]:
    """A head, and a row a name."""
    rows = [["name", "learned on", "market hours", "W on validation", "what it is"]]
    for entry in entries().values():
        about = entry.manifest
        named: Mapping[str, int | None] = entry.named() or {PREFIX + entry.name: None}
        for name, seed in named.items():
            score = about["validation"]["by_seed"][str(seed)] if seed is not None else about["validation"]
            gain = f"{score['mean']:+.1f} bp" if "mean" in score else "-"
            markets = about["scenario"].split("+")
            learned_on = markets[0] if len(markets) == 1 else f"{len(markets)} markets"
            rows.append([name, learned_on, f"{about['market_hours']:.3g}", gain, about["about"].partition(",")[0][:60]])
    return rows


def make_entry(options: Options, command: str, place: Path) -> None:
    """Score every seed of a source and write its entry into the folder `place`.

    Raises:
        BadInput: no such source, one without policies, or policies that are too large.
    """
    from protogov.experiments.commands.zoo_sources import read_source  # brings the studies along

    assert options.run is not None
    with TemporaryDirectory() as scratch:
        which = tuple(dict.fromkeys(options.policies))
        source = read_source(options.run, which, options.seeds, Path(scratch))
        check_bytes(options.run, source, place.parent)
        world = evaluation_world(source.world)
        tapes = ValidationTapes(world, ValidationOptions(episodes=options.tapes), FIRST_CHOOSING)
        found: dict[int, tuple[str, GovernorSet, dict[str, Any]]] = {}
        for name, sets in source.sets.items():
            for one in sets:
                print(f"scoring seed {one.training_seed}, {name}", flush=True)
                score = scored(tapes, one, world)
                held = found.get(one.training_seed)
                if held is None or score["mean"] > held[2]["mean"]:
                    found[one.training_seed] = name, one, score
        about = manifest(options, command, source, tapes, found)
        for seed, (_, one, _) in found.items():
            (place / str(seed)).mkdir(parents=True)
            for path in _files(one):
                shutil.copyfile(path, place / str(seed) / path.name)
    write_json(place / MANIFEST, about)


def scored(tapes: ValidationTapes, one: GovernorSet, world: WorldConfig) -> dict[str, Any]:
    """W of governors over that of the defaults on the tapes, JSON-able."""
    gains = tapes.gains(one.make(world))
    return interval_columns("mean", student_t(gains.by_tape)) | {"by_scenario": dict(gains.by_scenario)}


def manifest(
    options: Options,
    command: str,
    source: Source,
    tapes: ValidationTapes,
    found: Mapping[int, tuple[str, GovernorSet, dict[str, Any]]],
) -> dict[str, Any]:
    """What is known of an entry, JSON-able."""
    world = evaluation_world(source.world)
    return {
        "format": FORMAT, "version": VERSION, "name": options.name, "kind": "governors", "about": options.about,
        "source": source.what, "command": source.command, "made_by": command, "made": now(), "commit": source.commit,
        "scenario": source.scenario, "market_hours": source.market_hours,
        "seeds": sorted(found), "chosen": max(found, key=lambda seed: found[seed][2]["mean"]),
        "validation": {
            "what": "W over that of the defaults [bp of K0 an episode; of two venues, of their K0 together], the mean "
            "over the scenarios, with its 95% interval over tapes; the name without a seed stands for the best seed, "
            "so that its own score flatters it",
            "scenarios": [one.name for one in ValidationOptions().chosen()],
            "tapes": options.tapes, "first_tape": FIRST_CHOOSING,
            "by_seed": {str(seed): {"policies": found[seed][0], **found[seed][2]} for seed in sorted(found)},
            "beside": {name: scored(tapes, baseline(name, world), world) for name in COMPARED},
        },
        "world": source.world.to_dict(),
    }  # fmt: skip


def check_bytes(path: Path, source: Source, out: Path) -> None:
    """Raise BadInput if the policies of a source and the entries of a folder have too many bytes together.

    Before anything is scored: of each seed the larger of its last and best policies.
    """
    of_seed: dict[int, int] = {}
    for one in (one for sets in source.sets.values() for one in sets):
        size = sum(file.stat().st_size for file in _files(one))
        of_seed[one.training_seed] = max(size, of_seed.get(one.training_seed, 0))
    own = sum(of_seed.values())
    others = sum(
        file.stat().st_size for entry in out.glob(f"*/{MANIFEST}") for file in entry.parent.rglob("*") if file.is_file()
    )
    if own + others > MOST_BYTES:
        raise BadInput(f"{path}: its policies of {len(of_seed)} seeds have {own:,} bytes, and the entries in {out} "
                       f"{others:,}; {MOST_BYTES:,} together are accepted, so give fewer --seeds")  # fmt: skip


def _files(one: GovernorSet) -> list[Path]:
    """The policies' files of a set, with their weights."""
    return [file for path in one.sources.values() for file in (Path(path), Path(path).with_suffix(".safetensors"))]
