"""Shared code of studies, training and bench: paths, governors, episodes, pieces, statistics, results, texts."""
