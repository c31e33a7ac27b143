"""Files in and out: recordings, the standard CSV, the sar-style tree, containers."""
