"""flask-smorest with our parser and our problem documents."""

from __future__ import annotations

from typing import Any

import flask_smorest
from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from web import problems
from web.arguments import StrictParser
from web.ids import IdConverter, NameConverter
from web.openapi import document
from web.schemas import ProblemView


class Blueprint(flask_smorest.Blueprint):
    """A subject's endpoints. Their names are the keys of web.authorization.RULES."""

    ARGUMENTS_PARSER = StrictParser()

    def arguments(self, schema: Any, **options: Any) -> Any:
        # webargs would make an instance of a class for each request, which costs more than the rest of the request.
        if getattr(schema, "body_optional", False):
            options.setdefault("required", False)
        return super().arguments(schema() if isinstance(schema, type) else schema, **options)


class Api(flask_smorest.Api):
    """The API and its OpenAPI document."""

    ERROR_SCHEMA = ProblemView

    def __init__(self) -> None:
        super().__init__()
        self.document: document.Document = {}
        self._written = b""

    def init_app(self, app: Any, *, spec_kwargs: dict[str, Any] | None = None) -> None:
        app.url_map.converters |= {"id": IdConverter, "name": NameConverter}
        super().init_app(app, spec_kwargs=spec_kwargs)
        self.register_converter(IdConverter, lambda _converter: {"type": "string", "format": "uuid"})

    def publish(self, app: Flask) -> None:
        """Write the document, now that all endpoints of *app* are there."""
        self.document = document.complete(self.spec.to_dict(), app)
        self._written = document.written(self.document).encode()

    def _openapi_json(self) -> Response:
        """Give this document"""
        return Response(self._written, content_type="application/json", headers={"Cache-Control": "no-cache"})

    def handle_http_exception(self, error: HTTPException) -> Response:
        return problems.from_http_exception(error)
