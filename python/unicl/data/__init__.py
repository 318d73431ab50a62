"""Data: the order of samples, augmentation, batches."""
