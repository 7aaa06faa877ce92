"""The application: main window, actions, theme, settings, notifications. The one place that may be global."""
