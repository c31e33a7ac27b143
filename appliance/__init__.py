"""What is true: recording, receiving, storing and analysing the performance of machines."""

__version__ = "0.1.0"
