"""Commands of `protogov` that belong to no other folder, and options of several; `cli` lists all commands."""
