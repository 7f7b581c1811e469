"""What every study shares: its shape, its pieces, its results, its statistics, its words."""
