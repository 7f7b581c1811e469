"""What a researcher runs: training, evaluation, simulation, reports, sweeps, benchmarks; the command line."""
