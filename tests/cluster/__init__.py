"""Loads whose rows are read, mapped and sent by the workers of a cluster."""
