"""What a researcher runs: training, evaluation, reports, benchmarks and the command line."""
