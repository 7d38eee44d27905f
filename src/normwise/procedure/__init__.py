"""The procedure room."""
