"""The host that workflow orchestrators talk to."""

__version__ = "0.1.0"
