"""What three or more packages share: checks, sums, walking, printing."""
