"""Captions of classes: the name of a class in a sentence, one sentence a sample."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Literal, overload

from unicl.data.draws import TEMPLATE, Draws

PLACEHOLDER = "{}"

PHOTO_TEMPLATES = (
    # the bare name
    "{}",
    "a {}",
    "the {}",
    "{}.",
    # a plain photo
    "a photo of a {}",
    "a photograph of the {}",
    "a snapshot of a {}",
    "photo of {}",
    "here is a {}",
    "this is a {}",
    "an image that shows a {}",
    "we can see a {}",
    "there is a {} here",
    # quality
    "a sharp photo of a {}",
    "a blurry shot of a {}",
    "a {} in poor light",
    "a bright, clear view of the {}",
    "a grainy old photo of a {}",
    "an overexposed image of a {}",
    "a {} in few pixels",
    "a compressed image of a {}, with artifacts",
    "a {} in black and white",
    "a professional photo of a {}",
    "a quick phone snapshot of a {}",
    # framing
    "a close-up of a {}",
    "a detail of the {}",
    "a {} seen from afar",
    "a {} cut off at the edge of the frame",
    "a {} that is partly hidden",
    "the {} from the side",
    "a {} from above",
    "a {} in the middle of the frame",
    # number and size
    "one {}",
    "a single {} and nothing else",
    "more than one {}",
    "a row of things, each a {}",
    "a small {}",
    "a large {}",
    "a tiny {} beside other things",
    "a huge {} that fills the frame",
    # article, possessive, adjective
    "my {}",
    "our {} at home",
    "somebody's {}",
    "that {} over there",
    "another {}",
    "an unusual {}",
    "a typical {}",
    "a beautiful {}",
    "an old {}",
    "a new {}",
    # medium
    "a chalk drawing of a {}",
    "a pencil sketch of the {}",
    "an oil painting of a {}",
    "a watercolour of a {}",
    "a cartoon with a {}",
    "a {} as a toy made of plastic",
    "a {} carved in stone",
    "a {} folded from paper",
    "a computer rendering of a {}",
    "a stitched {}",
    "a {} on a poster",
    # domain
    "a {}, a thing that people photograph",
    "a {} in a catalogue",
    "a product photo of a {}",
    "an encyclopedia's image of a {}",
    # scene
    "a {} indoors",
    "a {} outdoors in daylight",
    "a {} at night",
    "a {} on a plain background",
    "a {} in front of a busy background",
    "a {} on a table",
    "a {} in the street",
    "a scene with a {}",
    "people around a {}",
)
"""Templates for photographs of things. A name after "a" or "an" gets the article that fits it."""

DOMAIN_TEMPLATES = {
    "food": ("a plate of {}", "{}, a type of food", "homemade {}", "a serving of {} in a restaurant"),
    "flower": ("a {} in bloom", "a {}, a kind of flower", "the petals of a {}", "a {} in a garden"),
    "aircraft": ("a {}, a model of aircraft", "a {} on the runway", "a {} in flight"),
    "pet": ("a {}, a breed of pet", "a {} at home with its owner", "a sleeping {}"),
    "car": ("a {} parked on the street", "a {}, a model of car", "the front of a {}"),
    "satellite": ("a satellite image of {}", "an aerial view of {}", "{} seen from space"),
    "sign": ("a traffic sign that means {}", 'a road sign: "{}"', "the sign for {} beside a road"),
    "texture": ("a surface that is {}", "a {} texture", "a close-up of something {}"),
    "action": ("a person who is {}", "somebody {}", "people {}", "a video frame of {}"),
    "scene": ("a view of a {}", "inside of a {}", "a {} with nobody in it"),
}
"""Templates for the classes of one domain, by its name. Add them to :data:`PHOTO_TEMPLATES`, or use them alone."""

_ARTICLE = re.compile(r"(?<!\w)([Aa])n?(\s+)$")
_DETERMINERS = {"a", "an", "the", "my", "your", "his", "her", "its", "our", "their", "some", "this", "that", "no"}
_FIRST_WORD = re.compile(r"\d+|[^\W\d_]+")
_VOWEL_LETTERS = "aefhilmnorsx"
_SILENT_H = ("hour", "honest", "honor", "honour", "heir")
_CONSONANT_SOUND = re.compile("eu|ewe|u(?:[fk]|bi|ni|r[aei]|s[aeu]|t[eio])")
_VOWEL_SOUND = ("unid", "unim", "unin")


class ClassTemplates(Sequence[Callable[[str], str]]):
    """Sentences with a place for the name of a class. As a sequence, it is functions from a name to a caption.

    ``unicl.evaluation.class_prompts`` and ``zero_shot_classifier`` take it as their ``templates``. They then use all
    sentences, with the same articles as in training.

    Args:
        templates: Sentences with one ``{}`` each. A sentence that is listed twice is drawn twice as often.

    Raises:
        TypeError: ``templates`` is one string, or holds something else than strings.
        ValueError: There are no templates, or one has not exactly one ``{}``.

    Example:
        >>> templates = ClassTemplates(["{}", "a photo of a {}", "a small {} in a box"])
        >>> templates.captions("apple")
        ['apple', 'a photo of an apple', 'a small apple in a box']
        >>> templates.caption("apple", seed=0, position=41) in templates.captions("apple")
        True
        >>> ClassTemplates(["a photo"])
        Traceback (most recent call last):
        ValueError: expected exactly one {} in each template; got 'a photo' as number 1: put {} where the name belongs
    """

    def __init__(self, templates: Sequence[str] = PHOTO_TEMPLATES) -> None:
        if isinstance(templates, str):
            raise TypeError(f"expected a list of templates; got the string {templates!r}: put it into a list")
        self.templates = tuple(templates)
        if not self.templates:
            raise ValueError("expected at least one template; got none: '{}' alone is the bare name")
        for number, template in enumerate(self.templates, 1):
            if not isinstance(template, str):
                raise TypeError(f"expected templates as strings; got {template!r} as number {number}")
            if template.count(PLACEHOLDER) != 1:
                raise ValueError(
                    f"expected exactly one {PLACEHOLDER} in each template; got {template!r} as number {number}: put "
                    f"{PLACEHOLDER} where the name belongs"
                )

    def caption(self, class_name: str, *, seed: int, position: int) -> str:
        """Draws the caption of one sample: a pure function of the name, the seed and the position.

        Raises:
            ValueError: The name has no word.
        """
        return fill_template(self.templates[Draws(seed, position, TEMPLATE).below(len(self.templates))], class_name)

    def captions(self, class_name: str) -> list[str]:
        """Makes the captions of one class with all templates, in their order.

        Raises:
            ValueError: The name has no word.
        """
        return [fill_template(template, class_name) for template in self.templates]

    def __len__(self) -> int:
        return len(self.templates)

    @overload
    def __getitem__(self, index: int) -> Callable[[str], str]: ...

    @overload
    def __getitem__(self, index: slice) -> ClassTemplates: ...

    def __getitem__(self, index: int | slice) -> Callable[[str], str] | ClassTemplates:
        """Gives the function of one template, or some of the templates."""
        if isinstance(index, slice):
            return ClassTemplates(self.templates[index])
        return partial(fill_template, self.templates[index])


def fill_template(template: str, class_name: str) -> str:
    """Puts a name into a template, with the article that fits.

    Only an article directly before ``{}`` changes. If the name brings its own determiner, such as "the moon", the
    template's article goes.

    Raises:
        ValueError: The name has no word.

    Example:
        >>> [fill_template("a photo of a {}", name) for name in ("owl", "unicorn", "MRI scan", "the moon")]
        ['a photo of an owl', 'a photo of a unicorn', 'a photo of an MRI scan', 'a photo of the moon']
    """
    name = class_name.strip()
    if not name:
        raise ValueError(f"expected a class name with at least one word; got {class_name!r}")
    before, after = template.split(PLACEHOLDER)
    article = _ARTICLE.search(before)
    if article is not None:
        first, space = article.groups()
        before = before[: article.start()] + {None: "", "a": first + space, "an": f"{first}n{space}"}[_article(name)]
    return before + name + after


@lru_cache(maxsize=2**16)  # training fills templates for each sample, and classes are few
def _article(name: str) -> Literal["a", "an"] | None:
    """The article of a name; None if it brings its own determiner."""
    return None if _has_determiner(name) else "an" if takes_an(name) else "a"


def _has_determiner(name: str) -> bool:
    first, _, rest = name.partition(" ")
    return bool(rest) and first.lower() in _DETERMINERS


def takes_an(name: str) -> bool:
    """Tells whether a name begins with a vowel sound, by a small rule: "an owl", "an hour", "an X-ray", "an 8-ball".

    A first word of up to three capitals is read letter by letter. Words that the rule does not know go by their first
    letter.

    Example:
        >>> [name for name in ("egg", "European owl", "SUV", "USB stick", "11 o'clock", "110") if takes_an(name)]
        ['egg', 'SUV', "11 o'clock"]
    """
    found = _FIRST_WORD.search(unicodedata.normalize("NFKD", name))
    if found is None:
        return False
    word = found[0]
    if word.isdecimal():
        return word[0] == "8" or (word[:2] in {"11", "18"} and len(word) % 3 == 2)
    lower = word.lower()
    if len(word) == 1 or (len(word) <= 3 and word.isupper()):
        return lower[0] in _VOWEL_LETTERS
    if lower.startswith(_SILENT_H + _VOWEL_SOUND):
        return True
    return lower[0] in "aeiou" and not _CONSONANT_SOUND.match(lower) and lower not in {"one", "once"}
