"""Crystal structures on their way into tables."""
