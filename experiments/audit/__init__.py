"""What the game shows: cheaters, tuned constants, optima, worth, room, coupling, rivals, an ensemble; measured."""
