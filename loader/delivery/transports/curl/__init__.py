"""libcurl: handles on a multi interface, which advance while someone waits for their answers."""
