"""Cut the power: play recorded writes again, with those after the last fsync lost or out of order.

``python -m crashing.power_cuts FOLDER STATES SEED`` prints how many states of the disk were tried
and what was wrong with which, as JSON.
"""

import json
import os
import random
import sys
from pathlib import Path

import raggedh5 as rh5
from crashing.kills import clean, examine, forked
from crashing.shim import RECORD, Shim
from crashing.sizes import shrink
from crashing.story import Story

SECTOR = 512


class Disk:
    """What is on a disk for certain, and what may be.

    Data of a file are certain after an fsync of it, names after one of their folder. What was not
    synced may have got there or not, sector by sector, in any order; names in their order.
    """

    def __init__(self):
        self.data = {}
        self.names = {}
        self.writes = {}
        self.renames = []

    def write(self, inode, address, data):
        """Write to a file."""
        self.writes.setdefault(inode, []).append((address, data))

    def truncate(self, inode, size):
        """Cut a file, or make it longer."""
        self.writes.setdefault(inode, []).append((size, None))

    def name(self, change):
        """Change names: a function of a dict of inodes by path."""
        self.renames.append(change)

    def sync(self, inode):
        """Sync a file."""
        data = self.data.setdefault(inode, bytearray())
        for address, piece in self.writes.pop(inode, ()):
            _apply(data, address, piece)

    def sync_folder(self):
        """Sync names."""
        for change in self.renames:
            change(self.names)
        self.renames = []

    def after_power_cut(self, draw):
        """Return a folder as it may be found: contents by path."""
        names = dict(self.names)
        for change in self.renames[: draw.randint(0, len(self.renames))]:
            change(names)
        style = draw.choice(["none", "all", "some", "shuffled"])
        found = {}
        for path, inode in names.items():
            data = bytearray(self.data.get(inode, b""))
            parts = [part for whole in self.writes.get(inode, ()) for part in _sectors(*whole)]
            if style == "shuffled":
                draw.shuffle(parts)
            share = {"none": 0.0, "all": 1.0}.get(style, draw.random())
            for address, piece in parts:
                if draw.random() < share:
                    _apply(data, address, piece)
            found[path] = bytes(data)
        return found


def _apply(data, address, piece):
    if piece is None:
        if address < len(data):
            del data[address:]
        else:
            data.extend(bytes(address - len(data)))
        return
    if len(data) < address:
        data.extend(bytes(address - len(data)))
    data[address : address + len(piece)] = piece


def _sectors(address, piece):
    if not piece:
        yield address, piece
        return
    at = 0
    while at < len(piece):
        size = min(SECTOR - (address + at) % SECTOR, len(piece) - at)
        yield address + at, piece[at : at + size]
        at += size


def play(log, until):
    """Return the disk after so many calls of a record, and the last step that was safe."""
    disk, safe = Disk(), 0
    for kind, arguments in log[:until]:
        if kind == "W":
            disk.write(*arguments)
        elif kind == "T":
            disk.truncate(*arguments)
        elif kind == "E":
            disk.write(*arguments, b"")
        elif kind == "S":
            disk.sync(*arguments)
        elif kind == "D":
            disk.sync_folder()
        elif kind == "A":
            safe = arguments[0]
        else:
            disk.name(_renaming(kind, arguments))
    return disk, safe


def _renaming(kind, arguments):
    def change(names):
        if kind == "N":
            names[arguments[1]] = arguments[0]
        elif kind == "R":
            names[arguments[1]] = names.pop(arguments[0], None)
        else:
            names.pop(arguments[0], None)

    return change


def read_log(path):
    """Read what the shim wrote down."""
    log = []
    with path.open("rb") as file:
        while line := file.readline():
            kind, *words = line.decode().split()
            if kind == "W":
                inode, address, size = map(int, words)
                log.append((kind, (inode, address, file.read(size))))
                file.readline()
            elif kind == "R":
                log.append((kind, (words[0], file.readline().decode().strip())))
            elif kind == "N":
                log.append((kind, (int(words[0]), words[1])))
            elif kind == "U":
                log.append((kind, (words[0],)))
            else:
                log.append((kind, tuple(map(int, words))))
    return log


def main():
    folder, states, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    shim = Shim()
    path = folder / "story.h5"
    record = folder.with_name(folder.name + ".record")
    wrong, tried, lost = [], 0, 0
    for part in range(max(states // 100, 1)):
        story = Story(seed + part)
        shrink(random.Random(part), [3000, 20000])
        child, into = forked(lambda out, s=story: tell(shim, path, s, out, record))
        os.close(into)
        _, status = os.waitpid(child, 0)
        if status:
            wrong.append([part, f"the writer ended with {status}"])
            break
        log = read_log(record)
        record.unlink()
        draw = random.Random(seed + part)
        for _ in range(min(states, 100)):
            clean(folder)
            disk, safe = play(log, draw.randint(0, len(log)))
            for name, data in disk.after_power_cut(draw).items():
                Path(name).write_bytes(data)
            tried += 1
            lost += any(disk.writes.values())
            if not path.exists() and safe:
                wrong.append([tried, "the file is gone"])
                continue
            found = examine(path, story, safe, tried) if path.exists() else None
            if found:
                wrong.append([tried, found])
        clean(folder)
    print(json.dumps({"states": tried, "unsynced": lost, "wrong": wrong}))


def tell(shim, path, story, out, record):
    """Write a story down, with what was acknowledged when."""

    shim.arm(path.parent, RECORD, log=record)
    with rh5.File(path, "w", durable="disk", chunk_bytes=story.chunk_bytes, threads=2) as file:
        story.tell(file, shim.note)
    shim.note(len(story.steps))
    shim.disarm()


if __name__ == "__main__":
    main()
