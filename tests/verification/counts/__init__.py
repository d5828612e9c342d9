"""The vendor's own counts."""
