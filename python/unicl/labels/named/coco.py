"""COCO's 80 names, with synonyms and hyponyms of our own."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from unicl.labels.content import VocabularyContent
from unicl.labels.named.word_tables import read_synonyms, read_table, word_lists


def likenesses(things: Iterable[str], adjectives: Iterable[str], meaning: Iterable[str]) -> list[str]:
    """Each adjective before each thing ("toy dog"), except texts that mean something ("toy poodle")."""
    meanings = set(meaning)
    made = (f"{adjective} {thing}" for thing in things for adjective in adjectives)
    return [text for text in made if text not in meanings]


@cache
def coco_content() -> VocabularyContent:
    """The content of COCO's vocabulary."""
    lists = word_lists()
    rides = {row["verb"]: row["label"] for row in read_table("rides.tsv")}
    kind_of = {row["name"]: row["kind"] for row in read_table("coco_names.tsv")}
    synonyms: dict[str, list[str]] = {name: [] for name in kind_of}
    blocked: list[str] = []
    for label, texts in read_synonyms("coco_synonyms.tsv"):
        (blocked if label == "none" else synonyms[label]).extend(texts)
    acting = likenesses((*rides, *lists["acts"]), lists["subjects"], ())
    persons = dict.fromkeys([*acting, *likenesses(lists["bare_acts"], lists["groups"], ())])
    given = {text for texts in (blocked, *synonyms.values()) for text in texts}
    synonyms["person"] += [text for text in persons if text not in given]
    meaning = [text for texts in synonyms.values() for text in texts]
    for kind in ("animal", "vehicle"):
        things = [text for name in kind_of if kind_of[name] == kind for text in (name, *synonyms[name])]
        blocked += likenesses(things, lists[f"{kind}_likenesses"], meaning)
    for verb, label in rides.items():
        synonyms[label] += likenesses([verb.removesuffix("s")], lists["subjects"], given)
    blocked += likenesses(lists["people"], lists["person_likenesses"], meaning)
    blocked += likenesses(rides, lists["clothes"], meaning)
    return VocabularyContent(
        names=tuple(kind_of),
        synonyms={name: tuple(texts) for name, texts in synonyms.items()},
        blocked=tuple(blocked),
    )
