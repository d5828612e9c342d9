"""Real database servers for tests: `postgres` and `mariadb`, and an empty database for one test."""
