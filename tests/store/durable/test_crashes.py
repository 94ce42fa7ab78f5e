"""Durable files whose writers are really killed, run out of room or lose power."""

import functools

import pytest

from crashing import shim
from crashing.programs import run_program


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run one of the programs in `crashing` with the shim, in a folder of its own."""
    place = tmp_path_factory.mktemp("shim")
    if shim.build(place) is None:
        pytest.skip("needs Linux and a C compiler")
    return functools.partial(run_program, place)


@pytest.mark.parametrize("level", ["process", "disk"])
def test_killed_at_any_moment(run, level):
    assert run("kills", "moments", 8, 1, level)["killed"] == 8


@pytest.mark.slow
def test_killed_at_two_thousand_moments(run):
    assert run("kills", "moments", 2000, 1000, "process")["killed"] == 2000


def test_killed_at_every_call_of_a_short_story(run):
    # Each call twice: before it, and, of a write, in the middle.
    assert run("kills", "calls", 10_000, 1, "process", 5)["killed"] > 40


@pytest.mark.slow
@pytest.mark.parametrize("level", ["process", "disk"])
def test_killed_at_every_call_of_fifty_appends(run, level):
    assert run("kills", "calls", 10_000, 2, level, 50)["killed"] > 100


def test_power_cuts(run):
    assert run("power_cuts", 40, 1)["unsynced"] > 8


@pytest.mark.slow
def test_a_thousand_power_cuts(run):
    assert run("power_cuts", 1000, 50)["unsynced"] > 300


def test_a_disk_that_is_full_for_a_while(run):
    assert run("full_disks", 25, 1)["met"] > 10


@pytest.mark.slow
def test_many_disks_that_are_full_for_a_while(run):
    assert run("full_disks", 1000, 100)["met"] > 400
