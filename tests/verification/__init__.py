"""Whether what landed is what was sent."""
