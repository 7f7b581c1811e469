"""`protogov smoke`: does this installation work? A check of one minute for continuous integration."""

from dataclasses import dataclass

from protogov.experiments.outputs import OutputFile


@dataclass(frozen=True, kw_only=True)
class Options:
    """Play a tiny episode through every interface and compare it with numbers in the package; one line each.

    The exit code is 0 if all agree, 1 if one differs or breaks. It takes some seconds once the world is compiled
    (`protogov warm-up`). examples/ci.yml of the repository is a workflow that keeps the compiled code.

    Example: protogov smoke
    """

    store: OutputFile | None = None
    """Write the numbers of this installation to this JSON file instead of comparing them."""


def run(options: Options, command: str) -> int:
    """Play, compare, print."""
    from protogov.experiments.core.files import write_json
    from protogov.experiments.smoke import INTERFACES, difference, digest, golden_numbers

    wanted = {} if options.store else golden_numbers()
    width, failed = max(map(len, INTERFACES)), 0
    for interface, (episode, play) in INTERFACES.items():
        try:
            found = play()
        except Exception as error:  # if one interface breaks, the others are still checked
            wrong, shown = f"{type(error).__name__}: {' '.join(str(error).split())}", ""
        else:
            wrong = difference(found, wanted.setdefault(episode, found))
            decisions = len(next(iter(found.values())))
            shown = f"{decisions} decisions, digest {digest(found)}"
        failed += bool(wrong)
        print(f"{'FAILED' if wrong else 'ok':<6}  {interface:<{width}}  {wrong or shown}", flush=True)
    if options.store:
        print(write_json(options.store, wanted))
    return int(failed > 0)
