"""What is drawn: a site of static pages from runs and findings."""
