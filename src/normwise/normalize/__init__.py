"""The normalize room."""
