"""The subcommands of `protogov`, a module each; `protogov.experiments.cli` lists them."""
