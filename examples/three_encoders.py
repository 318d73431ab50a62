"""Three encoders and two contrastive losses: the method as first described, over the parts of unicl.

An image encoder (ResNet-50), a text encoder (BERT-base) and a linear label encoder over multi-hot labels, each
projected to 512 dimensions, are trained from captioned pictures alone: the labels of a picture are taken from its
caption (noun phrases, a filter on document frequency, canonical labels). The loss is the sum of an image-text and an
image-label contrastive loss at temperature 0.07, each over the pairs of the batch; a picture whose caption gives no
label is left out of the second. (Labels from captions are an extension: in the paper, arXiv 2204.03610, a caption is a
class of its own, and one loss takes captions and class labels together. That is the objective "unicl" of the package.)

    python examples/three_encoders.py Train_GCC-training.tsv --image-root training --text-encoder ./bert-base-uncased

The TSV has a caption, a tab and a picture a line; ``unicl.data.conceptual_captions`` says where the picture of a URL is
looked for. Nothing is downloaded unless ``--image-pretrained`` or a hub name in ``--text-encoder`` asks for it. Small
towers that train on a laptop, from scratch:

    python examples/three_encoders.py captions.tsv --image-encoder resnet10t --text-layers 2 --text-width 128
"""

from __future__ import annotations

import json
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import torch
import tyro
from safetensors.torch import load_file
from safetensors.torch import save as save_weights
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision.transforms import v2 as transforms
from tqdm import tqdm
from transformers import AutoConfig, AutoTokenizer, BertConfig

import unicl
from unicl.data import ConceptualCaptions, collate_captioned_images
from unicl.models import LabelEncoder, TimmImageEncoder, TransformersTextEncoder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True, kw_only=True)
class Config:
    """What to train on, and how."""

    tsv: Annotated[Path, tyro.conf.Positional]
    """A caption, a tab and a picture (a path, or a URL already downloaded) a line."""
    out: Path = Path("runs/three_encoders")
    """A new folder for model.safetensors and config.json."""
    image_root: Path | None = None
    """The folder of the pictures; by default, that of the TSV."""
    max_bad_fraction: float = 0.5
    """The largest share of the rows that may be malformed, or without a picture that can be read."""

    image_encoder: str = "resnet50"
    """A model of timm."""
    image_pretrained: bool = False
    """Start from timm's weights, downloading them if they are not on this machine."""
    image_size: int | None = None
    """Pixels a side; by default, what timm trains the model at."""
    text_encoder: str | None = None
    """A folder or a hub name of transformers, weights and tokenizer; by default, a random BERT over CLIP's tokens."""
    text_layers: int = 12
    """The depth of the random BERT."""
    text_width: int = 768
    """Its width; a multiple of 64, the width of a head."""
    context_length: int = 77
    """Tokens of a caption, the start and the end included; longer ones are cut."""
    embed_dim: int = 512
    """The width of the three encoders' features."""

    min_document_frequency: int = 5
    """A noun phrase in fewer captions than this is no label."""
    temperature: float = 0.07
    """What cosines are divided by."""
    epochs: int = 10
    """Passes over the data."""
    batch_size: int = 256
    """Pairs in a batch; what is left over at the end of an epoch is left out."""
    lr: float = 3e-4
    """The learning rate of AdamW."""
    workers: int = 2
    """Processes that decode pictures; 0: this one does."""
    device: str = "cuda" if torch.cuda.is_available() else "cpu"
    """Where to compute."""
    seed: int = 0
    """Fixes the weights, the order and the crops."""

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("batch_size", 2), ("min_document_frequency", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be {least} or more, got {getattr(self, name)}")
        if not self.temperature > 0:
            raise ValueError(f"temperature must be positive, got {self.temperature}")


class ThreeEncoders(nn.Module):
    """Pictures, texts and sets of labels to features of one width."""

    def __init__(
        self, image_encoder: TimmImageEncoder, text_encoder: TransformersTextEncoder, label_encoder: LabelEncoder
    ) -> None:
        super().__init__()
        self.image_encoder, self.text_encoder, self.label_encoder = image_encoder, text_encoder, label_encoder

    def forward(
        self, images: Tensor, tokens: Tensor, attention_mask: Tensor | None, label_sets: unicl.LabelSets
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Gives (n, embed_dim) three times, not normalised: the loss divides by the norms."""
        return self.image_encoder(images), self.text_encoder(tokens, attention_mask), self.label_encoder(label_sets)


def contrast(image: Tensor, text: Tensor, label: Tensor, label_sets: unicl.LabelSets, temperature: float) -> Tensor:
    """The image-text loss over all pairs and the image-label loss over those that have a label: (2,), in nats."""
    image_text = unicl.fused_loss(image, text, logit_scale=1 / temperature, normalize=True)
    has_label = torch.as_tensor(label_sets.offsets).diff() > 0
    if not has_label.any():
        return torch.stack([image_text, torch.zeros_like(image_text)])
    image_label = unicl.fused_loss(image[has_label], label[has_label], logit_scale=1 / temperature, normalize=True)
    return torch.stack([image_text, image_label])


def make_labeler(captions: list[str], min_document_frequency: int) -> tuple[unicl.DenseLabeler, list[str]]:
    """A vocabulary mined from the captions: what labels a caption with it, and the names of its labels."""
    vocabulary = unicl.LabelVocabulary.mine(captions, min_document_frequency=min_document_frequency)
    names = list(vocabulary.names)
    if not names:
        raise ValueError(
            f"no noun phrase occurs in {min_document_frequency} or more of the {len(captions)} captions, so there is "
            "no label to learn from: lower --min-document-frequency"
        )
    return unicl.DenseLabeler(vocabulary), names


def make_text_side(
    config: Config,
) -> tuple[TransformersTextEncoder, Callable[[list[str]], tuple[Tensor, Tensor | None]]]:
    """The text encoder, and its tokenizer: captions -> ids and, where the tokenizer gives one, an attention mask."""
    if config.text_encoder is not None:
        encoder = TransformersTextEncoder(config.text_encoder, embed_dim=config.embed_dim)
        hf_tokenizer = AutoTokenizer.from_pretrained(config.text_encoder, use_fast=True)
        size, most = len(hf_tokenizer), encoder.trunk.config.vocab_size
        # Where the vocabulary is missing, transformers makes a tokenizer that knows [UNK] alone, and says nothing.
        if not len(hf_tokenizer.all_special_tokens) < size <= most:
            raise ValueError(
                f"the tokenizer of {config.text_encoder!r} has {size} tokens and its text model {most}: wanted the "
                "tokenizer's own files (tokenizer.json or vocab.txt) beside the weights"
            )

        def tokenize(captions: list[str]) -> tuple[Tensor, Tensor | None]:
            batch = hf_tokenizer(
                captions, padding=True, truncation=True, max_length=config.context_length, return_tensors="pt"
            )
            return batch["input_ids"].to(config.device), batch["attention_mask"].to(config.device)

        return encoder, tokenize

    clip_tokenizer = unicl.ClipTokenizer(context_length=config.context_length, pad_id=0)
    bert = BertConfig(
        vocab_size=clip_tokenizer.vocab_size,
        hidden_size=config.text_width,
        num_hidden_layers=config.text_layers,
        num_attention_heads=max(1, config.text_width // 64),
        intermediate_size=4 * config.text_width,
        pad_token_id=None,  # 0 pads, but it also is "!": it needs an embedding that is trained
    )
    encoder = TransformersTextEncoder(bert, embed_dim=config.embed_dim, pad_id=0)
    return encoder, lambda captions: (torch.from_numpy(clip_tokenizer(captions)).to(config.device), None)


def make_transform(encoder: TimmImageEncoder, image_size: int | None) -> transforms.Compose:
    """A crop of most of the picture at the encoder's size, with the mean and deviation it wants."""
    size = (image_size, image_size) if image_size else encoder.image_size
    return transforms.Compose(
        [
            transforms.RandomResizedCrop(size, scale=(0.9, 1.0), interpolation=transforms.InterpolationMode.BICUBIC),
            transforms.ToImage(),
            transforms.ToDtype(torch.float32, scale=True),
            transforms.Normalize(encoder.mean, encoder.std),
        ]
    )


def train(config: Config) -> None:
    """Trains the three encoders and writes them to ``config.out``."""
    torch.manual_seed(config.seed)
    with new_folder(config.out) as folder:
        data = ConceptualCaptions(config.tsv, image_root=config.image_root, max_bad_fraction=config.max_bad_fraction)
        print(f"{len(data)} captioned pictures; {data.skipped}")
        labeler, names = make_labeler(data.captions, config.min_document_frequency)
        print(f"{len(names)} labels: {', '.join(names[:8])}{', ...' if len(names) > 8 else ''}")

        image_encoder = TimmImageEncoder(
            name=config.image_encoder, pretrained=config.image_pretrained, embed_dim=config.embed_dim
        )
        text_encoder, tokenize = make_text_side(config)
        label_encoder = LabelEncoder(len(names), embed_dim=config.embed_dim)
        model = ThreeEncoders(image_encoder, text_encoder, label_encoder).to(config.device).train()
        optimizer = torch.optim.AdamW(model.parameters(), lr=config.lr)

        data.transform = make_transform(image_encoder, config.image_size)
        loader = DataLoader(
            data,
            batch_size=min(config.batch_size, len(data)),
            shuffle=True,
            drop_last=True,
            collate_fn=collate_captioned_images,
            num_workers=config.workers,
            persistent_workers=config.workers > 0,
            generator=torch.Generator().manual_seed(config.seed),
        )
        for epoch in range(1, config.epochs + 1):
            sums, steps = torch.zeros(2), 0
            bar = tqdm(loader, desc=f"epoch {epoch}/{config.epochs}", mininterval=0.2 if sys.stderr.isatty() else 30)
            for images, captions, bad_rows in bar:
                data.skipped.record(bad_rows)
                if len(captions) < 2:
                    continue
                tokens, attention_mask = tokenize(captions)
                label_sets = labeler(captions)
                features = model(images.to(config.device), tokens, attention_mask, label_sets)
                losses = contrast(*features, label_sets, config.temperature)
                optimizer.zero_grad()
                losses.sum().backward()
                optimizer.step()

                sums, steps = sums + losses.detach().cpu(), steps + 1
                bar.set_postfix(loss=f"{losses.sum().item():.3f}", refresh=False)
            report(epoch, sums, steps)

        if data.skipped:
            print(data.skipped)
        save(model.cpu().eval(), config, names, folder)
    print(f"wrote {config.out / 'model.safetensors'} and config.json")


def report(epoch: int, sums: Tensor, steps: int) -> None:
    """Prints the mean losses of an epoch; stops a run that learns nothing."""
    if not steps:
        raise ValueError(f"epoch {epoch} took no step: a batch needs two captioned pictures that can be read")
    if not sums.isfinite().all():
        raise ValueError(f"the losses of epoch {epoch} sum to {sums.tolist()}: lower the learning rate with --lr")
    image_text, image_label = (sums / steps).tolist()
    total = image_text + image_label
    print(f"epoch {epoch}  loss {total:.4f}  image-text {image_text:.4f}  image-label {image_label:.4f}", flush=True)


def save(model: ThreeEncoders, config: Config, names: list[str], folder: Path) -> None:
    """Writes the weights, and all it takes to build the encoders again."""
    # Not save_file: it makes a file that only its owner can read.
    (folder / "model.safetensors").write_bytes(save_weights(model.state_dict()))
    fields = {
        "architecture": "three_encoders",
        "image_encoder": config.image_encoder,
        "image_size": config.image_size,
        "text_encoder": config.text_encoder,
        "text_config": model.text_encoder.trunk.config.to_dict(),
        "pad_id": model.text_encoder.pad_id,
        "context_length": config.context_length,
        "embed_dim": config.embed_dim,
        "temperature": config.temperature,
        "labels": names,
    }
    (folder / "config.json").write_text(json.dumps(fields, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def load(folder: Path) -> ThreeEncoders:
    """Builds what ``save`` wrote, in evaluation mode; every weight must be there and fit."""
    fields = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    embed_dim = fields["embed_dim"]
    text_config = AutoConfig.for_model(**fields["text_config"])  # its "model_type" names the class
    model = ThreeEncoders(
        TimmImageEncoder(name=fields["image_encoder"], embed_dim=embed_dim),
        TransformersTextEncoder(text_config, embed_dim=embed_dim, pad_id=fields["pad_id"]),
        LabelEncoder(len(fields["labels"]), embed_dim=embed_dim),
    )
    model.load_state_dict(load_file(folder / "model.safetensors"))
    return model.eval()


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A folder to write to, which becomes ``out`` if all goes well and vanishes if not."""
    if out.exists():
        raise FileExistsError(f"{out} exists: name a new folder with --out, or move that one away")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as aside:
        folder = Path(aside, out.name)
        folder.mkdir()
        yield folder
        folder.rename(out)


if __name__ == "__main__":
    try:
        train(tyro.cli(Config, description=__doc__))
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}")
