"""The loss over the ranks of a process group."""
