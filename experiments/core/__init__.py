"""What studies, training and bench share: paths, governors, episodes, pieces, statistics, results, words."""
