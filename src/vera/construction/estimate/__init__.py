"""What a build of many clips would take, stage by stage, before anything runs: `vera data build RECIPE --plan`."""
