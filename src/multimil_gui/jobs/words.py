"""Errors in the user's words; the traceback stays in the details."""

from __future__ import annotations

from multimil_gui.core.errors import Refusal

_OUT_OF_MEMORY = ("out of memory", "DefaultCPUAllocator", "not enough memory", "Unable to allocate")


def explain(error: BaseException) -> str:
    """Return one to three sentences for the user; never a traceback or a class name alone."""
    if isinstance(error, Refusal):
        return str(error)
    text = _first_line(error)
    if isinstance(error, MemoryError) or any(words.lower() in str(error).lower() for words in _OUT_OF_MEMORY):
        return _memory(text)
    if isinstance(error, OSError) and error.strerror:
        where = f" {error.filename}" if error.filename else ""
        return f"A file could not be used:{where} ({error.strerror})."
    if isinstance(error, SystemExit):
        return "The work ended itself unexpectedly. Nothing was changed."
    if isinstance(error, KeyboardInterrupt):
        return "The work was interrupted. Nothing was changed."
    return f"Something went wrong that should not: {text}" if text else "Something went wrong that should not."


def _memory(text: str) -> str:
    if "cuda" in text.lower():
        return (
            "The graphics card ran out of memory. Nothing was changed. "
            "Lower the batch size or the cells per draw, or set the device to cpu."
        )
    return (
        "The computer ran out of memory. Nothing was changed. "
        "Close other programs, lower the batch size, or keep fewer genes."
    )


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    line = lines[0].strip() if lines else type(error).__name__
    return line if line.endswith((".", "!", "?")) else f"{line}."
