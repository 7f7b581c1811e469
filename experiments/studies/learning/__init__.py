"""Learning: what learners capture of the room between the best constants and what could be known."""
