"""Tests of `loader.stores`, against real servers on loopback."""
