"""Reading trajectories, whatever format they are in."""
