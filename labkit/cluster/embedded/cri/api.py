"""The generated CRI messages, once the folder with the stubs is on sys.path."""

from __future__ import annotations

import importlib
from typing import Any

pb: Any = importlib.import_module("api_pb2")
