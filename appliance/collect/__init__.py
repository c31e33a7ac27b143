"""What to read and when: sources, one per file, the loop that samples them, and the recorder."""
