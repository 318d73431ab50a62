"""The label vocabulary: names with ids, their synonyms and their parents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sized
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unicl import _native
from unicl.labels.clashes import settle_clashes
from unicl.labels.content import Merge, VocabularyContent, as_names, as_texts
from unicl.labels.frequency import MiningLimits
from unicl.labels.growth import extended, merged
from unicl.labels.named.coco import coco_content
from unicl.labels.named.imagenet import imagenet_content
from unicl.labels.named.wordnet import wordnet_content
from unicl.labels.rule import WHOLE
from unicl.labels.vocabulary_files import read_vocabulary, write_vocabulary
from unicl.phrases import english_tagger

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from unicl.labels.content import OnClash
    from unicl.labels.named.imagenet import Names, Subset
    from unicl.phrases import PosTagger
    from unicl.text import Captions


class LabelVocabulary:
    """Label names with ids from 0, in the order given, with their synonyms and parents.

    Make one with :meth:`from_names`, :meth:`from_file`, :meth:`mine`, :meth:`coco`, :meth:`imagenet` or
    :meth:`wordnet`. Ids never change: nothing edits a vocabulary, and :meth:`extended`, :meth:`merged` and
    :meth:`with_synonyms` make new ones that keep the ids. Names that differ only in case, articles or marks at the
    edges of words are the same name, and an underscore or a hyphen is a space. So are names that Unicode calls
    equivalent. A name of articles alone keeps its last word: "A" is a name.

    Args:
        content: The names, synonyms, parents and counts.

    Attributes:
        names: The names; the id of a label is its index.
        synonyms: For a name, other texts that mean it.
        parents: int32 (number of labels,), the id of each label's parent; -1 for none.
        document_frequency: int64 (number of labels,), the number of captions with each label; None if not counted.
        blocked: Texts that mean no label. A phrase that ends in one means no label either: "toy car" is no car.
        merge_log: The decisions about texts that two labels claimed, about labels merged in, and about plurals and
            singulars that two labels share.

    Raises:
        TypeError: ``content`` is not a :class:`VocabularyContent`.
        ValueError: The content contradicts itself; see :meth:`from_names`.

    Example:
        >>> vocabulary = LabelVocabulary.from_names(["dog", "hot dog"], synonyms={"dog": ["puppy"]})
        >>> len(vocabulary), vocabulary.id("Hot Dog"), "cat" in vocabulary
        (2, 1, False)
    """

    def __init__(self, content: VocabularyContent) -> None:
        if not isinstance(content, VocabularyContent):
            raise TypeError(
                f"expected a VocabularyContent; got {type(content).__name__}: "
                "make a vocabulary of names with LabelVocabulary.from_names(names)"
            )
        self.names: tuple[str, ...] = content.names
        self.blocked: tuple[str, ...] = content.blocked
        self.document_frequency: NDArray[np.int64] | None = content.document_frequency
        pairs = [(name, other) for name, others in content.synonyms.items() for other in others]
        parents = list(content.parents.items())
        self._native = _native.LabelVocabulary(list(self.names), pairs, parents, list(self.blocked))
        shared = [
            Merge(outcome="form", text=text, label=self.names[label], other=self.names[other])
            for text, label, other in self._native.shared_forms()
        ]
        # A copy of a vocabulary has the decisions of the first; others can be out of date by now.
        given = [merge for merge in content.merge_log if merge.outcome != "form"]
        self.merge_log: tuple[Merge, ...] = tuple(dict.fromkeys([*given, *shared]))
        known = set(self.names) if content.synonyms else set()
        self.synonyms: dict[str, tuple[str, ...]] = {}
        for name, others in content.synonyms.items():
            name = name if name in known else self.names[self.id(name)]
            self.synonyms[name] = (*self.synonyms.get(name, ()), *others)
        self.parents: NDArray[np.int32] = self._native.parents

    @property
    def content(self) -> VocabularyContent:
        """The content of the vocabulary: ``LabelVocabulary(content)`` makes an equal one."""
        return VocabularyContent(
            names=self.names,
            synonyms=self.synonyms,
            parents=self.parent_names,
            document_frequency=self.document_frequency,
            blocked=self.blocked,
            merge_log=self.merge_log,
        )

    @classmethod
    def from_names(
        cls,
        names: Iterable[str],
        *,
        synonyms: Mapping[str, Iterable[str]] | None = None,
        parents: Mapping[str, str] | None = None,
        blocked: Iterable[str] = (),
        on_clash: OnClash = "error",
    ) -> LabelVocabulary:
        """Makes a vocabulary of names.

        Args:
            names: The names, in the order of their ids.
            synonyms: For some of the names, other texts that mean them. Plurals need not be given.
            parents: For some of the names, the name of a more general label.
            blocked: Texts that mean no label, although their last words do: "toy car".
            on_clash: What to do with a synonym that two labels claim: refuse it ("error"), leave it with the first of
                them ("first"), or with neither ("drop"). A name is never lost to a synonym. ``merge_log`` has the
                decisions.

        Raises:
            TypeError: A str stands in the place of a list, or synonyms or parents are not mappings of the right kind.
            ValueError: A name is blank or occurs twice. A synonym means two labels. A synonym or parent belongs to an
                unknown label. Parents go in a circle. A blocked text is a name or synonym. The message names the
                labels.

        Example:
            >>> synonyms = {"cougar": ["puma", "panther"], "jaguar": ["panther"]}
            >>> vocabulary = LabelVocabulary.from_names(["cougar", "jaguar"], synonyms=synonyms, on_clash="first")
            >>> print(vocabulary.merge_log[0])
            "panther" stays a synonym of "cougar"; "jaguar" claimed it too
        """
        content = VocabularyContent(
            names=as_names(names),
            synonyms=as_texts(synonyms),
            parents={} if parents is None else parents,
            blocked=blocked,  # type: ignore[arg-type]  # it refuses a str and makes a tuple of the rest
        )
        return cls(settle_clashes(content, on_clash=on_clash))

    @classmethod
    def from_file(cls, path: str | Path, *, on_clash: OnClash = "error") -> LabelVocabulary:
        """Reads a vocabulary from a file (UTF-8).

        - ``.json``: a file of :meth:`save`, a list of names, or an object ``{name: [synonyms]}``.
        - ``.tsv`` whose first line begins with the column ``name``: a table with some of the columns ``name``,
          ``synonyms`` (with "|" between them), ``parent`` and ``document_frequency``.
        - any other suffix but ``.csv``: a name a line, then its synonyms, with tabs between them. Blank lines are
          skipped. A ``.tsv`` that looks like a table without that header is refused.

        Args:
            path: The file.
            on_clash: What to do with a synonym that two labels claim; see :meth:`from_names`.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: The file is not UTF-8 or malformed, or :meth:`from_names` would refuse its content; the message
                names the file.
        """
        try:
            return cls(settle_clashes(read_vocabulary(Path(path)), on_clash=on_clash))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path}: {error}") from None

    def save(self, path: str | Path) -> None:
        """Writes the vocabulary to a file that :meth:`from_file` reads: .json (all of it), .tsv or .txt.

        The file appears whole or not at all; a file that is there is replaced.

        Raises:
            ValueError: The suffix is another, or the format cannot hold something: .tsv holds no blocked texts, and
                .txt no parents and counts either. Neither keeps the merge log.

        Example:
            >>> import tempfile
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     LabelVocabulary.from_names(["dog"], synonyms={"dog": ["puppy"]}).save(f"{folder}/labels.json")
            ...     LabelVocabulary.from_file(f"{folder}/labels.json").synonyms
            {'dog': ('puppy',)}
        """
        write_vocabulary(self.content, Path(path))

    @classmethod
    def coco(cls) -> LabelVocabulary:
        """Makes a vocabulary of COCO's 80 names, with synonyms and hyponyms of our own.

        Ids are 0 to 79 in the order of the annotations. A kind of a thing means the thing: "puppy" is "dog",
        "guitarist" is "person", "suv" is "car".

        Example:
            >>> vocabulary = LabelVocabulary.coco()
            >>> len(vocabulary), vocabulary.names[0], "guitarist" in vocabulary.synonyms["person"]
            (80, 'person', True)
        """
        return cls(coco_content())

    @classmethod
    def imagenet(
        cls,
        subset: Subset = "1k",
        *,
        names: Names | None = None,
        parents: bool = False,
        on_clash: OnClash = "drop",
    ) -> LabelVocabulary:
        """Makes a vocabulary of ImageNet's classes, with WordNet's lemmas as synonyms, from timm's data files.

        Ids are the usual indices. ImageNet-1k also has synonyms of our own, and lacks lemmas that mean something else
        in captions ("drop" is no cliff). A name that two classes share stays with the first. The second gets another of
        its lemmas as name, and ``merge_log`` records it.

        Args:
            subset: "1k", "12k" (11,821 classes), "21k" (21,843), "21k-miil" (11,221), "22k" (21,841) or "22k-ms".
            names: "open_clip": open_clip's readable names, for "1k" only; "lemmas": the first lemma of each class.
                None: the first for "1k", the second otherwise.
            parents: Give each class the nearest class above it in WordNet, if there is one; "1k" has none. This needs
                NLTK's corpus.
            on_clash: What to do with a lemma of two classes, such as "panther"; see :meth:`from_names`.

        Raises:
            ModuleNotFoundError: timm, open_clip or NLTK is needed and not installed; the message gives the command.
            FileNotFoundError: ``parents`` is set, and NLTK's corpus is not installed.
            ValueError: There is no such subset, or it has no such names.

        Example:
            >>> vocabulary = LabelVocabulary.imagenet("1k")
            >>> len(vocabulary), vocabulary.names[207], vocabulary.names[744]
            (1000, 'Golden Retriever', 'projectile')
            >>> print(vocabulary.merge_log[0])
            "missile" is a name already; the second label of it is called "projectile"
        """
        return cls(imagenet_content(subset, names=names, parents=parents, on_clash=on_clash))

    @classmethod
    def wordnet(cls) -> LabelVocabulary:
        """Makes a vocabulary of WordNet's 82,115 noun synsets, with lemmas as synonyms and hypernyms as parents.

        Synsets are in WordNet's order. A word means its first, most frequent sense, and only that label has it. A
        synset that is not the first sense of any word has WordNet's name for it, "dog.n.03". If only an article tells
        two such names apart, the number of the synset follows the name. NLTK reads the synsets from its corpus
        "wordnet".

        Raises:
            ModuleNotFoundError: NLTK is not installed.
            FileNotFoundError: NLTK's corpus is not installed; the message gives the command.
        """
        return cls(wordnet_content())

    @classmethod
    def mine(
        cls,
        captions: Captions,
        *,
        min_document_frequency: float = 2,
        max_document_frequency: float = 1.0,
        top_k: int | None = None,
        tagger: PosTagger | None = None,
        grammar: str | None = None,
        threads: int | None = None,
    ) -> LabelVocabulary:
        """Mines a vocabulary from the noun phrases of captions, the most frequent first.

        Every noun phrase counts, without its determiner and with its head in the singular. So does the rest after
        words are taken away from its left. "two black dogs" counts for "two black dog" (if that is frequent enough),
        "black dog" and "dog". A name has eight words at most.

        One thing is one name: "wine glasses" counts for "wine glass" if the captions have that too, and "fire-hydrant"
        and "fire hydrant" are one. The name is the form that is written most often; of two, the one with a space.

        Memory grows with the number of names, and not with their frequency. Until the end a name takes about 140 bytes
        for each thread that met it. A name that is kept takes 200 more. For a stream of captions, or more names than
        memory holds, use :class:`unicl.labels.PhraseCounter`.

        Args:
            captions: A batch of captions, or an Arrow column.
            min_document_frequency: In how many captions a name must be: a number, or a share such as 0.001.
            max_document_frequency: In how many captions a name may be: a number, or a share such as 0.1; 1.0 sets no
                limit.
            top_k: Keep only that many names, the most frequent.
            tagger: The tagger; None for the package's own weights.
            grammar: The noun-phrase grammar; None for that of :func:`unicl.phrases.find_noun_phrases`.
            threads: How many threads to use; None for all cores.

        Raises:
            TypeError: ``captions`` is one str, or has a row that is not a string.
            ValueError: A limit is out of range, or the minimum exceeds the maximum.

        Example:
            >>> captions = ["a black dog", "two dogs on grass", "green grass"]
            >>> vocabulary = LabelVocabulary.mine(captions, min_document_frequency=2)
            >>> vocabulary.names, vocabulary.document_frequency.tolist()
            (('dog', 'grass'), [2, 2])
        """
        if isinstance(captions, str):
            raise TypeError("expected a batch of captions; got one str")
        if not isinstance(captions, Sized):  # a share of them could not be told
            raise TypeError(
                f"expected a batch of captions with a length; got {type(captions).__name__}; read it into a list"
            )
        limits = MiningLimits(
            min_document_frequency=min_document_frequency, max_document_frequency=max_document_frequency, top_k=top_k
        )
        least, most = limits.as_counts(len(captions))
        native = (english_tagger() if tagger is None else tagger)._native
        mined = _native.mine_labels(captions, native, least, most, top_k, grammar, threads)
        counts = np.array([count for _, count in mined], dtype=np.int64)
        return cls(VocabularyContent(names=tuple(name for name, _ in mined), document_frequency=counts))

    def extended(
        self,
        names: Iterable[str],
        *,
        synonyms: Mapping[str, Iterable[str]] | None = None,
        parents: Mapping[str, str] | None = None,
        on_clash: OnClash = "error",
    ) -> LabelVocabulary:
        """Makes a vocabulary with more labels after those of this one, whose ids stay.

        The new vocabulary has no counts of captions, because the new labels have none.

        Args:
            names: The new names.
            synonyms: Further texts for new labels and for labels that are there.
            parents: Parents of new labels, and of labels that are there.
            on_clash: What to do with a synonym that two labels claim; see :meth:`from_names`. Unless this is "error",
                a new name takes over a synonym of the same text.

        Raises:
            ValueError: A name is there already, or :meth:`from_names` would refuse the result.

        Example:
            >>> vocabulary = LabelVocabulary.from_names(["dog"], synonyms={"dog": ["puppy", "wolf"]})
            >>> larger = vocabulary.extended(["cat", "wolf"], synonyms={"cat": ["kitten"]}, on_clash="first")
            >>> larger.names, larger.synonyms["dog"]
            (('dog', 'cat', 'wolf'), ('puppy',))
        """
        more = VocabularyContent(names=as_names(names), synonyms=as_texts(synonyms), parents=parents or {})
        return LabelVocabulary(extended(self.content, more, on_clash=on_clash))

    def merged(self, other: LabelVocabulary, *, on_clash: OnClash = "error") -> LabelVocabulary:
        """Makes a vocabulary with the new labels of another after those of this one, whose ids stay.

        A name of the other can mean a label here, as name or synonym, in singular or plural. That label then gets the
        name and its synonyms as synonyms, and ``merge_log`` records it. If both have a parent for a label, the parent
        here stays. Counts of captions are added if both have them.

        Args:
            other: The other vocabulary.
            on_clash: What to do with a synonym that two labels claim; see :meth:`from_names`.

        Raises:
            ValueError: :meth:`from_names` would refuse the result.

        Example:
            >>> animals = LabelVocabulary.from_names(["dog", "cat"], synonyms={"cat": ["kitty"]})
            >>> merged = animals.merged(LabelVocabulary.from_names(["ball", "kitty"], synonyms={"kitty": ["kitten"]}))
            >>> merged.names, merged.synonyms["cat"], str(merged.merge_log[0])
            (('dog', 'cat', 'ball'), ('kitty', 'kitten'), '"kitty" became a synonym of "cat"')
        """
        ids, _, rules = _native.LabelMapper(self._native).map(list(other.names))
        is_whole = np.isin(rules, WHOLE)
        labels = [self.names[label] if whole else None for label, whole in zip(ids, is_whole, strict=True)]
        return LabelVocabulary(merged(self.content, other.content, labels=labels, on_clash=on_clash))

    def with_synonyms(self, synonyms: Mapping[str, Iterable[str]], *, on_clash: OnClash = "error") -> LabelVocabulary:
        """Makes a vocabulary with further synonyms; ids and counts of captions stay.

        Raises:
            ValueError: :meth:`from_names` would refuse the result.
        """
        grown = extended(self.content, VocabularyContent(synonyms=as_texts(synonyms)), on_clash=on_clash)
        return LabelVocabulary(replace(grown, document_frequency=self.document_frequency))

    def with_document_frequency(self, counts: ArrayLike) -> LabelVocabulary:
        """Makes a vocabulary with other counts of captions.

        Args:
            counts: (number of labels,) integers: in how many captions each label occurs.

        Raises:
            ValueError: There are not as many counts as labels.

        Example:
            >>> vocabulary = LabelVocabulary.from_names(["dog", "cat"]).with_document_frequency([3, 1])
            >>> vocabulary.document_frequency.tolist()
            [3, 1]
        """
        return LabelVocabulary(replace(self.content, document_frequency=np.asarray(counts, np.int64)))

    def id(self, name: str) -> int:
        """Gives the id of a label by its name; :meth:`LabelMapper.map` gives those of names and synonyms.

        Raises:
            KeyError: There is no such label.
        """
        found = self._native.id(name)
        if found is None:
            raise KeyError(
                f"no label {name!r} among the {len(self)} of the vocabulary (LabelMapper knows synonyms too)"
            )
        return found

    def __len__(self) -> int:
        """The number of labels."""
        return len(self.names)

    @property
    def parent_names(self) -> dict[str, str]:
        """For the name of each label with a parent, the name of the parent."""
        ids = np.flatnonzero(self.parents >= 0)
        return {self.names[label]: self.names[self.parents[label]] for label in ids}

    def __contains__(self, name: object) -> bool:
        """Whether there is a label of this name."""
        return isinstance(name, str) and self._native.id(name) is not None

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.content,)

    def __repr__(self) -> str:
        shown = ", ".join(repr(name) for name in self.names[:3])
        return f"LabelVocabulary({len(self)} labels: {shown}{', ...' if len(self) > 3 else ''})"
