from typing import Any

from raggedh5.kernels.string_sink import Sink

def put_joined(sink: Sink, columns: list[list[Any]], separator: str) -> bool: ...
