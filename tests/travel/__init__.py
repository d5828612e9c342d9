"""What travels to the workers of a cluster: sources, mappers and what they say, in a real other process."""
