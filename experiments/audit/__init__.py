"""Does the game hold: no cheater gains, no term drowns the others, there is room to adapt, and optima are coupled."""
