"""Names that somebody may have meant."""

from raggedh5.core.closest import MOST, closest


def test_no_more_than_asked_for_and_the_closest_first() -> None:
    assert closest("bufer_size", ["flush_seconds", "buffer_sizes", "buffer_size"], 1) == [
        "buffer_size"
    ]


def test_the_case_of_letters_does_not_matter() -> None:
    assert closest("GZIP", ["gzip", "lzf"]) == ["gzip"]


def test_nothing_is_like_it() -> None:
    assert closest("colour", ["gzip", "lzf"]) == []


def test_of_many_names_those_that_begin_or_end_alike_are_compared() -> None:
    names = [f"X{n:05d}Y" for n in range(2 * MOST)]
    assert closest("X00017Z", names)[0] == "X00017Y"
    assert closest("Q00017Q", names) == []
