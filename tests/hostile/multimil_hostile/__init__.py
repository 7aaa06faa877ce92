"""Files that someone damaged or made to do harm, each with its exact outcome; see ``table.py``."""
