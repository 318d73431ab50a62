"""The loss by tiles in plain torch, on any device."""
