"""The version of the package, apart from it so that every room can say it without an arrow upward."""

__version__ = "0.1.0"
