"""The sections of a machine's page, one resource each."""
