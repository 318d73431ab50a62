"""Rows with captions, classes or both become images, texts and labels that need no further thought."""

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tests.python.data.tiny_source import CLASSES, MemorySource, captioned, labelled, same_batch, training_data
from transformers import Trainer

from unicl import ClipTokenizer, DenseLabeler, LabelSets, LabelVocabulary
from unicl.data import Batch, EvalTransform, LabelSpace, SourceTokens, TrainingData, TrainTransform
from unicl.data.sample_labels import caption_label
from unicl.labels import LabelFilters

TOKENIZER = ClipTokenizer()


def take(data: TrainingData, places: list[tuple[int, int]], first: int = 0) -> Batch:
    """The batch of some (source, row), at positions from the first on."""
    sources, rows = np.array(places).T
    return data.take(sources, rows, np.arange(first, first + len(places)))


def texts_of(batch: Batch) -> list[str]:
    return [TOKENIZER.decode(row) for row in batch.tokens]


def test_images_with_captions_have_no_class_and_images_with_classes_have_theirs() -> None:
    batch = take(training_data(captioned(5), labelled(5)), [(0, 3), (1, 1), (0, 0), (1, 4), (1, 2)])
    dog_cat_horse = {name: number for number, name in enumerate(sorted(CLASSES))}
    assert batch.image_labels.tolist() == [-1, dog_cat_horse["cat"], -1, dog_cat_horse["cat"], dog_cat_horse["horse"]]
    assert batch.text_labels.tolist() == batch.image_labels.tolist()
    texts = texts_of(batch)
    assert texts[0::2][:2] == ["caption 0 of image 3", "caption 0 of image 0"]
    assert all(name in text for name, text in zip(["cat", "cat", "horse"], [texts[1], *texts[3:]], strict=True))
    assert (batch.images.shape, batch.images.dtype) == ((5, 3, 8, 8), torch.uint8)
    assert batch.sample_keys == ("captions/3", "classes/1", "captions/0", "classes/4", "classes/2")
    assert batch.positions.tolist() == [0, 1, 2, 3, 4]
    assert batch.image_weight.tolist() == batch.text_weight.tolist() == [1, 2, 1, 2, 3]


def test_a_batch_of_captions_alone_is_a_batch_of_pairs() -> None:
    batch = take(training_data(captioned(4)), [(0, row) for row in range(4)])
    assert batch.image_labels.tolist() == batch.text_labels.tolist() == [-1] * 4


def test_a_row_depends_on_the_seed_and_its_position_and_not_on_its_batch() -> None:
    sources = captioned(40, captions=3), labelled(40)
    data = training_data(*sources, seed=3)
    places = [(number % 2, number // 2) for number in range(20)]
    whole = take(data, places, first=100)
    part = take(data, places[7:12], first=107)
    assert torch.equal(whole.images[7:12], part.images)
    assert texts_of(whole)[7:12] == texts_of(part)
    assert same_batch(whole, take(training_data(*sources, seed=3), places, first=100))
    other = take(training_data(*sources, seed=4), places, first=100)
    assert not torch.equal(whole.images, other.images)
    assert texts_of(whole) != texts_of(other)
    later = take(data, places, first=1000)
    assert texts_of(whole) != texts_of(later)


def test_each_sample_draws_its_own_template_and_its_own_caption() -> None:
    data = training_data(captioned(1, captions=4), MemorySource("dogs", classes=[("dog",)]))
    texts = texts_of(take(data, [(number % 2, 0) for number in range(400)]))
    counts = Counter(texts[0::2])
    assert len(counts) == 4
    assert min(counts.values()) > 25
    assert len(set(texts[1::2])) > 30


def test_all_captions_of_an_image_are_texts_of_a_label_of_its_own() -> None:
    sources = captioned(3, captions=3), labelled(3), captioned(2, name="single")
    batch = take(training_data(*sources, captions="all"), [(0, 1), (1, 0), (2, 0), (0, 2)], first=50)
    first = len(CLASSES)
    assert batch.image_labels.tolist() == [first + 50, 1, -1, first + 53]
    assert batch.text_labels.tolist() == [first + 50, 1, -1, first + 53, *[first + 50] * 2, *[first + 53] * 2]
    assert texts_of(batch)[4:] == [f"caption {number} of image {row}" for row in (1, 2) for number in (1, 2)]
    assert batch.text_weight.tolist() == [2, 1, 1, 3, 2, 2, 3, 3]


def test_an_image_with_captions_and_a_class_gives_its_captions_the_class() -> None:
    both = MemorySource("both", captions=[("a brown dog", "my pet"), ("a kitten",)], classes=[("dog",), ("cat",)])
    batch = take(training_data(both, labelled(3), captions="all"), [(0, 0), (0, 1), (1, 0)])
    assert batch.image_labels.tolist() == [1, 0, 1]
    assert batch.text_labels.tolist() == [1, 0, 1, 1]
    assert texts_of(batch)[3] == "my pet"


def test_several_classes_a_row_make_sets_and_the_text_is_of_one_of_them() -> None:
    source = MemorySource("coco", classes=[("dog", "cat"), ("cat",), ()], captions=[(), (), ("a caption",)])
    data = training_data(source)
    batch = take(data, [(0, 0), (0, 1), (0, 2)] * 20)
    assert batch.image_labels.to_list()[:3] == [[0, 1], [0], []]
    labels = batch.text_labels.to_list()
    assert {tuple(row) for row in labels[0::3]} == {(0,), (1,)}
    for text, (label,) in zip(texts_of(batch)[0::3], labels[0::3], strict=True):
        assert ("cat", "dog")[label] in text
    assert labels[1] == [0]
    assert labels[2] == []


def test_dense_labels_of_captions_and_classes_are_one_label_space() -> None:
    vocabulary = LabelVocabulary.from_names(["dog", "ball"])
    space = LabelSpace(CLASSES, vocabulary=vocabulary)
    labeler = DenseLabeler(space.vocabulary)
    source = MemorySource("captions", captions=[("a dog with a ball",), ("a red car",), ("two cats",)])
    batch = take(
        training_data(source, labelled(3), label_space=space, labeler=labeler), [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]
    )
    cat = space.ids["cat"]
    assert batch.image_labels.to_list() == [[0, 1], [], [cat], [0], [cat]]
    assert batch.text_labels.to_list() == batch.image_labels.to_list()


def test_all_captions_of_an_image_have_the_labels_of_each() -> None:
    labeler = DenseLabeler(LabelVocabulary.from_names(["dog", "ball"]))
    captions = [("a dog", "a ball", "it runs"), ("nothing", "at all")]
    batch = take(training_data(MemorySource("c", captions=captions), labeler=labeler, captions="all"), [(0, 0), (0, 1)])
    assert batch.image_labels.to_list() == [[0, 1], [3]]  # 3: its own, of position 1
    assert batch.text_labels.to_list() == [[0, 1], [3], [0, 1], [0, 1], [3]]


def test_equal_captions_are_one_class_if_asked_for() -> None:
    source = MemorySource("c", captions=[("A dog\truns",), ("a dog runs",), ("a cat",)])
    batch = take(training_data(source, equal_captions=True), [(0, 0), (0, 1), (0, 2)])
    one, other = caption_label("a dog runs"), caption_label("a cat")
    assert batch.image_labels.tolist() == batch.text_labels.tolist() == [one, one, other]
    source = MemorySource("c", captions=[("a dog runs", "a cat"), ("a dog runs",)])
    batch = take(training_data(source, equal_captions=True, captions="all"), [(0, 0), (0, 1)])
    assert batch.image_labels.to_list() == [sorted([one, other]), [one]]
    assert batch.text_labels.to_list() == [[one], [one], [other]]
    labels = [caption_label(f"caption {number}") for number in range(10_000)]
    assert len(set(labels)) == 10_000
    assert min(labels) >= 2**62
    assert max(labels) < 2**63


def test_prompts_of_all_classes_are_further_texts_and_ranks_share_them() -> None:
    places = [(0, 0), (1, 0), (1, 1)]
    whole = take(training_data(captioned(2), labelled(3), class_prompts="all"), places)
    assert whole.text_labels.tolist() == [-1, 1, 0, 0, 1, 2]
    assert whole.text_weight.tolist()[3:] == [1, 1, 1]
    parts = []
    for rank in range(2):
        data = training_data(captioned(2), labelled(3), class_prompts="all", rank=rank, world_size=2)
        parts += list(zip(texts_of(take(data, places)), take(data, places).text_labels.tolist(), strict=True))[3:]
    assert sorted(parts) == sorted(list(zip(texts_of(whole), whole.text_labels.tolist(), strict=True))[3:])


def test_classes_that_share_a_label_have_one_prompt() -> None:
    data = training_data(
        MemorySource("a", classes=[("dog",)]), MemorySource("b", classes=[("Dogs",), ("cat",)]), class_prompts="all"
    )
    assert take(data, [(1, 0)]).text_labels.tolist() == [0, 0, 1]


def test_two_views_of_each_image() -> None:
    batch = take(training_data(captioned(2), transform=TrainTransform(size=8, views=2)), [(0, 0), (0, 1)])
    assert batch.images.shape == (2, 2, 3, 8, 8)


def test_a_source_token_marks_class_prompts() -> None:
    data = training_data(captioned(1), labelled(1), source_tokens=SourceTokens(caption=5, prompt=6))
    assert take(data, [(0, 0), (1, 0)]).tokens[:, 1].tolist() == [5, 6]


def test_a_class_without_a_label_pairs_its_images_with_their_own_texts() -> None:
    space = LabelSpace(CLASSES, names={"dog": None})
    batch = take(training_data(labelled(4), label_space=space), [(0, 0), (0, 1), (0, 3)])
    assert batch.image_labels.tolist() == batch.text_labels.tolist() == [-1, space.ids["cat"], -1]


def test_trainers_take_the_batch_as_a_mapping() -> None:
    batch = take(training_data(captioned(2), labelled(2)), [(0, 0), (1, 0)])
    owner = SimpleNamespace(args=SimpleNamespace(device=torch.device("cpu")), is_deepspeed_enabled=False)
    owner._prepare_input = lambda data: Trainer._prepare_input(owner, data)
    prepared = Trainer._prepare_inputs(SimpleNamespace(_prepare_input=owner._prepare_input), batch)  # type: ignore[arg-type]

    def model(images: torch.Tensor, tokens: torch.Tensor, **others: object) -> None:
        assert len(images) == len(tokens) == 2
        assert list(others) == [
            "image_labels",
            "text_labels",
            "image_weight",
            "text_weight",
            "sample_keys",
            "positions",
        ]

    model(**prepared)
    assert batch.to("meta").images.device.type == "meta"


def test_blocks_of_one_class_and_budgets_make_the_order() -> None:
    data = training_data(captioned(300), labelled(90))
    order = data.order(budgets={"image-text": 1, "image-label": 1}, same_class=6)
    sources, rows = order.take(np.arange(180))
    assert np.bincount(sources).tolist() == [90, 90]
    classes = (rows[sources == 1] % len(CLASSES)).reshape(15, 6)
    assert (classes == classes[:, :1]).all()
    assert np.bincount(data.order(weights=[1, 3]).take(np.arange(40))[0]).tolist() == [10, 30]


DOG = LabelVocabulary.from_names(["dog"])


@pytest.mark.parametrize(
    ("sources", "options", "message"),
    [
        ([], {}, "expected at least one source; got none"),
        ([captioned(0)], {}, "expected sources with rows; got captions without"),
        ([captioned(1), captioned(2)], {}, "got 2 of the name 'captions'"),
        ([captioned(1)], {"captions": "some"}, "expected captions 'drawn' or 'all'; got 'some'"),
        ([captioned(1)], {"class_prompts": "all"}, "expected a source with classes"),
        ([captioned(1)], {"labeler": DenseLabeler(DOG), "label_sets": False}, "expected label_sets=True or None"),
        (
            [labelled(3)],
            {"labeler": DenseLabeler(DOG), "label_space": LabelSpace(reversed(CLASSES))},
            "expected a labeler with the labels of the label space",
        ),
        (
            [captioned(3)],
            {"labeler": DenseLabeler(DOG, filters=LabelFilters(min_document_frequency=2))},
            "expected counts of the whole data",
        ),
        ([captioned(1)], {"rank": 2, "world_size": 2}, "expected a rank from 0 to world_size - 1"),
    ],
)
def test_data_that_cannot_be_made_is_refused(sources: list, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        training_data(*sources, **options)


def test_an_order_that_cannot_be_made_is_refused() -> None:
    data = training_data(captioned(3), labelled(3))
    with pytest.raises(ValueError, match="expected weights or budgets; got both"):
        data.order(weights=[1, 1], budgets={"image-text": 1, "image-label": 1})
    with pytest.raises(ValueError, match="expected an image-label source for same_class=2"):
        training_data(captioned(3)).order(same_class=2)
    without = labelled(3)
    without.row_classes = None  # type: ignore[assignment]
    with pytest.raises(TypeError, match=r"expected a source with row_classes\(\), for same_class; classes has none"):
        training_data(without).order(same_class=2)


def test_a_class_that_the_source_does_not_name_and_two_classes_without_sets_are_errors() -> None:
    wrong = MemorySource("folder", classes=[("dog",), ("cow",)], class_names=("dog",))
    with pytest.raises(ValueError, match=r"folder, folder/1: expected one of the classes .*; got 'cow'"):
        take(training_data(wrong), [(0, 0), (0, 1)])
    two = MemorySource("coco", classes=[("dog", "cat")])
    two.several_classes = False
    with pytest.raises(ValueError, match=r"coco, coco/0: expected one class at most, .*; got dog, cat"):
        take(training_data(two), [(0, 0)])
    assert isinstance(take(training_data(two, label_sets=True), [(0, 0)]).image_labels, LabelSets)


def test_an_evaluation_transform_gives_the_same_pixels_at_every_position() -> None:
    data = training_data(captioned(2), transform=EvalTransform(size=8))
    assert torch.equal(take(data, [(0, 1)], first=3).images, take(data, [(0, 1)], first=9).images)
