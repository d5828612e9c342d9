"""Measurements, run by hand (`make bench`) and never by the tests."""
