"""Tenants, keys, batches and blocks of samples, in SQLite files through peewee."""
