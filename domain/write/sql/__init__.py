"""The statements of the write side."""
