"""The layout that pipelines had: a view of it, and conversion to it and from it."""
