"""C-EWS, the open supply-chain early-warning system."""

__version__ = "0.1.0"
