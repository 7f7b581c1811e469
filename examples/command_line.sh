#!/usr/bin/env bash
# Sizes, roles and rewards from the command line; `protogov COMMAND --help` lists all options. It writes to the current folder.
set -euo pipefail

# does this installation work? one tiny episode through every interface
protogov smoke

# every number that a governor sees
protogov features protogov/CoreRates-v0 --out features.csv | head -n 5

# a size, own roles, own rewards, a rival in the background, and everybody's payoffs on disk
protogov simulate static \
  --world.size tiny --world.venues 2 --world.episode-hours 12 \
  --world.roles curator=base_rate,slope1,slope2,optimal_utilisation quoter=half_spread,hedge_ratio \
  --world.mandates curator=reserve_income:1,lockup:-2 quoter=edge:1,hedging_cost:-1 \
  --background curator_1=pi --background risk_1=steward_var \
  --against None --record payoffs.parquet --out simulated
