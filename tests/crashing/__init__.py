"""Writers that are killed, run out of room or lose power at a chosen system call."""
