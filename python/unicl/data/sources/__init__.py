"""Sources of samples, one file a format."""
