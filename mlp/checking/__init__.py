"""Whether a gradient is right, and what each layer does in a step."""
