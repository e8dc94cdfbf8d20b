"""What a run will take, told from its recipe: memory, arithmetic and time."""
