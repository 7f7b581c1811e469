"""Commands of `protogov` that fit no other folder, and shared options; `cli` lists all commands."""
