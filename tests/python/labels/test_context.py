"""A label that the words around its phrase rule out is taken away, and the rule that did so has a name.

Brackets mark phrases: in "no [dogs]" the phrase that ends in "dogs" is meant.
"""

import re
import time

import pytest

from unicl.labels import DenseLabeler, LabelMapper, LabelVocabulary, Rule
from unicl.labels.explanation import CONTEXT

COCO = DenseLabeler(LabelVocabulary.coco())
OWN = DenseLabeler(
    LabelVocabulary.from_names(
        ["person", "guitar", "violin", "dragon", "panda", "lamp", "drum", "robin", "salmon", "toy poodle", "team"],
        synonyms={"person": ["man", "woman", "women", "child", "boy", "girl", "people", "singer", "crew", "crowd"]},
    )
)

REFUSED = {
    Rule.ABSENT: """
        [no dogs] or [cats] on the lawn
        a street with no [cars], [buses] or [trucks]
        a room without [people]
        a man without a cap or [umbrella]
        a woman not wearing a [tie]
        a boy who does not have a [cell phone]
        a plate lacking a [fork]
        a knife instead of a [fork]
        a beach devoid of [people]
        a room free of [people]
        [dogs] not allowed
        [dogs] are not permitted in the park
        [dogs] prohibited
        the [toilet] is missing.
        there are not any [boats] in the harbor
        neither a [dog] nor a [cat] is there
        not a [dog], but a cat
    """,
    Rule.POSSESSOR: """
        [women]'s shoes
        [men]'s watch
        [ladies]' handbag
        [children]\u2019s book
        [women]'s running shoes and [boys]' walking boots
        [Father]'s Day
        [people]'s choice award
        [bird]'s eye view of a city
        [driver]'s license on the floor
        a dog in [women]'s shoes
        the [boy]'s bike
        it is a [dog]'s life
    """,
    Rule.MEASURE: """
        a [couple] of zebras
        a [couple] of men
        two [couples] of dogs
        a [family] of bears walks
        a [family] of three ducks
        a [team] of horses
        a [team] of players
        a [crowd] of people
        a [crowd] of very small sheep
        the [crew] of astronauts
    """,
    Rule.LIKENESS: """
        a statue of a [horse]
        a bronze statue of a [man] on a rock
        a sculpture of two [bears]
        a figurine of a [cat] and a [dog]
        a puppet of a [cow]
        a wall with a painting of a [horse]
        a man holding a photo of a [dog]
        a shirt with a print of a [cat]
        a room with a poster of a [dog], a cat and a couch
        a girl dressed as a [bear]
        a cookie shaped like a [bird]
        a cloud looking like an [elephant]
        a rock resembling a [dog]
        [horse] themed cake
        a car shaped like a [banana]
    """,
    Rule.PURPOSE: """
        shoes for [women]
        shoes for [men] and [women]
        a collar for [dogs]
        gifts for [mom] and [dad]
        a bowl of food for [cats]
        a case for [iPhone]
        apps for Android / [iPhone]
        coloring pages for [kids]
        parking for [buses] only
        - [Women] | Shoes
        Shoes [Women] High Top
    """,
    Rule.ACCESSORY: """
        [iPhone] 5 case
        [iPhone] 6/6s flip cover
        [iPhone] 7 plus cases in black
        [phone] 2 stand
        [laptop] 15 sleeve
        [car] 12 mats
        [bike] 26 rack
        [dog] 5 shirt
        [cat] greeting cards
        [bird] coloring pages
    """,
    Rule.PROPER_NAME: """
        we watch the [Bulldogs] play
        the [Bulldogs]
        a game of the [Bears] and the [Bulldogs]
        the fans of the [Bears] are loud
        he works at [Apple]
        a photo of Jeanette [Baker]
        a letter from Mary [Fisher] lies there
        the house of Tom [Carpenter] is large
    """,
    Rule.CREDIT: """
        by Various [Artists]
        a song by [Children]
        a photo by [Photographer] Tom
        a painting by [Women]
        a print by [Boys]
        [Artist]: Tom
        [Author] : Jane
        a mug, [designer]: Lee
        [Photographer]: unknown
    """,
    Rule.COLOUR: """
        a man in [orange]
        two women in [orange]
        a boy wearing [orange]
        a man in [orange] near a bus
        a worker dressed in [orange]
        a team in [orange] plays
        a dog in [orange]
        people in [orange] on a bus
    """,
    Rule.QUOTED: """
        a poster "the [dog]" on a wall
        a book called "the [cat]" on a table
        "[dog]" on a sign
        he said "a [dog]" and "a [cat]" loudly
        the album "two [trains]" is old
        the words "red [car]" on a mug
        a shirt that says "my [horse]" in red
        a film \u201cthe [bus]\u201d with a man
    """,
    Rule.TITLE: """
        Autodesk Certified [Instructor]
        Senior Software [Engineer]
        Why [kids] need sleep
        10 Reasons [Kids] Love Dogs
        Can a [woman] ride a horse?
        is this a [man]?
        your [kids] will love it
        our [children] in the garden
        How [Women] Save Money
    """,
}
KEPT = {
    Rule.ABSENT: """
        a [dog] without a collar on a [bench]
        a [man] without a hat next to a [dog]
        a [man] without a shirt and a [woman]
        a [man] without a shirt, a [woman] and a [dog]
        a room without a table, but with a [couch]
        a [dog] with no tail
        a [dog] that has no collar
        no, a [dog]
        not only a [dog] but a cat
        [dogs] not on a leash
        [dogs] allowed
        a no smoking sign near a [bus]
        no one rides the [horse]
        the cat never leaves the [couch]
        an empty [bus]
        a table with a missing [chair]
        not a dog, but a [cat]
        a [boat] on a lake with no wind, and a [dog]
    """,
    Rule.POSSESSOR: """
        a [man]'s hand
        a [woman]'s face
        the [dog]'s tail
        [women]\u2019s hands
        [boys]' feet
        a [horse]'s head
        a [bird]'s nest
        the [man]'s a doctor
        the [woman]'s riding a [horse]
        women's handbag with a [dog]
        men's [umbrella]
    """,
    Rule.MEASURE: """
        a group of [people]
        a couple of [men]
        a [family] of four
        a [couple] sits on a bench
        a crowd of [people]
        the [crew] of a boat
        the [staff] of the hotel
        the [team] of the year
        a bunch of [bananas]
        dozens of [sheep]
        a pair of [scissors]
        a [bowl] of oranges
    """,
    Rule.LIKENESS: """
        a photo of a [horse]
        a painting of a [horse]
        two photos of a [dog]
        black and white photo of a [man]
        this is a photo of a [cat]
        an illustration of a [dog], a [cat] and a [horse]
        a framed photo of a [cat] on the wall
        a woman taking a photo of a [giraffe]
        a man takes photos of a [zebra]
        a statue and a [horse]
        a [dog] near a statue
        a [toy poodle] on a mat
        a close up of a [cat]
        a [cat] looks like a dog
        a room with a poster of a dog, a [cat] and a [couch]
    """,
    Rule.PURPOSE: """
        a [man] waits for a [train]
        a [man] looks for a [dog]
        a treat for the [dog]
        a bed for a [dog]
        the line for the [bus]
        a room for two [persons]
        [women] looking for men
        a [couple] out for a walk
        [car] for sale
        [Women] sitting on a Bench
    """,
    Rule.ACCESSORY: """
        [iPhone] 5 on a table
        a [dog] with 5 bags
        a [couch] with 2 pillow covers
        a [truck] 2 and a car cover
        [laptop] 15 on a desk
        two [phones] in a case
        a [car] and 4 bags
        a [bike] 2 meters from a rack
    """,
    Rule.PROPER_NAME: """
        two [Bulldogs]
        two [bulldogs]
        a [Bulldog] sits
        [Bulldogs] on the lawn
        a Ford [Mustang]
        an [apple] on a table
        [Tom Baker] sits on a [bench]
        [Mary Fisher] and her [dog]
        near a [Frisbee]
        director [Ruben Fleischer] on stage
    """,
    Rule.CREDIT: """
        a vase by an [Artist]
        a bench by a [man]
        a [boat] by the dock
        stand by [cars]
        a dog by [children]
        an [artist] with a brush
        a [photographer] by a [bus]
        a [designer] and a mug
    """,
    Rule.COLOUR: """
        an [orange] on a table
        two [oranges] in a bowl
        a bowl with [oranges]
        an apple and an [orange]
        a man eats an [orange]
        a man holds an [orange]
        [oranges] in a box
        a man in orange with a [dog]
        a woman wearing orange on a [bus]
    """,
    Rule.QUOTED: """
        "a [dog] on a [bench]"
        a 12" [pizza] and a [dog]
        a poster "hello" and a [cat]
        a [dog] says "hello"
        a 27" [tv] in a room
        \u201ca [man] and a [dog]\u201d
        "hello" and "bye" on a [bus]
        a [man] with a sign "stop"
    """,
    Rule.TITLE: """
        [Man] Riding a [Horse]
        [Man] With Dog
        Young [Woman] Sitting on a [Bench]
        [Woman] In Red Dress
        Happy [Family] Stock Photo
        Portrait of a [Woman]
        Little [Girl] With a Balloon
        The [Man] and His [Dog]
        a certified [instructor]
        Actress [Jane Fonda]
    """,
}
OWN_REFUSED = {
    Rule.ABSENT: "no [guitars] or [drums] on stage",
    Rule.POSSESSOR: "[women]'s violin",
    Rule.MEASURE: "a [crew] of singers",
    Rule.LIKENESS: "a plush [panda] near a statue of a [dragon]",
    Rule.PURPOSE: "a case for [guitar]",
    Rule.ACCESSORY: "[guitar] 12 stand",
    Rule.PROPER_NAME: "they call her Anna [Singer] now",
    Rule.CREDIT: "a song by [Singers]",
    Rule.COLOUR: "a man in [salmon]",
    Rule.QUOTED: 'a song "the [violin]" from a show',
    Rule.TITLE: "Certified Opera [Singer]",
}
OWN_KEPT = {
    Rule.ABSENT: "a [guitar] with no strings and a [drum]",
    Rule.POSSESSOR: "a [woman]'s hands on a [violin]",
    Rule.MEASURE: "a [team] of dragons, and the [crew] of a ship",
    Rule.LIKENESS: "a photo of a [dragon] and a [toy poodle]",
    Rule.PURPOSE: "a [singer] looks for a [guitar]",
    Rule.ACCESSORY: "a [guitar] with 12 strings on a stand",
    Rule.PROPER_NAME: "a [Singer] sits near a [Lamp]",
    Rule.CREDIT: "a [violin] by a [singer]",
    Rule.COLOUR: "a man eats [salmon] with a fork",
    Rule.QUOTED: '"a [violin] and a [drum]"',
    Rule.TITLE: "[Singer] Holding a [Guitar]",
}


def read(marked):
    """The caption without brackets, and the last character of each marked phrase."""
    ends = [match.end() - 2 * (count + 1) for count, match in enumerate(re.finditer(r"\[[^]]*\]", marked))]
    return re.sub(r"[\[\]]", "", marked), ends


def phrases_at(labeler, marked):
    """What became of each marked phrase."""
    caption, ends = read(marked)
    rows = labeler.explain(caption)
    return [next((row for row in rows if row.start < end <= row.end), None) for end in ends]


def cases(table):
    return [
        pytest.param(rule, line.strip(), id=f"{rule.name}: {line.strip()}")
        for rule, lines in table.items()
        for line in lines.strip().split("\n")
        if line.strip()
    ]


def test_every_rule_has_captions_of_both_kinds():
    for table in (REFUSED, KEPT, OWN_REFUSED, OWN_KEPT, CONTEXT):
        assert set(table) == {rule for rule in Rule if rule >= Rule.ABSENT}
    for table in (REFUSED, KEPT):
        assert all(len(lines.strip().split("\n")) >= 8 for lines in table.values())


@pytest.mark.parametrize(("rule", "marked"), cases(REFUSED))
def test_the_rule_takes_the_label_away(rule, marked):
    assert [row and (row.rule, row.label) for row in phrases_at(COCO, marked)] == [(rule, None)] * marked.count("[")


@pytest.mark.parametrize(("rule", "marked"), cases(KEPT))
def test_the_rule_does_not_hold(rule, marked):
    found = [row and (row.rule == rule, row.label is None) for row in phrases_at(COCO, marked)]
    assert found == [(False, False)] * marked.count("[")


@pytest.mark.parametrize(("rule", "marked"), cases(OWN_REFUSED))
def test_the_rule_holds_for_any_vocabulary(rule, marked):
    assert [row and (row.rule, row.label) for row in phrases_at(OWN, marked)] == [(rule, None)] * marked.count("[")


@pytest.mark.parametrize(("rule", "marked"), cases(OWN_KEPT))
def test_the_rule_does_not_hold_for_any_vocabulary(rule, marked):
    found = [row and (row.rule == rule, row.label is None) for row in phrases_at(OWN, marked)]
    assert found == [(False, False)] * marked.count("[")


def test_a_likeness_by_its_first_word_has_no_label_unless_a_name_has_the_word():
    for caption in ("a toy dragon", "a stuffed panda", "an origami robin", "a lego lamp", "a big plush dragon"):
        [row] = OWN.explain(caption)
        assert (row.rule, row.label) == (Rule.LIKENESS, None), caption
    [row] = OWN.explain("a toy poodle")
    assert (row.rule, row.label) == (Rule.EXACT, "toy poodle")


def test_every_lost_label_is_explained_in_a_sentence_with_what_the_phrase_means_alone():
    for rule, marked in OWN_REFUSED.items():
        row = phrases_at(OWN, marked)[0]
        assert row.dropped.startswith(CONTEXT[rule])
        assert "; alone it means '" in row.dropped
    women = COCO.explain("women's shoes")[0]
    assert women.dropped == "it tells whose a thing is, as in \"women's shoes\"; alone it means 'person'"


def test_phrases_by_themselves_have_no_context():
    mapping = LabelMapper(COCO.vocabulary).map(["no dogs", "the Bulldogs", "your kids"])
    assert [COCO.vocabulary.names[label] for label in mapping.ids] == ["dog", "dog", "person"]
    argmax = DenseLabeler(LabelVocabulary.from_names(["no dogs", "dog"]), mode="argmax")
    assert argmax(["no dogs"]).to_list() == [[0]]


PATTERNS = [
    "no dog or ",
    "no dogs, ",
    "a photo of ",
    "a statue of a dog and ",
    "for women and ",
    "a crowd of ",
    "women's ",
    '"dog" ',
    '" ',
    "\u201cdog\u201d ",
    "Tom Dog ",
    "Women Shoes ",
    "dog 5 ",
    "in orange and ",
    "frying pan ",
    "kite stock photos ",
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_long_caption_takes_time_in_proportion_to_its_length(pattern):
    def seconds(size):
        caption = pattern * (size // len(pattern))
        start = time.perf_counter()
        COCO([caption], threads=1)
        return time.perf_counter() - start

    short, long = (min(seconds(size) for _ in range(3)) for size in (125_000, 1_000_000))
    assert long < 5
    assert long < 16 * max(short, 0.01)
