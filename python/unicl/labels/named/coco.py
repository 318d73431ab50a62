"""COCO's 80 names, with synonyms and hyponyms of our own."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

# fmt: off
NAMES = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light",
    "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow", "elephant",
    "bear", "zebra", "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard",
    "sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket", "bottle",
    "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich", "orange", "broccoli",
    "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch", "potted plant", "bed", "dining table", "toilet",
    "tv", "laptop", "mouse", "remote", "keyboard", "cell phone", "microwave", "oven", "toaster", "sink",
    "refrigerator", "book", "clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush",
)

ANIMALS = ("bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe")
VEHICLES = ("bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat")
PEOPLE = ("person", "man", "woman", "boy", "girl", "child", "baby", "santa", "clown", "soldier", "cowboy")

# What makes a thing of these words no such thing but a likeness of it.
ANIMAL_LIKENESSES = (
    "balloon", "bronze", "cardboard", "carved", "cartoon", "ceramic", "clay", "concrete", "fake", "glass", "inflatable",
    "knitted", "lego", "marble", "mechanical", "metal", "model", "origami", "paper", "plastic", "plush", "porcelain",
    "robotic", "rubber", "stone", "stuffed", "toy", "wooden",
)
VEHICLE_LIKENESSES = ("cardboard", "cartoon", "lego", "matchbox", "miniature", "model", "paper", "rc", "toy")
PERSON_LIKENESSES = ("cardboard", "cartoon", "inflatable", "lego", "plastic", "stone", "stuffed", "toy", "wax")

# A chunker joins a subject and a verb that is also a thing: "a woman fiddles" and "two men paddle" are persons, and of
# "a man in a blue shirt bikes" there is "a blue shirt bikes", which is nothing. "A girl bike" is a bicycle though.
SUBJECTS = (
    "adult", "artist", "athlete", "batsman", "batter", "boy", "chef", "climber", "cyclist", "dancer", "diver", "driver",
    "employee", "farmer", "female", "fireman", "fisherman", "gentleman", "girl", "golfer", "guitarist", "guy", "hitter",
    "kayaker", "lady", "male", "man", "musician", "officer", "performer", "person", "player", "policeman", "rider",
    "rower", "runner", "singer", "skateboarder", "skier", "snorkeler", "soldier", "someone", "student", "surfer",
    "swimmer", "teen", "teenager", "tourist", "vendor", "woman", "worker", "youth",
)
GROUPS = (
    "adults", "athletes", "boys", "children", "climbers", "couples", "dancers", "families", "friends", "girls", "guys",
    "kayakers", "kids", "ladies", "males", "men", "onlookers", "people", "performers", "persons", "players",
    "protesters", "rowers", "skiers", "soldiers", "students", "surfers", "teammates", "teams", "teenagers", "teens",
    "tourists", "women", "workers",
)
CLOTHES = (
    "cap", "clothes", "clothing", "coat", "dress", "gear", "glasses", "goggles", "hair", "hat", "helmet", "hoodie",
    "jacket", "jeans", "jersey", "outfit", "pants", "shirt", "shorts", "skirt", "suit", "sunglasses", "sweater",
    "sweatshirt", "t-shirt", "top", "trunks", "uniform", "vest", "wetsuit",
)
RIDES = {
    "bats": "baseball bat", "bicycles": "bicycle", "bikes": "bicycle", "bowls": "bowl", "canoes": "boat",
    "cross country skis": "skis", "crosscountry skis": "skis", "cycles": "bicycle", "kayaks": "boat", "monitors": "tv",
    "mountain bikes": "bicycle", "rafts": "boat", "skateboards": "skateboard", "skis": "skis",
    "snowboards": "snowboard", "steers": "cow", "surfboards": "surfboard", "tugs": "boat",
}
ACTS = (
    "balances", "breakdances", "checks", "clings", "coasts", "crawls", "draws", "drums", "exits", "fiddles",
    "fights", "frowns", "glides", "grimaces", "hammers", "huddles", "interviews", "juggles", "mops", "motions",
    "naps", "paddles", "paints", "pauses", "pedals", "plows", "races", "rests", "sails", "scales", "shakes",
    "shovels", "snorkels", "snowmobiles", "soars", "spins", "squints", "strums", "swings", "texts", "vacuums", "vaults",
    "whistles",
)
BARE_ACTS = (
    "battle", "canoe", "celebrate", "cheer", "climb", "compete", "cook", "cross", "cuddle", "dance", "drum", "embrace",
    "fiddle", "fight", "fish", "hug", "hunt", "jog", "jump", "kayak", "kick", "kiss", "laugh", "march", "mop",
    "observe", "paddle", "peer", "plow", "pull", "push", "race", "raft", "relax", "ride", "row", "run", "sail",
    "shovel", "ski", "snorkel", "speak", "surf", "swim", "swing", "talk", "wade", "wait", "walk", "wave", "work",
    "wrestle",
)
# fmt: on


def likenesses(things: Iterable[str], adjectives: Iterable[str], meaning: Iterable[str]) -> list[str]:
    """The things behind each adjective ("toy dog"), except what means something ("toy poodle")."""
    meanings = set(meaning)
    made = (f"{adjective} {thing}" for thing in things for adjective in adjectives)
    return [text for text in made if text not in meanings]


@cache
def coco_fields() -> dict[str, Any]:
    """The keyword arguments of LabelVocabulary."""
    synonyms: dict[str, list[str]] = {name: [] for name in NAMES}
    blocked: list[str] = []
    for line in (files(__package__) / "words" / "coco_synonyms.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            label, texts = line.split("\t")
            (blocked if label == "none" else synonyms[label]).extend(texts.split("|"))
    persons = dict.fromkeys([*likenesses((*RIDES, *ACTS), SUBJECTS, ()), *likenesses(BARE_ACTS, GROUPS, ())])
    given = {text for texts in (blocked, *synonyms.values()) for text in texts}
    synonyms["person"] += [text for text in persons if text not in given]
    meaning = [text for texts in synonyms.values() for text in texts]
    for names, adjectives in ((ANIMALS, ANIMAL_LIKENESSES), (VEHICLES, VEHICLE_LIKENESSES)):
        blocked += likenesses([text for name in names for text in (name, *synonyms[name])], adjectives, meaning)
    for verb, label in RIDES.items():
        synonyms[label] += likenesses([verb.removesuffix("s")], SUBJECTS, given)
    blocked += likenesses(PEOPLE, PERSON_LIKENESSES, meaning) + likenesses(RIDES, CLOTHES, meaning)
    return {"names": NAMES, "synonyms": synonyms, "blocked": tuple(blocked)}
