"""The bug museum: wrong code, what it looks like, and what the library says."""
