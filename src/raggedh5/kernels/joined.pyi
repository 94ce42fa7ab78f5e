from typing import Any, final

from raggedh5.kernels.string_sink import Sink
from raggedh5.kernels.strings import Putting

@final
class Joining(Putting):
    def __init__(self, sink: Sink, columns: list[list[Any]], separator: str) -> None: ...
