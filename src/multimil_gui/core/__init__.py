"""The method: torch and numpy, no files, no AnnData, no Qt."""
