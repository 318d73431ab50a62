"""Class names become captions: the article fits, and the draw depends on seed and position alone."""

import pickle
import re
from collections import Counter

import pytest

from unicl.data import DOMAIN_TEMPLATES, PHOTO_TEMPLATES, ClassTemplates
from unicl.evaluation import class_prompts

TAKE_AN = """apple|owl|ice cream|egg|island|umbrella|urchin|unidentified flying object|uncle|hour hand|hourglass
honest man|heir|X-ray|x-ray|SUV|MRI scan|RV|L-shaped sofa|8-ball|11th hour|18-wheeler|80s car|éclair|Älpler|onion
ox|axolotl|upright piano|undershirt|"owl" sign|uninhabited island""".replace("\n", "|").split("|")
TAKE_A = """dog|horse|house|hotel|unicorn|uniform|university|unicycle|European owl|eucalyptus|ewe|one-way sign
once-red house|USB stick|U-turn|T-shirt|ukulele|user|utensil|utility pole|uranium rod|usual day|UFO|7-day plan
110 m hurdle|1 cent coin|yacht|wolf|euro coin|zebra""".replace("\n", "|").split("|")


@pytest.mark.parametrize("name", TAKE_AN)
def test_an_goes_before_a_vowel_sound(name):
    assert ClassTemplates(["see a {}", "see an {}"]).captions(name) == [f"see an {name}"] * 2


@pytest.mark.parametrize("name", TAKE_A)
def test_a_goes_before_a_consonant_sound(name):
    assert ClassTemplates(["see a {}", "see an {}"]).captions(name) == [f"see a {name}"] * 2


@pytest.mark.parametrize(
    ("template", "name", "caption"),
    [
        ("A {} here", "owl", "An owl here"),
        ("An {}", "dog", "A dog"),
        ("{}", "owl", "owl"),
        ("a small {}", "owl", "a small owl"),
        ("vitamin a {}", "day", "vitamin a day"),
        ("banana {}", "owl", "banana owl"),
        ("the {}", "owl", "the owl"),
        ("(a {})", "owl", "(an owl)"),
        ("a {}", "the moon", "the moon"),
        ("a {}", "a hot dog", "a hot dog"),
        ("a {}", "no entry", "no entry"),
        ("a {}", "the", "a the"),
        ("a {}", "  owl\n", "an owl"),
        ("{x} a {} {y}", "a{}b", "{x} an a{}b {y}"),
        ("a {}", "{0}", "a {0}"),
        ("a {}", "\\1", "a \\1"),
    ],
)
def test_only_the_article_before_the_name_changes(template, name, caption):
    assert ClassTemplates([template]).captions(name) == [caption]


def test_our_templates_are_many_distinct_and_complete():
    assert 60 <= len(PHOTO_TEMPLATES) <= 80
    for templates in (PHOTO_TEMPLATES, *DOMAIN_TEMPLATES.values()):
        assert len(set(templates)) == len(templates)
        assert all(template.count("{}") == 1 and template == template.strip() for template in templates)
        captions = ClassTemplates(templates).captions("owl")
        assert not any(re.search(r"\ba owl", caption, re.IGNORECASE) for caption in captions)


def test_a_caption_is_a_function_of_seed_and_position():
    templates = ClassTemplates()
    captions = [templates.caption("dog", seed=4, position=at) for at in range(200)]
    again = pickle.loads(pickle.dumps(templates))  # noqa: S301 - our own bytes
    assert [again.caption("dog", seed=4, position=at) for at in reversed(range(200))] == captions[::-1]
    assert [templates.caption("dog", seed=5, position=at) for at in range(200)] != captions


def test_every_template_is_drawn_as_often():
    drawn = Counter(
        ClassTemplates(["{} 0", "{} 1", "{} 2", "{} 3"]).caption("x", seed=0, position=at) for at in range(4_000)
    )
    assert len(drawn) == 4
    assert all(880 < count < 1_120 for count in drawn.values())


def test_the_template_is_drawn_apart_from_the_crop():
    from unicl.data.draws import TEMPLATE, Draws

    assert TEMPLATE < 0  # views count from 0
    assert Draws(0, 1, TEMPLATE).uniform() != Draws(0, 1, 0).uniform()


def test_evaluation_takes_them_as_functions():
    templates = ClassTemplates(["{}", "a photo of a {}", "an {} outdoors"])
    assert class_prompts("owl", templates) == ["owl", "a photo of an owl", "an owl outdoors"]
    assert (len(templates), len(templates[1:]), templates[-1]("dog")) == (3, 2, "a dog outdoors")


@pytest.mark.usefixtures("own_checks")
@pytest.mark.parametrize(
    ("templates", "error", "message"),
    [
        ("a {}", TypeError, "expected a list of templates; got the string 'a {}': put it into a list"),
        ([], ValueError, "expected at least one template; got none"),
        (["{}", "a photo"], ValueError, "expected exactly one {} in each template; got 'a photo' as number 2"),
        (["{} and {}"], ValueError, "got '{} and {}' as number 1: put {} where the name belongs"),
        (["a {name}"], ValueError, "got 'a {name}' as number 1"),
        (["{}", 3], TypeError, "expected templates as strings; got 3 as number 2"),
    ],
)
def test_a_list_that_is_wrong_is_refused(templates, error, message):
    with pytest.raises(error, match=re.escape(message)):
        ClassTemplates(templates)


@pytest.mark.parametrize("name", ["", "  \n"])
def test_a_name_without_a_word_is_refused(name):
    with pytest.raises(ValueError, match="expected a class name with at least one word; got"):
        ClassTemplates().caption(name, seed=0, position=0)
