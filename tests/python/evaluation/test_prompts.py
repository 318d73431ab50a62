"""Class names into prompts."""

import pytest

from unicl.evaluation import IMAGE_TEMPLATES, class_prompts


def test_every_template_gives_one_prompt_in_order() -> None:
    assert class_prompts("hot dog", ["{}", "a photo of a {}."]) == ["hot dog", "a photo of a hot dog."]


def test_callables_are_templates_too() -> None:
    assert class_prompts("cat", [lambda name: f"one {name}", "two {}s"]) == ["one cat", "two cats"]


def test_nothing_but_the_placeholder_is_special() -> None:
    assert class_prompts("{0.__class__} {}", ["{curly} {}"]) == ["{curly} {0.__class__} {}"]


def test_our_templates_are_distinct_and_contain_the_name_once() -> None:
    prompts = class_prompts("quokka", IMAGE_TEMPLATES)
    assert len(set(prompts)) == len(IMAGE_TEMPLATES)
    assert all(prompt.count("quokka") == 1 for prompt in prompts)


@pytest.mark.parametrize("template", ["a photo", "{} and {}", "{name}"])
def test_a_template_without_one_placeholder_is_refused(template: str) -> None:
    with pytest.raises(
        ValueError, match=r"exactly one '\{\}' for the class name; got '" + template.replace("{", r"\{")
    ):
        class_prompts("cat", [template])


def test_no_templates_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"expected at least one of templates; got none: give e.g. \['a photo of a \{\}.'\]"
    ):
        class_prompts("cat", [])


def test_a_bare_string_of_templates_is_refused() -> None:
    with pytest.raises(
        TypeError, match=r"expected templates as a list; got the single string 'a \{\}': put it in a list"
    ):
        class_prompts("cat", "a {}")


def test_a_class_name_without_words_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a class name with at least one word; got ' '"):
        class_prompts(" ", ["{}"])
