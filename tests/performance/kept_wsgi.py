"""Any WSGI application, whose processes keep to a processor each as the service's do with WEB_CPU_AFFINITY.

KEPT_APPLICATION names it (module:attribute). KEPT_FAMILY is told apart from those that are served beside it.
"""

from __future__ import annotations

import os

from werkzeug.utils import import_string

from web.affinity import keep_to_one_processor

# Before the application is there, which may start threads.
keep_to_one_processor(os.environ["KEPT_FAMILY"])

app = import_string(os.environ["KEPT_APPLICATION"])
