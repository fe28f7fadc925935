"""Host for workflow orchestrators."""

__version__ = "0.2.0"
