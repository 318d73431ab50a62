"""The loss on an NVIDIA GPU: Triton kernels for the tiles, cuBLAS for the two products of the gradient.

The only part of the package that imports triton; imported when the backend is asked for.
"""

from unicl.loss.kernels.passes import backward, check_device, count_meetings, forward

__all__ = ["backward", "check_device", "count_meetings", "forward"]
