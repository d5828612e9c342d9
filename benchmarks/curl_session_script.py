"""The script with requests-futures once more, with nothing changed but the session."""

from __future__ import annotations

from benchmarks.requests_futures_script import main
from loader.delivery.transports.curl_session.session import CurlSession

if __name__ == "__main__":
    main(CurlSession)
