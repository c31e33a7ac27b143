"""From samples to what they mean: runs, statistics, findings."""
