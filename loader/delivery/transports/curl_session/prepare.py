"""Requests as requests prepares them, without doing again what is the same for the next one.

`Session.prepare_request` takes more than twice as long as all the rest of a request over libcurl, most of it
for the URL, for merging headers, and for cookies even if there are none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from requests import PreparedRequest
from requests.cookies import RequestsCookieJar
from requests.sessions import merge_setting
from requests.structures import CaseInsensitiveDict

if TYPE_CHECKING:
    from requests import Request, Session

_KEPT = 64


class Templates:
    """Prepared requests without body and authentication, by what they were made of."""

    def __init__(self) -> None:
        self._templates: dict[Any, PreparedRequest] = {}

    def prepare(self, session: Session, request: Request) -> PreparedRequest | None:
        """As `session.prepare_request` does; None if there is more to it than is known here."""
        if session.trust_env or session.params or request.params or session.cookies or request.cookies:
            return None
        if any(session.hooks.values()):
            return None
        template = self._template(session, request)
        prepared = PreparedRequest()
        prepared.method = template.method
        prepared.url = template.url
        prepared.headers = template.headers.copy()
        prepared._cookies = template._cookies  # type: ignore[attr-defined] # noqa: SLF001 - nothing is ever put into it
        prepared.prepare_body(request.data, request.files, request.json)
        auth = merge_setting(request.auth, session.auth)  # type: ignore[no-untyped-call]
        if auth or "@" in (prepared.url or ""):
            prepared.prepare_auth(auth, request.url or "")
        prepared.prepare_hooks(request.hooks)
        return prepared

    def _template(self, session: Session, request: Request) -> PreparedRequest:
        key = (
            request.method,
            request.url,
            tuple(session.headers.items()),
            tuple((request.headers or {}).items()),
        )
        template = self._templates.get(key)
        if template is None:
            template = PreparedRequest()
            template.prepare_method(request.method)
            template.prepare_url(request.url, {})
            headers = merge_setting(request.headers, session.headers, dict_class=CaseInsensitiveDict)  # type: ignore[no-untyped-call]
            template.prepare_headers(headers)
            template.prepare_cookies(RequestsCookieJar())
            if len(self._templates) >= _KEPT:
                self._templates.clear()
            self._templates[key] = template
        return template
