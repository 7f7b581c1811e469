"""Trained governors and pricers that are shipped: a folder an entry, each with a manifest.json of how it was made.

    NAME/manifest.json                        command, seeds, market hours, scenario, commit, world, validation scores
    NAME/SEED/policy_<agent>.json             the policies of a training seed, of any number of agents and venues
    NAME/SEED/policy_<agent>.safetensors
    NAME/pricer_NAME.json, .safetensors       of an entry that is a pricer

`zoo/NAME` is the training seed with the best score on validation, `zoo/NAME-SEED` each of them: baselines by name in
every command. To add an entry, let `protogov zoo RUN --name NAME` make its folder here; nothing else names it.
"""

from protogov.agents.zoo.entries import MOST_BYTES, Entry, ZooError, entries, zoo_policies, zoo_pricer

__all__ = ["MOST_BYTES", "Entry", "ZooError", "entries", "zoo_policies", "zoo_pricer"]
