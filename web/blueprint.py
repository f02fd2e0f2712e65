"""flask-smorest with our parser and our problem documents."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any

import flask_smorest  # type: ignore[import-untyped]
from flask import Response
from werkzeug.exceptions import HTTPException

from web import problems
from web.arguments import StrictParser
from web.ids import IdConverter, NameConverter
from web.openapi import document
from web.schemas import ProblemView


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]
    """A subject's endpoints. Their names are the keys of web.authorization.RULES."""

    ARGUMENTS_PARSER = StrictParser()

    def arguments(self, schema: Any, **options: Any) -> Any:
        # webargs would make an instance of a class for each request, which costs more than the rest of the request.
        if getattr(schema, "body_optional", False):
            options.setdefault("required", False)
        return super().arguments(schema() if isinstance(schema, type) else schema, **options)

    def register_views_in_doc(self, api: Api, *arguments: Any, **options: Any) -> None:
        describe = super().register_views_in_doc
        api.describe_later(lambda: describe(api, *arguments, **options))


class Api(flask_smorest.Api):  # type: ignore[misc]
    """The API and its OpenAPI document, which is made when it is first asked for: most processes never are."""

    ERROR_SCHEMA = ProblemView

    def __init__(self) -> None:
        super().__init__()
        self._descriptions: list[Callable[[], None]] = []
        self._document: document.Document | None = None
        self._written = b""
        self._making = Lock()

    def init_app(self, app: Any, *, spec_kwargs: dict[str, Any] | None = None) -> None:
        app.url_map.converters |= {"id": IdConverter, "name": NameConverter}
        super().init_app(app, spec_kwargs=spec_kwargs)
        # It would print the document without what is described later. python -m web.openapi writes all of it.
        app.cli.commands.pop("openapi", None)
        self.register_converter(IdConverter, lambda _converter: {"type": "string", "format": "uuid"})

    def describe_later(self, describe: Callable[[], None]) -> None:
        """Have *describe* write about some endpoints when the document is made."""
        self._descriptions.append(describe)

    @property
    def document(self) -> document.Document:
        """What describes all endpoints. They have to be there by now."""
        with self._making:
            if self._document is None:
                for describe in self._descriptions:
                    describe()
                self._document = document.complete(self.spec.to_dict(), self._app)
                self._written = document.written(self._document).encode()
            return self._document

    def _openapi_json(self) -> Response:
        """Give this document"""
        _ = self.document
        return Response(self._written, content_type="application/json", headers={"Cache-Control": "no-cache"})

    def handle_http_exception(self, error: HTTPException) -> Response:
        return problems.from_http_exception(error)
