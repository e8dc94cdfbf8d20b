"""How good a model's edits are: measures, the cases they are taken on, and tables with their uncertainty."""
