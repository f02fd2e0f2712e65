"""The statements of rebuilds."""
