"""Exports of what landed."""
