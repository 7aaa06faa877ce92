"""Embeddable Qt widgets; each takes a Session (or less) and works alone."""
