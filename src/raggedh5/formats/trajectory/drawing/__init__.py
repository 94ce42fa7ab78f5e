"""Fields of trajectories as lines of a picture."""
