"""Zero-shot detectors score a phrase by the box they are surest of; tiny random models, nothing downloaded."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import transformers
from PIL import Image

from unicl.cli import main
from unicl.labels import DenseLabeler, LabelFilters, LabelVocabulary, RelevanceFilter
from unicl.models import ZeroShotDetectorScorer, open_scorer

LETTERS = "abcdefghijklmnopqrstuvwxyz"
LAYERS = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
IMAGES = [np.random.default_rng(seed).integers(0, 255, (40, 50, 3), dtype=np.uint8) for seed in range(3)]
PHRASES = [["a dog", "the red ball"], [], ["man", "a red dog", "a ball", "the man a dog ball"]]


def owl(folder, version):
    """OWL-ViT or OWLv2 of one layer, over the letters."""
    vocabulary = {token: place for place, token in enumerate([*LETTERS, "!", *(f"{c}</w>" for c in LETTERS)])}
    vocabulary |= {"<|startoftext|>": len(vocabulary), "<|endoftext|>": len(vocabulary) + 1}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    paths = str(folder / "vocab.json"), str(folder / "merges.txt")
    tokenizer = transformers.CLIPTokenizer(*paths, model_max_length=16, pad_token="!")  # noqa: S106
    ends = {"bos_token_id": len(vocabulary) - 2, "eos_token_id": len(vocabulary) - 1, "pad_token_id": 26}
    config = getattr(transformers, f"{version}Config")(
        text_config={"vocab_size": len(vocabulary), "max_position_embeddings": 16, **LAYERS, **ends},
        vision_config={"image_size": 32, "patch_size": 16, **LAYERS},
        projection_dim=16,
    )
    size = {"height": 32, "width": 32}
    image_processor = getattr(transformers, f"{version}ImageProcessor")(size=size)
    processor = getattr(transformers, f"{version}Processor")(image_processor=image_processor, tokenizer=tokenizer)
    torch.manual_seed(0)
    model = getattr(transformers, f"{version}ForObjectDetection")(config)
    with torch.no_grad():  # so that phrases differ and no sigmoid is at its end
        model.class_head.logit_shift.weight.zero_()
        for parameter in getattr(model, version.lower()).text_model.parameters():
            parameter.normal_(std=0.5)
    return model, processor


def grounding_dino(folder):
    """Grounding DINO of one encoder layer, room for 24 tokens; the marks keep the ids that the model looks for."""
    tokens = ["[PAD]", *(f"[unused{n}]" for n in range(99)), "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokens += ["dog", "red", "ball", "man", "the", *LETTERS, *(f"##{letter}" for letter in LETTERS)]
    for mark, place in ((".", 1012), ("?", 1029)):
        tokens += [*(f"[unused{n}]" for n in range(len(tokens), place)), mark]
    (folder / "vocab.txt").write_text("\n".join(tokens))
    config = transformers.GroundingDinoConfig(
        backbone_config=transformers.SwinConfig(
            image_size=64, embed_dim=8, depths=[1] * 4, num_heads=[1, 1, 2, 2], window_size=2, out_indices=[2, 3, 4]
        ),
        text_config=transformers.BertConfig(vocab_size=len(tokens), max_position_embeddings=64, **LAYERS),
        d_model=64, encoder_layers=1, encoder_ffn_dim=32, encoder_attention_heads=2, decoder_layers=2,
        decoder_ffn_dim=32, decoder_attention_heads=2, num_queries=6, max_text_len=24,
    )  # fmt: skip
    image_processor = transformers.GroundingDinoImageProcessor(size={"shortest_edge": 64, "longest_edge": 64})
    tokenizer = transformers.BertTokenizerFast(str(folder / "vocab.txt"))
    torch.manual_seed(0)
    model = transformers.GroundingDinoForObjectDetection(config)
    return model, transformers.GroundingDinoProcessor(image_processor, tokenizer)


@pytest.fixture(scope="module", params=["OwlViT", "Owlv2"])
def queries(request, tmp_path_factory):
    return owl(tmp_path_factory.mktemp("owl"), request.param)


@pytest.fixture(scope="module")
def grounding(tmp_path_factory):
    return grounding_dino(tmp_path_factory.mktemp("dino"))


@pytest.mark.parametrize("batch_size", [1, 8])
def test_owl_scores_are_the_best_boxes_of_transformers_own_post_processing(queries, batch_size):
    model, processor = queries
    scores = ZeroShotDetectorScorer(model, processor, batch_size=batch_size)(IMAGES, PHRASES)
    assert [len(row) for row in scores] == [2, 0, 4]
    model.eval()
    for image, phrases, row in zip(IMAGES, PHRASES, scores, strict=True):
        for phrase, score in zip(phrases, row, strict=True):
            inputs = processor(text=[[phrase]], images=[image], return_tensors="pt", truncation=True)
            with torch.no_grad():
                [found] = processor.post_process_grounded_object_detection(model(**inputs), threshold=0.0)
            assert score == pytest.approx(found["scores"].max().item(), abs=1e-5)


@pytest.mark.parametrize("batch_size", [1, 8])
def test_grounding_scores_are_the_best_means_over_the_characters_of_a_phrase(grounding, batch_size):
    model, processor = grounding
    scores = ZeroShotDetectorScorer(model, processor, batch_size=batch_size)(IMAGES, PHRASES)
    model.eval()
    for image, phrases, row in zip(IMAGES, PHRASES, scores, strict=True):
        if not phrases:
            continue
        text = " . ".join(phrases) + " . "
        inputs = processor(text=[text], images=[image], return_tensors="pt")
        spans = processor.tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
        with torch.no_grad():
            probabilities = model(**inputs).logits[0].sigmoid()
        for phrase, score in zip(phrases, row, strict=True):
            start = f" . {text}".index(f" . {phrase} . ")
            tokens = [n for n, (low, high) in enumerate(spans) if start <= low < high <= start + len(phrase)]
            assert score == pytest.approx(probabilities[:, tokens].mean(dim=1).max().item(), abs=1e-5)


def test_phrases_for_which_the_text_has_no_room_go_into_another(grounding, monkeypatch):
    texts = []
    model, processor = grounding
    scorer = ZeroShotDetectorScorer(model, processor)
    monkeypatch.setattr(scorer, "processor", Recorder(processor, texts))
    phrases = [f"the red {letter} man" for letter in LETTERS[:9]]
    [scores] = scorer(IMAGES[:1], [phrases])
    assert [text.count(".") for text in texts] == [4, 4, 1]  # 5 tokens a phrase, 22 beside start and end
    assert len(scores) == 9
    assert min(scores) > 0


class Recorder:
    """A processor that remembers the texts it got."""

    def __init__(self, processor, texts):
        self.processor, self.texts, self.tokenizer = processor, texts, processor.tokenizer

    def __call__(self, *, text, **options):
        self.texts.extend(text)
        return self.processor(text=text, **options)


def test_marks_in_a_phrase_do_not_cut_it_and_a_phrase_of_marks_scores_nothing(grounding):
    scorer = ZeroShotDetectorScorer(*grounding)
    plain, marked = (scorer(IMAGES[:1], [[phrase, "a ball"]])[0] for phrase in ("the man", "The. man?"))
    assert marked == pytest.approx(plain)
    assert scorer(IMAGES[:1], [["?", "a ball"]])[0][0] == 0


def test_a_phrase_longer_than_the_text_encoder_is_cut(queries, grounding):
    for model, processor in (queries, grounding):
        [[score]] = ZeroShotDetectorScorer(model, processor)(IMAGES[:1], [["the red dog man " * 20]])
        assert 0 < score <= 1


def test_a_template_goes_around_every_phrase(queries):
    model, processor = queries
    with_template = ZeroShotDetectorScorer(model, processor, template="a {}")(IMAGES[:1], [["dog"]])
    assert with_template == ZeroShotDetectorScorer(model, processor)(IMAGES[:1], [["a dog"]])


def test_the_model_is_left_in_its_mode(queries):
    model, processor = queries
    model.train()
    scorer = ZeroShotDetectorScorer(model, processor)
    assert scorer(IMAGES, PHRASES) == scorer(IMAGES, PHRASES)
    assert model.training


def test_a_folder_gives_the_same_scores(queries, tmp_path):
    model, processor = queries
    model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    expected = ZeroShotDetectorScorer(model, processor)(IMAGES, PHRASES)
    for scorer in (ZeroShotDetectorScorer.from_pretrained(tmp_path), open_scorer(tmp_path, device="cpu")):
        for row, wanted in zip(scorer(IMAGES, PHRASES), expected, strict=True):
            assert row == pytest.approx(wanted, abs=1e-5)


def test_unicl_label_weighs_by_what_a_detector_finds(queries, tmp_path):
    model, processor = queries
    model.save_pretrained(tmp_path / "detector")
    processor.save_pretrained(tmp_path / "detector")
    images = [Image.fromarray(pixels) for pixels in IMAGES]
    for row, image in enumerate(images):
        image.save(tmp_path / f"{row}.png")
    captions = ["a dog and the red ball", "rain", "a ball"]
    table = pa.table({"caption": captions, "filepath": ["0.png", "1.png", "2.png"]})
    pq.write_table(table, tmp_path / "captions.parquet")
    (tmp_path / "names.txt").write_text("dog\nball\n")
    words = ["--vocabulary", str(tmp_path / "names.txt"), "--relevance", str(tmp_path / "detector"), "--device", "cpu"]
    words += ["--score-above", "0", "--weights", "relevance", "--out", str(tmp_path / "out")]
    assert main(["label", str(tmp_path / "captions.parquet"), *words]) == 0
    done = pq.read_table(tmp_path / "out" / "captions.parquet")
    scores = ZeroShotDetectorScorer(model, processor)(images, [["a dog", "the red ball"], [], ["a ball"]])
    assert done["labels"].to_pylist() == [[0, 1], [], [1]]
    assert [weight for row in done["label_weights"].to_pylist() for weight in row] == pytest.approx(
        [score for row in scores for score in row], abs=1e-5
    )


def test_nothing_is_downloaded_unless_asked_for(tmp_path):
    with pytest.raises(OSError, match="no-such-detector"):
        ZeroShotDetectorScorer.from_pretrained(tmp_path / "no-such-detector")


def test_the_labeler_keeps_what_a_detector_finds(queries):
    scorer = ZeroShotDetectorScorer(*queries)
    captions = ["a dog and the red ball"] * 3
    scores = scorer(IMAGES, [["a dog", "the red ball"]] * 3)
    threshold = float(np.median(scores))
    relevance = RelevanceFilter(scorer=scorer, score_above=threshold)
    sets = DenseLabeler(LabelVocabulary.from_names(["dog", "ball"]), filters=LabelFilters(relevance=relevance))(
        captions, images=IMAGES
    )
    assert sets.to_list() == [[label for label, score in enumerate(row) if score > threshold] for row in scores]


def test_another_kind_of_model_is_refused():
    with pytest.raises(
        ValueError, match="expected a model of the kind owlvit, owlv2, grounding-dino, mm-grounding-dino; got 'Linear'"
    ):
        ZeroShotDetectorScorer(torch.nn.Linear(1, 1), None)
