"""Files of captions in, files of ids and labels out: any size, bounded memory, nothing lost. No torch.

An input is a file, or a folder of files, of these formats, told by the end of the name:

- Parquet (``.parquet``, ``.pq``), Arrow IPC, file or stream (``.arrow``, ``.arrows``, ``.feather``, ``.ipc``);
- CSV and TSV, whose values are read as the strings they are;
- JSON lines (``.jsonl``, ``.ndjson``);
- text with a caption a line (``.txt``), read as the column ``caption``;
- webdataset shards (``.tar``), of which the ``.json`` and ``.txt`` members are read; in img2dataset's folders the
  Parquet files beside them are read instead.

The text formats may be compressed (``.gz``, ``.bz2``, ``.zst``, ``.lz4``). An output is Parquet: the input's rows in
the input's order, none left out, and its columns with new ones behind them. It is written under another name and
renamed when it is complete and on the disk.
"""

from unicl.engines.counting import PhraseCounter
from unicl.engines.inputs import find_inputs, open_source
from unicl.engines.label import label_files
from unicl.engines.labelling import LabelStats
from unicl.engines.meter import measure_files
from unicl.engines.mine import mine_vocabulary
from unicl.engines.output import written_aside
from unicl.engines.progress import Progress
from unicl.engines.reading import Reading
from unicl.engines.shared_pairs import FalseNegatives, SharedPairs, false_negatives
from unicl.engines.stats import RunStats
from unicl.engines.tokenize import TokenizeStats, tokenize_files
from unicl.engines.tokenizers import open_tokenizer
from unicl.engines.vocabularies import open_vocabulary, save_vocabulary

__all__ = [
    "FalseNegatives",
    "LabelStats",
    "PhraseCounter",
    "Progress",
    "Reading",
    "RunStats",
    "SharedPairs",
    "TokenizeStats",
    "false_negatives",
    "find_inputs",
    "label_files",
    "measure_files",
    "mine_vocabulary",
    "open_source",
    "open_tokenizer",
    "open_vocabulary",
    "save_vocabulary",
    "tokenize_files",
    "written_aside",
]
