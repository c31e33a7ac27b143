"""Sending to a receiver: samples as they are taken, and files."""
