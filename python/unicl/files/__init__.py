"""Reads rows from files and writes whole files, in bounded memory. It knows no label and no model.

An input is a file, or a folder of files. The end of the name tells the format:

- Parquet (``.parquet``, ``.pq``);
- Arrow IPC, file or stream (``.arrow``, ``.arrows``, ``.feather``, ``.ipc``);
- CSV and TSV, whose values are read as the strings they are; TSV has no quotes unless asked;
- JSON lines (``.jsonl``, ``.ndjson``);
- text with a caption a line (``.txt``), read as the column ``caption``;
- webdataset shards (``.tar``, ``.tgz``), of which the ``.json`` and ``.txt`` members are read. In a folder of
  img2dataset, the Parquet file beside a shard is read instead of the shard;
- annotations of COCO (``.json``), as images with captions, classes, or both;
- class folders: a folder with a folder of images for each class.

The text formats may be compressed (``.gz``, ``.bz2``, ``.zst``, ``.lz4``).

An output is Parquet. It has the rows of the input in the same order, none missing, and the new columns follow the
columns of the input. It is written under another name. It gets its own name when it is complete and on the disk.
"""

from unicl.face import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
