"""requests-futures: each attempt is a `FuturesSession.post` in a thread of its pool."""
