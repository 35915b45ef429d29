"""What three or more wings share: array checks, number checks, printing."""
