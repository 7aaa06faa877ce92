"""The evented session: what is open, coloured, hidden and selected; undo; resolve()."""
