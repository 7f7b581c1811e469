"""Who decides: baselines, learners and the policies they leave behind."""
