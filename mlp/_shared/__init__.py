"""What three or more packages share."""
