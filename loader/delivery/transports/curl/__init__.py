"""libcurl: handles on a multi interface, moved by whoever waits for their answers."""
