"""Crystal structures on their way out of tables."""
