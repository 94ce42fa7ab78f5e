"""Frames kept in the simplest way there is: lists of values and of numbers for each field."""

import numpy as np


class NaiveFrames:
    """What `FrameBuffer` and `batch_of` are held to."""

    def __init__(self, fields, first=0):
        self.fields = fields
        self.first = self.number = first
        self.values = {name: [] for name in fields}
        self.numbers = {name: [] for name in fields}
        self.lengths, self.of_ragged = [], []

    def put(self, frame):
        ragged = False
        for name, value in frame.items():
            spec = self.fields[name]
            array = np.array(value).astype(spec.dtype)
            if spec.ragged:
                array = array.reshape(-1, *spec.shape) if spec.shape == (3,) else array
                self.values[name].extend(array)
                length, ragged = len(array), True
            else:
                self.values[name].append(array.reshape(spec.shape))
                self.numbers[name].append(self.number)
        if ragged:
            self.lengths.append(length)
            self.of_ragged.append(self.number)
        self.number += 1


def check_batch(batch, naive):
    """Compare a `FrameBatch` with frames kept in lists, bit for bit."""
    count = naive.number - naive.first
    assert (batch.count, batch.stop) == (count, batch.first + count)
    if count:
        assert batch.first == naive.first
    fixed = {name for name, spec in naive.fields.items() if not spec.ragged and naive.values[name]}
    assert set(batch.rows) == fixed
    for name in fixed:
        values, numbers = batch.rows[name]
        same_bits(values, naive.values[name], naive.fields[name])
        assert numbers.tolist() == naive.numbers[name]
    ragged = {name for name, spec in naive.fields.items() if spec.ragged and naive.lengths}
    assert set(batch.items) == ragged
    for name in ragged:
        same_bits(batch.items[name], naive.values[name], naive.fields[name])
    assert batch.lengths.tolist() == naive.lengths
    assert batch.numbers.tolist() == naive.of_ragged


def same_bits(found, wanted, spec):
    expected = np.array(wanted, spec.dtype).reshape(len(wanted), *spec.shape)
    assert (found.dtype, found.shape) == (spec.dtype, expected.shape)
    assert found.tobytes() == expected.tobytes()
