"""Whether a gradient is right; what layers do."""
