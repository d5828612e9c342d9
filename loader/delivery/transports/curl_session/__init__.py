"""`CurlSession`: a `FuturesSession` for any requests, on libcurl."""
