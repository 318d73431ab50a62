"""``TokenTransform``: a tokenizer where torch, open_clip and Hugging Face's datasets want one."""

import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from unicl.data import TokenTransform
from unicl.text import ClipTokenizer

CAPTIONS = [f"caption number {number} of a dog" for number in range(50)]


@pytest.fixture(scope="module")
def tokenizer():
    return ClipTokenizer(context_length=12)


@pytest.fixture(scope="module")
def transform(tokenizer):
    return TokenTransform(tokenizer)


def test_captions_become_a_long_tensor_of_the_tokenizers_rows(transform, tokenizer):
    tokens = transform(CAPTIONS)
    assert tokens.dtype == torch.int64
    np.testing.assert_array_equal(tokens.numpy(), tokenizer(CAPTIONS))
    assert transform.context_length == 12
    assert transform("a dog").shape == (1, 12)
    assert transform("a dog", 5).tolist() == tokenizer("a dog", context_length=5).tolist()
    assert transform([]).shape == (0, 12)


def test_a_transform_pickles(transform):
    again = pickle.loads(pickle.dumps(transform))  # noqa: S301 - our own
    assert torch.equal(again(CAPTIONS), transform(CAPTIONS))
    columns = pickle.loads(pickle.dumps(transform.on_column("text")))  # noqa: S301 - our own
    assert (columns({"text": CAPTIONS})["input_ids"] == transform(CAPTIONS).numpy()).all()


@pytest.mark.parametrize("context", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_workers_of_a_data_loader_collate_with_it(transform, context):
    loader = DataLoader(CAPTIONS, batch_size=16, num_workers=2, collate_fn=transform, multiprocessing_context=context)
    assert torch.equal(torch.cat(list(loader)), transform(CAPTIONS))


class Counted:
    """A tokenizer that answers with the number of threads it was given."""

    context_length, pad_id = 1, 0

    def __call__(self, captions, *, context_length, threads):
        assert context_length is None
        return np.full((len(captions), 1), -1 if threads is None else threads)

    def batch_encode(self, captions, *, context_length, threads):
        return {"input_ids": self(captions, context_length=context_length, threads=threads)}

    def encode(self, captions, *, threads):
        raise NotImplementedError


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_worker_takes_one_thread_and_the_main_process_all():
    transform = TokenTransform(Counted())
    for workers, threads in [(0, -1), (1, 1)]:
        loader = DataLoader(["a"], num_workers=workers, collate_fn=transform)
        assert next(iter(loader)).tolist() == [[threads]]


def test_a_column_becomes_the_columns_of_a_model_of_transformers(transform, tokenizer):
    batch = {"id": list(range(50)), "caption": CAPTIONS}
    columns = transform.on_column()(batch)
    expected = tokenizer.batch_encode(CAPTIONS)
    assert columns.keys() == expected.keys()
    for name, rows in columns.items():
        np.testing.assert_array_equal(rows, expected[name])
    assert transform.on_column(context_length=4)(batch)["input_ids"].shape == (50, 4)


def test_a_missing_column_or_caption_is_named(transform):
    with pytest.raises(KeyError, match="expected a column 'text'; got 'id', 'caption': name the one with captions"):
        transform.on_column("text")({"id": [1], "caption": ["a"]})
    with pytest.raises(TypeError, match="row 1 is missing"):
        transform.on_column()({"caption": ["a", None]})


@pytest.mark.parametrize(
    ("shape", "processes"),
    [(None, None), (None, 2), ("numpy", None), ("torch", None), ("arrow", None), ("pandas", None), ("polars", None)],
)
def test_datasets_maps_with_it(transform, tokenizer, shape, processes):
    datasets = pytest.importorskip("datasets", reason="Hugging Face's datasets is not installed")
    data = datasets.Dataset.from_dict({"caption": CAPTIONS}).with_format(shape)
    mapped = data.map(transform.on_column(), batched=True, batch_size=7, num_proc=processes)
    for name, expected in tokenizer.batch_encode(CAPTIONS).items():
        np.testing.assert_array_equal(mapped.with_format("numpy")[name][:], expected)


def test_open_clips_zero_shot_classifier_is_the_same_with_it():
    open_clip = pytest.importorskip("open_clip", reason="open_clip is what it stands in for")
    names, templates = ["dog", "hot dog"], open_clip.SIMPLE_IMAGENET_TEMPLATES
    torch.manual_seed(0)
    table = torch.nn.Embedding(49408, 8)
    model = SimpleNamespace(encode_text=lambda tokens, **_: table(tokens).mean(1))
    weights = [
        open_clip.build_zero_shot_classifier(model, tokenizer, names, templates)
        for tokenizer in [open_clip.SimpleTokenizer(), TokenTransform(ClipTokenizer())]
    ]
    assert torch.equal(*weights)


def test_open_clips_data_sets_tokenize_with_it(transform, tmp_path):
    data = pytest.importorskip("open_clip_train.data", reason="open_clip's training extra is not installed")
    image = pytest.importorskip("PIL.Image")
    image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    (tmp_path / "list.csv").write_text(f"filepath\ttitle\n{tmp_path / 'a.png'}\ta dog\n")
    rows = data.CsvDataset(tmp_path / "list.csv", lambda opened: opened.size, "filepath", "title", tokenizer=transform)
    size, tokens = rows[0]
    assert size == (4, 4)
    assert torch.equal(tokens, transform("a dog")[0])


def test_open_clips_webdataset_pipeline_tokenizes_with_it(transform, tmp_path):
    data = pytest.importorskip("open_clip_train.data", reason="open_clip's training extra is not installed")
    image = pytest.importorskip("PIL.Image")
    webdataset = pytest.importorskip("webdataset")
    with webdataset.TarWriter(str(tmp_path / "000.tar")) as shard:
        for number, caption in enumerate(CAPTIONS):
            shard.write({"__key__": f"{number:03}", "png": image.new("RGB", (4, 4)), "txt": caption})
    arguments = SimpleNamespace(
        val_data=str(tmp_path / "000.tar"),
        val_num_samples=len(CAPTIONS),
        dataset_resampled=False,
        seed=0,
        batch_size=10,
        workers=1,
        world_size=1,
    )
    info = data.get_wds_dataset(arguments, lambda _: torch.zeros(1), is_train=False, tokenizer=transform)
    tokens = torch.cat([batch[1] for batch in info.dataloader])
    assert torch.equal(tokens, transform(CAPTIONS))
