"""What describes trajectories: its entries, where they are, and what values they take."""
