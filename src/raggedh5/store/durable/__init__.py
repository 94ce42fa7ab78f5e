"""Files that survive: pages, journal, recovery, and reading while somebody writes."""
