"""Check gradients, and diagnose what layers do.

gradients.py compares the gradients of a net or a layer with differences,
and names the mistake in a wrong one. diagnosis.py finds out why a net does
not learn. Read gradients.py first.
"""
