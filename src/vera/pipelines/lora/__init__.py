"""LoRA for Vera: reading files of several programs and loading them into the three branches."""
