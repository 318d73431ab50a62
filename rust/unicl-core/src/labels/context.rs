//! Rules that take a label away again, by the words around its phrase.
//!
//! A phrase can name a thing that the image does not show: "no dogs", "women's shoes", "a statue of a horse".
//! Each rule has a name, which `explain` gives.

use super::mapper::{Mapping, Rule};
use super::reading::{Case, Kind, Reading};
use super::word_classes::Classes;

/// A phrase of a caption, or a name that the caption has, and its label.
#[derive(Clone, Copy)]
pub(super) struct Mention {
    /// The number of its first word.
    pub(super) from: usize,
    /// The number of the word after its last.
    pub(super) to: usize,
    pub(super) mapping: Mapping,
}

/// Rules that can go on over "and" and "or": "no cars or people".
#[derive(Default)]
pub(super) struct Context {
    /// The rule that the mention before was refused by, and its end.
    refused: Option<(Rule, usize)>,
}

impl Context {
    /// The rule by which a mention has no label, if there is one. Mentions come in order.
    pub(super) fn refuses(
        &mut self,
        reading: &Reading<'_>,
        mention: &Mention,
        is_person: bool,
    ) -> Option<Rule> {
        let found = self.rule(reading, mention, is_person).or_else(|| {
            let start = start_of(reading, mention.from);
            let is_title = is_person && is_in_title(reading, start, mention);
            is_title.then_some(Rule::Title)
        });
        self.refused = found.map(|rule| (rule, mention.to));
        found
    }

    fn rule(&self, reading: &Reading<'_>, mention: &Mention, is_person: bool) -> Option<Rule> {
        let &Mention { from, to, .. } = mention;
        let start = start_of(reading, from);
        if is_absent(reading, start, to) {
            return Some(Rule::Absent);
        }
        if is_measure(reading, mention) {
            return Some(Rule::Measure);
        }
        if is_likeness(reading, start, mention) {
            return Some(Rule::Likeness);
        }
        if is_possessor(reading, start, to) {
            return Some(Rule::Possessor);
        }
        if is_purpose(reading, start, from) {
            return Some(Rule::Purpose);
        }
        if let Some(rule) = self.continued(reading, start, from) {
            return Some(rule);
        }
        if is_for_accessory(reading, to) {
            return Some(Rule::Accessory);
        }
        if is_audience_alone(reading, start, to) {
            return Some(Rule::Purpose);
        }
        if is_credit(reading, start, from, to) {
            return Some(Rule::Credit);
        }
        if is_proper_name(reading, start, mention, is_person) {
            return Some(Rule::ProperName);
        }
        reading.is_quoted(to - 1).then_some(Rule::Quoted)
    }

    /// The rule of the mention before, if it goes on: "without shoes or socks".
    fn continued(&self, reading: &Reading<'_>, start: usize, from: usize) -> Option<Rule> {
        let (rule, end) = self.refused?;
        if end >= start || start - end > 2 {
            return None;
        }
        let is_bare = start == from && !has_determiner(reading, from);
        let goes_on = (end..start).all(|at| match reading.word(at) {
            "or" | "nor" => rule != Rule::Likeness,
            "," | "/" => is_bare,
            "and" | "&" => is_bare || rule == Rule::Likeness,
            _ => false,
        });
        let can_go_on = matches!(rule, Rule::Absent | Rule::Likeness | Rule::Purpose);
        (can_go_on && goes_on && (rule != Rule::Purpose || is_bare)).then_some(rule)
    }
}

/// Where the phrase begins with its determiners and adjectives, which the tagger's chunk may lack.
fn start_of(reading: &Reading<'_>, from: usize) -> usize {
    let mut start = from;
    while start > 0
        && matches!(
            reading.kind(start - 1),
            Kind::Determiner | Kind::Owner | Kind::Number | Kind::Adjective
        )
    {
        start -= 1;
    }
    start
}

fn has_determiner(reading: &Reading<'_>, from: usize) -> bool {
    matches!(
        reading.kind(from),
        Kind::Determiner | Kind::Owner | Kind::Number
    )
}

/// "no dogs", "without an umbrella", "not wearing a helmet", "dogs not allowed".
fn is_absent(reading: &Reading<'_>, start: usize, to: usize) -> bool {
    let is_negation = |word| matches!(word, "no" | "not" | "n't" | "never" | "nor" | "neither" | "without" | "w/o" | "sans");
    let (before, before_2) = (reading.before(start, 1), reading.before(start, 2));
    let inside = (start..to.min(start + 2)).any(|at| matches!(reading.word(at), "no" | "neither"));
    if inside || is_negation(before) || matches!(before, "lacking" | "missing" | "minus") {
        return true;
    }
    let has = |word| {
        matches!(
            word,
            "have" | "has" | "having" | "had" | "wear" | "wearing" | "include" | "including" | "contain" | "show" | "need" | "any" | "longer" | "see" | "using" | "holding" | "carrying"
        )
    };
    if has(before) && is_negation(before_2) {
        return true;
    }
    let is_lack = |word| {
        matches!(
            word,
            "free" | "empty" | "devoid" | "lack" | "absence" | "instead" | "clear" | "bare"
        )
    };
    if before == "of" && is_lack(before_2) {
        return true;
    }
    let at = to + usize::from(matches!(reading.word(to), "is" | "are" | "was" | "were"));
    match reading.word(at) {
        "not" | "n't" | "never" => matches!(
            reading.word(at + 1),
            "allowed" | "permitted" | "included" | "shown" | "pictured" | "visible" | "available" | "present" | "welcome" | "there"
        ),
        "prohibited" | "forbidden" | "banned" | "absent" => true,
        "missing" => reading.kind(at + 1) == Kind::Mark,
        _ => false,
    }
}

/// "a couple of zebras", "a herd of cows": the thing is named after "of".
fn is_measure(reading: &Reading<'_>, mention: &Mention) -> bool {
    let &Mention { to, mapping, .. } = mention;
    if reading.word(to) != "of" {
        return false;
    }
    let classes = reading.classes(to - 1);
    match () {
        () if classes.has(Classes::QUANTITY) => true,
        () if classes.has(Classes::GROUP) => {
            let is_name = matches!(mapping.rule, Rule::Exact | Rule::Lemma);
            let mut next = to + 1;
            while matches!(
                reading.kind(next),
                Kind::Adjective | Kind::Number | Kind::Determiner | Kind::Adverb | Kind::Participle
            ) {
                next += 1;
            }
            let is_thing = next > to + 1 || reading.kind(next) != Kind::Pronoun;
            !is_name && is_thing && reading.is_in_phrase(next)
        }
        () => false,
    }
}

/// "a statue of a horse", "a toy car", "dressed as a bear", "shaped like a heart".
fn is_likeness(reading: &Reading<'_>, start: usize, mention: &Mention) -> bool {
    let &Mention { from, to, mapping } = mention;
    let (before, before_2) = (reading.before(start, 1), reading.before(start, 2));
    let of_likeness = before == "of" && start >= 2;
    if of_likeness {
        let classes = reading.classes(start - 2);
        // A caption may begin with what shows the thing: "a photo of a dog".
        if classes.has(Classes::FIGURE)
            || classes.has(Classes::IMAGE) && !is_shown(reading, start - 2)
        {
            return true;
        }
    }
    let is_like = |word| {
        matches!(
            word,
            "shaped" | "dressed" | "looks" | "look" | "looking" | "painted" | "disguised" | "costumed" | "resembles"
        )
    };
    if matches!(before, "like" | "as") && is_like(before_2) || before == "resembling" {
        return true;
    }
    // "a toy car", unless the name itself has the word: "toy poodle".
    let is_partial = mapping.score < 1.0 || from > start;
    is_partial && (start..to - 1).any(|at| reading.classes(at).has(Classes::MATERIAL))
}

/// Whether an image is the image that the caption describes, or is taken there.
fn is_shown(reading: &Reading<'_>, image: usize) -> bool {
    is_first_phrase(reading, image)
        || (1..3).any(|back| {
            matches!(
                reading.before(image, back),
                "take" | "takes" | "taking" | "took" | "snapping" | "snaps"
            )
        })
}

/// Whether nothing but the words of a noun phrase stands before a word in its part of the caption.
fn is_first_phrase(reading: &Reading<'_>, at: usize) -> bool {
    let before = (0..at).rev();
    let mut part = before.take_while(|&word| {
        reading.kind(word) != Kind::Mark || reading.word(word) == ","
    });
    part.all(|word| {
        reading.kind(word).begins_phrase()
            || matches!(reading.kind(word), Kind::Adverb | Kind::Participle)
            || matches!(reading.word(word), "is" | "and" | ",")
    })
}

/// "women's shoes", "Father's Day", but not "a man's hand".
fn is_possessor(reading: &Reading<'_>, start: usize, to: usize) -> bool {
    let mark = reading.word(to);
    let after = match mark {
        "'s" | "\u{2019}s" | "`s" => to + 1,
        "'" | "\u{2019}" | "`" | "''" => to + 1 + usize::from(reading.word(to + 1) == "s"),
        "s" => to + 1,
        _ => return false,
    };
    let Some((from, end)) = reading.phrase_from(after) else {
        return matches!(mark, "'" | "\u{2019}") && reading.kind(after) == Kind::Number;
    };
    if reading.kind(from) == Kind::Determiner {
        // "the man's a doctor"
        return false;
    }
    if reading.classes(end - 1).has(Classes::BODY_PART) {
        return false;
    }
    // "a bird's eye view"
    let is_idiom = end - from > 1 && reading.classes(from).has(Classes::BODY_PART);
    let is_known_thing = has_determiner(reading, start)
        && reading.case(to - 1) == Case::Lower
        && !reading.classes(to - 1).has(Classes::AUDIENCE)
        && !is_idiom;
    !is_known_thing
}

/// "shoes for women", "a case for iPhone", "apps for Android / iPhone".
fn is_purpose(reading: &Reading<'_>, start: usize, from: usize) -> bool {
    if start != from || has_determiner(reading, from) {
        return false;
    }
    let mut at = from;
    // Over at most three others of a list, which can mean no label.
    for _ in 0..3 {
        if !matches!(reading.before(at, 1), "/" | "," | "&" | "and" | "or") {
            break;
        }
        let others = (0..at - 1).rev().take_while(|&word| reading.kind(word).is_noun()).count();
        if others == 0 {
            return false;
        }
        at -= 1 + others;
    }
    reading.before(at, 1) == "for"
        && at >= 2
        && (reading.kind(at - 2).is_noun()
            || matches!(reading.kind(at - 2), Kind::Mark | Kind::Number))
}

/// "iPhone 5 case", "iPhone 6/6s flip cover".
fn is_for_accessory(reading: &Reading<'_>, to: usize) -> bool {
    let mut at = to;
    while at < to + 4 && reading.word(at).bytes().any(|byte| byte.is_ascii_digit()) {
        at += 1;
    }
    if at == to {
        return false;
    }
    while at < to + 6 && matches!(reading.kind(at), Kind::Number | Kind::Adjective | Kind::Participle) && reading.phrase_from(at).is_none() {
        at += 1;
    }
    reading.phrase_from(at).is_some_and(|(from, end)| {
        !has_determiner(reading, from) && reading.classes(end - 1).has(Classes::ACCESSORY)
    })
}

/// "- Women |", "Shoes Women High Top": words for customers that stand alone or before other goods.
fn is_audience_alone(reading: &Reading<'_>, start: usize, to: usize) -> bool {
    if !reading.classes(to - 1).has(Classes::AUDIENCE)
        || has_determiner(reading, start)
        || reading.case(to - 1) == Case::Lower
    {
        return false;
    }
    let next = reading.kind(to);
    let is_alone = start + 1 == to && start > 0;
    let is_between = is_alone && reading.kind_before(start) == Kind::Mark && next == Kind::Mark;
    let is_before_goods = matches!(next, Kind::Number | Kind::Adjective | Kind::Noun | Kind::Name);
    is_between && reading.before(start, 1) != "," || is_before_goods && reading.is_title()
}

/// "Autodesk Certified Instructor", "Why kids need sleep": titles and advice name persons, and show other things.
fn is_in_title(reading: &Reading<'_>, start: usize, mention: &Mention) -> bool {
    let &Mention { to, mapping, .. } = mention;
    if reading.is_advice() || matches!(reading.word(start), "your" | "our") {
        return true;
    }
    // "Women Pajamas": a tagger takes names of goods for verbs.
    let is_verb = reading.case(to) != Case::Capital
        || !reading.classes(to - 1).has(Classes::AUDIENCE) && reading.word(to).ends_with('s');
    let acts = match reading.kind(to) {
        Kind::Participle | Kind::Conjunction => true,
        Kind::Verb => is_verb,
        Kind::Preposition => {
            matches!(reading.word(to), "with" | "in" | "on" | "at" | "near" | "from")
        }
        _ => false,
    };
    !acts && mapping.rule != Rule::NamedHead && reading.is_title() && !reading.names_medium()
}

/// "by Various Artists", "Artist: ...".
fn is_credit(reading: &Reading<'_>, start: usize, from: usize, to: usize) -> bool {
    let is_maker = matches!(
        reading.word(to - 1),
        "artist" | "photographer" | "author" | "designer" | "illustrator" | "translator" | "director" | "producer" | "publisher" | "creator" | "maker"
    );
    let by = start > 0 && reading.before(start, 1) == "by" && reading.case(from) != Case::Lower;
    by && !has_determiner(reading, start) || is_maker && reading.word(to) == ":"
}

/// "Edwin Church", "the Bulldogs", "Vans shoes".
fn is_proper_name(
    reading: &Reading<'_>,
    start: usize,
    mention: &Mention,
    is_person: bool,
) -> bool {
    let &Mention { from, to, mapping } = mention;
    let head = to - 1;
    if matches!(reading.case(head), Case::Lower | Case::None) {
        return false;
    }
    // A person of that name is a person.
    if !is_person && head > 0 && mapping.rule != Rule::NamedHead && reading.classes(head - 1).has(Classes::FIRST_NAME) {
        return true;
    }
    let counts = matches!(reading.kind(start), Kind::Number | Kind::Owner)
        || matches!(
            reading.word(start),
            "a" | "an" | "some" | "this" | "these" | "two"
        );
    let is_first = start == 0 && !reading.is_title();
    if reading.classes(head).has(Classes::TEAM_NAME) && !counts && !is_first {
        return true;
    }
    // "Frisbee", if that is the name of the label, is no name of something else.
    !matches!(mapping.rule, Rule::Exact | Rule::Lemma)
        && reading.case(head) == Case::Capital
        && from > 0
        && reading.kind_before(start) != Kind::Mark
        && to - from < 3
        && !counts
        && !reading.is_title()
}
