"""What people do for the data engine: tasks, their pages, and the decisions that come of them."""
