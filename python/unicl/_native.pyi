"""The Rust extension: caption tokenization, noun phrases and label mapping.

Private: use :mod:`unicl.text` and :mod:`unicl.labels`, which say what the values mean. Every function that takes
captions takes a ``str``, a sequence of ``str``, or an Arrow column of strings, and copies none of them; works with
the GIL released; takes ``threads`` (None: all cores; each call starts and ends its own, so it is safe after
``fork``); and raises ``TypeError`` or ``ValueError`` naming the row. A ``RuntimeError`` that begins with
"bug in unicl" is one.
"""
