"""From a recipe to artifacts: plan the jobs, say what they need, run them."""
