"""Image towers: a small CNN of our own, and the models of timm."""
