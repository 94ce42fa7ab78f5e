"""Objects of files on their way into others, stored chunks as they are wherever that can be."""
