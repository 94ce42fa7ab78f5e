"""Sizes from which on files are treated otherwise, made small: so that short stories reach them."""

import raggedh5.core.room as room
import raggedh5.store.durable.durability as durability
import raggedh5.store.durable.paged_file as paged_file
import raggedh5.store.sink as sink

__all__ = ["shrink"]


def shrink(draw, journals):
    """Draw how much is logged before a checkpoint, and which chunks are left where they are."""
    room.STEP, room.PIECE = 1 << 10, 1 << 8  # so that it is made for a few chunks, too
    durability.LARGEST_JOURNAL = draw.choice(journals)
    durability.LARGEST_LED_TO = draw.choice([*journals, 1 << 26])
    sink.SMALL = draw.choice([0, 300, 1 << 16])
    paged_file.DIRECT = draw.choice([1, 1 << 16])
    paged_file.LARGEST_LATE = draw.choice([1, 20_000, 1 << 23])
