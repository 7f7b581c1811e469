"""The page of a run, from what lies in its folder: templates hold the text, code the numbers and the figures."""
