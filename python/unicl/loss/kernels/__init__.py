"""The loss on an NVIDIA GPU: Triton kernels for the tiles, cuBLAS for the two products of the gradient.

Only this package imports triton, and it is imported only when the backend is asked for.
"""
