"""The receiver's pages for people: signing in, sessions, what is stored, uploads by a form, and the report site."""
