"""Training: objectives, schedule, loop."""
