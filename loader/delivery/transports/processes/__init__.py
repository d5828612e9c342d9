"""Other processes put the requests on the wire, so that a load can use more than one core."""
