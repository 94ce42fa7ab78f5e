"""How a file is closed: what was appended is brought to it first, or it is given up."""

import contextlib
from pathlib import Path

from raggedh5.core.signals import deferred_signals
from raggedh5.errors import WriteError
from raggedh5.store.handle import Handle
from raggedh5.store.links import Links
from raggedh5.store.opened import Opened
from raggedh5.store.superblock import reach_stated_end

__all__ = ["abandon", "close", "flush"]


def flush(handle: Handle, links: Links) -> None:
    """Bring everything that was appended to the file, and to those that links lead to.

    Raises
    ------
    WriteError
        If one cannot be written.
    """
    for each in (handle, *links.others()):
        each.bring()


def close(handle: Handle, opened: Opened, links: Links) -> None:
    """Flush and close; see `raggedh5.File.close`.

    Raises
    ------
    WriteError
        If the file cannot be written. It is closed nevertheless.
    """
    if not handle.is_open:
        handle.release()
        return
    unfinished = _last_steps(handle)
    # What another thread appends comes before, or is refused.
    with handle.lock, deferred_signals:
        handle.check_between_appends()
        try:
            handle.conclude()
            flush(handle, links)
            if opened.safety is not None:
                opened.safety.checkpoint()
        except BaseException:
            abandon(handle, opened, links)
            raise
        links.release()
        handle.release()
        if handle.adopted:
            if opened.attachment is not None:
                opened.attachment.detach()
            _say(unfinished)
            return
        try:
            handle.file.close()
        except BaseException as error:
            _give_up(handle, opened)
            if isinstance(error, (OSError, RuntimeError)):
                raise WriteError(f"{handle.path} could not be closed: {error}") from error
            raise
        if handle.on_loss is not None:
            handle.on_loss.detach()
        if opened.safety is not None:
            opened.safety.finish()
    if opened.new is not None:
        opened.new.publish()
    _say(unfinished)


def abandon(handle: Handle, opened: Opened, links: Links) -> None:
    """Close what can be closed, and drop a file that was being made anew."""
    handle.pool.close()
    if handle.adopted:
        if opened.attachment is not None:
            opened.attachment.detach()
        return
    if opened.new is None and opened.safety is None and handle.writable:
        # A chunk that was stored anew must not be taken for a damaged one.
        with contextlib.suppress(OSError, RuntimeError, ValueError):
            handle.sums.save()
    links.release()
    handle.release()
    with contextlib.suppress(OSError, RuntimeError, ValueError):
        handle.file.close()
    _give_up(handle, opened)


def _last_steps(handle: Handle) -> Exception | None:
    """Do what was to be done before the end; what is in the file stays good if that fails."""
    failed = None
    steps, handle.last_steps = handle.last_steps, []
    for step in steps:
        try:
            step()
        except Exception as error:
            failed = failed or error
    return failed


def _say(error: Exception | None) -> None:
    if error is not None:
        raise error


def _give_up(handle: Handle, opened: Opened) -> None:
    """Drop a file that was being made anew; see to it that another can be opened again."""
    if opened.safety is not None:
        opened.safety.release()
    elif opened.new is not None:
        opened.new.discard()
    elif handle.writable and not handle.adopted:
        reach_stated_end(Path(handle.path))
