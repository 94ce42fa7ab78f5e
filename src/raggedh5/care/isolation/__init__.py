"""Work on suspect files in a child process: both of its ends."""
