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
    unfinished = _last_steps(handle)
    if not handle.is_open or handle.of_parent:
        _let_go(handle, opened)
        _say(unfinished)
        return
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
            _detach(opened)
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
    handle.last_steps.clear()
    if handle.adopted:
        _detach(opened)
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


def _last_steps(handle: Handle) -> BaseException | None:
    """Do what was to be done before the end; what is in the file stays good if that fails."""
    failed: BaseException | None = None
    while handle.last_steps and handle.is_open and not handle.of_parent:
        step = handle.last_steps.pop(0)
        try:
            step()
        except BaseException as error:
            failed = failed or error
    return failed


def _let_go(handle: Handle, opened: Opened) -> None:
    """Let go of a file that is closed already, or another process's, and say what is lost."""
    lost = [] if opened.attachment is None or handle.immediate else handle.unsaved()
    if handle.of_parent:
        return
    _detach(opened)
    handle.last_steps.clear()
    handle.release()
    if lost:
        raise WriteError(
            f"{handle.path} was closed behind the back of the h5py.File that raggedh5 was given: "
            f"what was appended to {', '.join(lost)} since the last flush is lost"
        )


def _detach(opened: Opened) -> None:
    """Leave the owner's h5py object as it was, and hold it no more."""
    attachment, opened.attachment = opened.attachment, None
    if attachment is not None:
        attachment.detach()


def _say(error: BaseException | None) -> None:
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
