"""Drawing: takes resolved arrays, emits small input events."""
