"""Pictures of runs, as matplotlib figures: one look, readable in grey and by the colour-blind."""
