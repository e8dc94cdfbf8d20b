"""The training loop and what a run keeps: state, checkpoints, averages, schedules, logs."""
