"""Answers for maps from memory, whichever store holds the rows: the link index."""
