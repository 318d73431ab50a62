"""Three encoders and two contrastive losses: the method as first described, built from the parts of unicl.

The encoders are an image encoder (ResNet-50), a text encoder (BERT-base) and a linear label encoder over multi-hot
labels. Each is projected to 512 dimensions. They are trained from captioned images alone. The labels of an image are
taken from its caption: noun phrases, a filter on document frequency, canonical labels.

The loss is the sum of an image-text and an image-label contrastive loss at temperature 0.07, each over the pairs of the
batch. An image whose caption gives no label does not count in the second. Labels from captions are an extension. In the
paper, arXiv 2204.03610, a caption is a class of its own, and one loss takes captions and class labels together. That is
the objective "unicl" of the package.

    python examples/three_encoders.py Train_GCC-training.tsv --image-root training --text-encoder ./bert-base-uncased

A line of the TSV is a caption, a tab and an image. ``unicl.data.ConceptualCaptions`` describes how the image of a URL
is found. Nothing is downloaded unless ``--image-pretrained`` or a hub name in ``--text-encoder`` asks for it. These
small towers train from scratch on a laptop:

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
    """The data and the settings of the training."""

    tsv: Annotated[Path, tyro.conf.Positional]
    """A file with a caption, a tab and an image (a path, or a URL already downloaded) on each line."""
    out: Path = Path("runs/three_encoders")
    """A new folder for model.safetensors and config.json."""
    image_root: Path | None = None
    """The folder of the images; by default, the folder of the TSV."""
    max_bad_fraction: float = 0.5
    """The largest share of the rows that may be malformed or have no image that can be read."""

    image_encoder: str = "resnet50"
    """The name of an image model of timm."""
    image_pretrained: bool = False
    """Start from timm's weights. They are downloaded if they are not on this machine."""
    image_size: int | None = None
    """The width and height in pixels; by default, the size at which timm trains the model."""
    text_encoder: str | None = None
    """A folder or a hub name with weights and tokenizer; by default, a random BERT over CLIP's tokens."""
    text_layers: int = 12
    """The number of layers of the random BERT."""
    text_width: int = 768
    """The width of the random BERT; a multiple of 64, the width of a head."""
    context_length: int = 77
    """The tokens of a caption, with the start and the end token; longer captions are cut."""
    embed_dim: int = 512
    """The width of the three encoders' features."""

    min_document_frequency: int = 5
    """A noun phrase that occurs in fewer captions is no label."""
    temperature: float = 0.07
    """The temperature that cosines are divided by."""
    epochs: int = 10
    """The number of passes over the data."""
    batch_size: int = 256
    """The pairs of a batch; a smaller batch at the end of an epoch is dropped."""
    lr: float = 3e-4
    """The learning rate of AdamW."""
    workers: int = 2
    """The processes that decode images; 0: the main process decodes them."""
    device: str = "cuda" if torch.cuda.is_available() else "cpu"
    """The device to train on."""
    seed: int = 0
    """Fixes the weights, the order and the crops."""

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("batch_size", 2), ("min_document_frequency", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"expected {name} >= {least}; got {getattr(self, name)}")
        if not self.temperature > 0:
            raise ValueError(f"expected temperature > 0; got {self.temperature}")


class ThreeEncoders(nn.Module):
    """An image, a text and a label encoder with features of one width."""

    def __init__(
        self, image_encoder: TimmImageEncoder, text_encoder: TransformersTextEncoder, label_encoder: LabelEncoder
    ) -> None:
        super().__init__()
        self.image_encoder, self.text_encoder, self.label_encoder = image_encoder, text_encoder, label_encoder

    def forward(
        self, images: Tensor, tokens: Tensor, attention_mask: Tensor | None, label_sets: unicl.LabelSets
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Encodes images, texts and label sets as rows (n, embed_dim), not normalised: the loss does that."""
        return self.image_encoder(images), self.text_encoder(tokens, attention_mask), self.label_encoder(label_sets)


def contrast(image: Tensor, text: Tensor, label: Tensor, label_sets: unicl.LabelSets, temperature: float) -> Tensor:
    """Gives the image-text loss of all pairs, and the image-label loss of the pairs with a label, in nats."""
    image_text = unicl.fused_loss(image, text, logit_scale=1 / temperature, normalize=True)
    has_label = torch.as_tensor(label_sets.offsets).diff() > 0
    if not has_label.any():
        return torch.stack([image_text, torch.zeros_like(image_text)])
    image_label = unicl.fused_loss(image[has_label], label[has_label], logit_scale=1 / temperature, normalize=True)
    return torch.stack([image_text, image_label])


def make_labeler(captions: list[str], min_document_frequency: int) -> tuple[unicl.DenseLabeler, list[str]]:
    """Mines a vocabulary from the captions. Gives the labeler over it and the names of its labels."""
    vocabulary = unicl.LabelVocabulary.mine(captions, min_document_frequency=min_document_frequency)
    names = list(vocabulary.names)
    if not names:
        raise ValueError(
            f"expected a noun phrase that occurs in {min_document_frequency} or more of the {len(captions)} captions; "
            "got none, so there is no label to learn from: lower --min-document-frequency"
        )
    return unicl.DenseLabeler(vocabulary), names


def make_text_side(
    config: Config,
) -> tuple[TransformersTextEncoder, Callable[[list[str]], tuple[Tensor, Tensor | None]]]:
    """Makes the text encoder and its tokenizer, which gives ids and, if it has one, an attention mask."""
    if config.text_encoder is not None:
        encoder = TransformersTextEncoder(config.text_encoder, embed_dim=config.embed_dim)
        hf_tokenizer = AutoTokenizer.from_pretrained(config.text_encoder, use_fast=True)
        size, most = len(hf_tokenizer), encoder.trunk.config.vocab_size
        # If the vocabulary is missing, transformers silently makes a tokenizer that knows only [UNK].
        if not len(hf_tokenizer.all_special_tokens) < size <= most:
            raise ValueError(
                f"expected the files of the tokenizer (tokenizer.json or vocab.txt) beside the weights of "
                f"{config.text_encoder!r}; its tokenizer has {size} tokens and its text model {most}"
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
        pad_token_id=None,  # 0 pads, but it also is "!" and needs an embedding that is trained
    )
    encoder = TransformersTextEncoder(bert, embed_dim=config.embed_dim, pad_id=0)
    return encoder, lambda captions: (torch.from_numpy(clip_tokenizer(captions)).to(config.device), None)


def make_transform(encoder: TimmImageEncoder, image_size: int | None) -> transforms.Compose:
    """Makes a random crop of most of an image at the encoder's size, normalised as the encoder expects."""
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
        print(f"{len(data)} captioned images; {data.skipped}")
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
    """Prints the mean losses of an epoch. Stops a run that learns nothing."""
    if not steps:
        raise ValueError(f"expected two captioned images that can be read in a batch; epoch {epoch} took no step")
    if not sums.isfinite().all():
        raise ValueError(f"expected finite losses; epoch {epoch} has the sums {sums.tolist()}: lower --lr")
    image_text, image_label = (sums / steps).tolist()
    total = image_text + image_label
    print(f"epoch {epoch}  loss {total:.4f}  image-text {image_text:.4f}  image-label {image_label:.4f}", flush=True)


def save(model: ThreeEncoders, config: Config, names: list[str], folder: Path) -> None:
    """Writes the weights, and the settings that build the encoders again."""
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
    """Loads the encoders that ``save`` wrote, in evaluation mode. Every weight must be there and must fit."""
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
    """Makes a folder to write to. It becomes ``out`` at the end, or vanishes after an error."""
    if out.exists():
        raise FileExistsError(f"expected a new folder; {out} exists: name another with --out, or move it away")
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
