"""ImageNet's classes, from timm's data files: names, lemmas as synonyms, and parents where WordNet is installed."""

from __future__ import annotations

import ast
import importlib.util
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from unicl import _native
from unicl.labels.clashes import settle_clashes
from unicl.labels.content import Merge, OnClash, VocabularyContent
from unicl.labels.named.coco import likenesses
from unicl.labels.named.word_tables import read_synonyms, word_lists
from unicl.labels.named.wordnet import most_specific, noun_corpus

Subset: TypeAlias = Literal["1k", "12k", "21k", "21k-miil", "22k", "22k-ms"]
"""The subsets of ImageNet."""

Names: TypeAlias = Literal["open_clip", "lemmas"]
"""Where the names of classes come from: open_clip's readable names, or WordNet's lemmas."""

SYNSETS: dict[Subset, str] = {
    "1k": "imagenet_synsets.txt",
    "12k": "imagenet12k_synsets.txt",
    "21k": "imagenet21k_goog_synsets.txt",
    "21k-miil": "imagenet21k_miil_synsets.txt",
    "22k": "imagenet22k_synsets.txt",
    "22k-ms": "imagenet22k_ms_synsets.txt",
}
"""For each subset, timm's file of its synsets."""

PACKAGES = {
    "timm": ("ImageNet's classes are read from the data files of timm", "timm"),
    "open_clip": (
        'readable names of ImageNet-1k (names="lemmas" does without) are read from open_clip',
        "open-clip-torch",
    ),
}

ANIMALS = 398
"""The first classes of ImageNet-1k are animals."""
DOGS = slice(151, 269)
"""These of them are breeds of dogs."""


def imagenet_content(subset: Subset, *, names: Names | None, parents: bool, on_clash: OnClash) -> VocabularyContent:
    """The content of the vocabulary of a subset of ImageNet."""
    if names is not None and names not in get_args(Names):
        raise ValueError(f'expected names "open_clip", "lemmas" or None; got {names!r}')
    if names == "open_clip" and subset != "1k":
        raise ValueError(f'open_clip has names for "1k" only; for "{subset}" use names="lemmas"')
    synsets, lemmas = _synsets(subset)
    wanted = [texts[0] for texts in lemmas]
    if subset == "1k" and names != "lemmas":
        wanted = _open_clip_names()
    taken, renamed = _distinct(wanted, lemmas, synsets)
    synonyms, blocked = _corrections(taken) if subset == "1k" else ({name: [] for name in taken}, [])
    blocked = _other_texts(blocked, set(_native.text_keys(taken)))
    ours = set(_native.text_keys([text for texts in (blocked, *synonyms.values()) for text in texts]))
    for name, texts in zip(taken, lemmas, strict=True):
        synonyms[name] += _other_texts(texts, ours)
    if subset == "1k":
        for name in taken[DOGS]:
            synonyms[name] += _other_texts(_dogs([name, *synonyms[name]]), ours)
    content = VocabularyContent(
        names=tuple(taken),
        synonyms={name: tuple(texts) for name, texts in synonyms.items()},
        parents=nearest_classes(taken, synsets) if parents else {},
        blocked=tuple(blocked),
        merge_log=tuple(renamed),
    )
    settled = settle_clashes(content, on_clash=on_clash)
    return replace(settled, blocked=(*blocked, *_meaningless(settled))) if subset == "1k" else settled


@cache
def imagenet_texts() -> dict[str, tuple[str, ...]]:
    """For WordNet's id of every class of ImageNet ("n02084071"), its names, the readable one first, its lemmas, the id.

    Raises:
        ModuleNotFoundError: timm is not installed; the message gives the command.
    """
    texts: dict[str, tuple[str, ...]] = {}
    for synsets, content in _usual_subsets():
        for synset, name in zip(synsets, content.names, strict=True):
            texts[synset] = (*texts.get(synset, ()), name, *content.synonyms.get(name, ()))
    return {synset: tuple(dict.fromkeys((*each, synset))) for synset, each in texts.items()}


def imagenet_ids(names: tuple[str, ...]) -> dict[str, int]:
    """For WordNet's id of every class, its label, if a vocabulary's first names are those of ImageNet-1k or -21k."""
    for synsets, content in _usual_subsets():
        if names[: len(synsets)] == content.names:
            return {synset: label for label, synset in enumerate(synsets)}
    return {}


@cache
def _usual_subsets() -> list[tuple[list[str], VocabularyContent]]:
    """The synsets and the content of the vocabularies that go by a name; of 1k without open_clip, with its lemmas."""
    of_1k: Names = "lemmas" if importlib.util.find_spec("open_clip") is None else "open_clip"
    usual: tuple[tuple[Subset, Names], ...] = (("1k", of_1k), ("21k", "lemmas"))
    return [
        (_synsets(subset)[0], imagenet_content(subset, names=names, parents=False, on_clash="drop"))
        for subset, names in usual
    ]


def _meaningless(content: VocabularyContent) -> list[str]:
    """Texts that end in a class of ImageNet-1k and are none: likenesses of animals, and persons with verbs."""
    lists = word_lists()
    texts_of = [[name, *content.synonyms[name]] for name in content.names]
    meaning = [text for texts in texts_of for text in texts]
    animals = [text for texts in texts_of[:ANIMALS] for text in texts]
    actors = (*lists["subjects"], *lists["clothes"], *lists["imagenet_actors"])
    groups = (*lists["groups"], *lists["imagenet_acting_groups"])
    return [
        *likenesses(animals, lists["animal_likenesses"], meaning),
        *likenesses(lists["imagenet_verbs"], actors, meaning),
        *likenesses(lists["imagenet_bare_verbs"], groups, meaning),
    ]


def _other_texts(texts: list[str], keys: set[str]) -> list[str]:
    """The texts that have a letter or digit and are none of these."""
    return [text for text, key in zip(texts, _native.text_keys(texts), strict=True) if key and key not in keys]


def _dogs(breed: list[str]) -> list[str]:
    """What else a dog of a breed is called that is called by these: "pug puppy" of "pug"."""
    stems = dict.fromkeys(text.lower().removesuffix(" dog") for text in breed)
    words = ("dog", "puppy", "pup")
    return [f"{stem} {word}" for stem in stems if not stem.endswith(words) for word in words]


def _synsets(subset: Subset) -> tuple[list[str], list[list[str]]]:
    """WordNet's ids of the classes, in the order of their indices, and the lemmas of each."""
    if subset not in SYNSETS:
        raise ValueError(f"expected a subset of ImageNet, one of {', '.join(SYNSETS)}; got {subset!r}")
    folder = _package_folder("timm") / "data" / "_info"
    lines = (folder / "imagenet_synset_to_lemma.txt").read_text(encoding="utf-8").splitlines()
    lemmas = dict(line.split("\t", 1) for line in lines)
    synsets = (folder / SYNSETS[subset]).read_text(encoding="utf-8").splitlines()
    return synsets, [[text.strip() for text in lemmas[synset].split(",")] for synset in synsets]


def _open_clip_names() -> list[str]:
    source = (_package_folder("open_clip") / "zero_shot_metadata.py").read_text(encoding="utf-8")
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.Assign) and getattr(statement.targets[0], "id", "") == "IMAGENET_CLASSNAMES":
            return list(ast.literal_eval(statement.value))
    raise ValueError('the installed open_clip has no IMAGENET_CLASSNAMES; use names="lemmas"')


def _package_folder(package: str) -> Path:
    """The folder of an installed package, which is not imported: it would import torch."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        what, pip_name = PACKAGES[package]
        raise ModuleNotFoundError(f"{what}, which is not installed: pip install {pip_name}")
    return Path(spec.submodule_search_locations[0])


def _distinct(wanted: list[str], lemmas: list[list[str]], synsets: list[str]) -> tuple[list[str], list[Merge]]:
    """The names, each once. A second class of a name gets a free lemma, or the name with WordNet's id after it."""
    keys = _native.text_keys(wanted)
    demand = Counter(keys)
    owner: dict[str, str] = {}
    names, log = [], []
    for name, key, texts, synset in zip(wanted, keys, lemmas, synsets, strict=True):
        if key and key not in owner:
            owner[key] = name
            names.append(name)
            continue
        free = (
            (text, other)
            for text, other in zip(texts, _native.text_keys(texts), strict=True)
            if other and other not in demand and other not in owner
        )
        new, new_key = next(free, (f"{name} {synset}", f"{key} {synset}"))
        owner[new_key] = new
        names.append(new)
        log.append(Merge(outcome="renamed", text=name, label=new, other=owner.get(key)))
    return names, log


def _corrections(names: list[str]) -> tuple[dict[str, list[str]], list[str]]:
    """Our own synonyms of ImageNet-1k's classes, and texts that mean no class."""
    synonyms: dict[str, list[str]] = {name: [] for name in names}
    blocked: list[str] = []
    for index, texts in read_synonyms("imagenet_synonyms.tsv"):
        (blocked if index == "none" else synonyms[names[int(index)]]).extend(texts)
    return synonyms, blocked


def nearest_classes(names: list[str], synsets: list[str]) -> dict[str, str]:
    """For the name of a class, that of the nearest class above it in WordNet.

    Raises:
        ValueError: WordNet has no synset of a class: it is of another version.
    """
    corpus = noun_corpus()
    name_of = dict(zip(synsets, names, strict=True))
    parents = {}
    for wordnet_id, name in name_of.items():
        synset = corpus.synset_from_pos_and_offset("n", int(wordnet_id[1:]))
        if synset is None:
            raise ValueError(f"NLTK's WordNet has no {wordnet_id} ({name}); ImageNet's classes are WordNet 3.0's")
        above, seen = synset.hypernyms(), {synset}
        while above:
            classes = [higher for higher in above if _wordnet_id(higher) in name_of]
            if classes:
                parents[name] = name_of[_wordnet_id(most_specific(classes))]
                break
            seen.update(above)
            above = [higher for lower in above for higher in lower.hypernyms() if higher not in seen]
    return parents


def _wordnet_id(synset: Any) -> str:
    return f"{synset.pos()}{synset.offset():08d}"
