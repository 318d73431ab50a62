//! Rules that take a label away again, by the words around its phrase.
//!
//! A phrase can name a thing that the image does not show: "no dogs", "women's shoes", "a statue of a horse".
//! Each rule has a name, which `explain` gives. The words that the rules know are tables in `words/`.

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

/// Longer lists are not followed back to their beginning.
const MOST_IN_LIST: usize = 5;

/// The rule by which a mention has no label, if there is one.
pub(super) fn refusal(reading: &Reading<'_>, mention: &Mention, is_person: bool) -> Option<Rule> {
    let &Mention { from, to, mapping } = mention;
    let place = Place {
        reading,
        mapping,
        is_person,
        start: start_of(reading, from),
        from,
        to,
        after: reading.classes(to),
    };
    // The first rule that holds gives its name.
    let rule = match () {
        () if place.is_absent() => Rule::Absent,
        () if place.is_measure() => Rule::Measure,
        () if place.is_likeness() => Rule::Likeness,
        () if place.is_possessor() => Rule::Possessor,
        () if place.is_purpose() || place.is_audience() => Rule::Purpose,
        () if place.is_for_accessory() => Rule::Accessory,
        () if place.is_credit() => Rule::Credit,
        () if place.is_proper_name() => Rule::ProperName,
        () if place.is_colour() => Rule::Colour,
        () if place.is_quoted() => Rule::Quoted,
        () if place.is_in_title() => Rule::Title,
        () => return None,
    };
    Some(rule)
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

/// A mention in its caption.
struct Place<'a> {
    reading: &'a Reading<'a>,
    mapping: Mapping,
    /// Whether its label means human beings.
    is_person: bool,
    /// The first word of the phrase, see [`start_of`].
    start: usize,
    /// The first word of the mention.
    from: usize,
    /// The word after its last.
    to: usize,
    /// The classes of that word, for which several rules ask.
    after: Classes,
}

impl Place<'_> {
    /// The last word of the mention.
    fn head(&self) -> usize {
        self.to - 1
    }

    /// Whether it has no determiner and no number.
    fn is_bare(&self) -> bool {
        self.start == self.from && !has_determiner(self.reading, self.from)
    }

    /// The first of the words that the label accounts for.
    fn first_meant(&self) -> usize {
        let is_determiner = |&at: &usize| self.reading.kind(at) == Kind::Determiner;
        let begin = self.from + (self.from..self.to).take_while(is_determiner).count();
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a small number of words"
        )]
        let meant = (self.mapping.score * (self.to - begin) as f32).round() as usize;
        self.to - meant.clamp(1, self.to - self.from)
    }

    /// Whether something holds at the begin of the phrase, or of one before it in a list: "no shoes, gloves or hats".
    fn holds_in_list(
        &self,
        links: impl Fn(&str) -> bool,
        holds: impl Fn(&Reading<'_>, usize) -> bool,
    ) -> bool {
        let reading = self.reading;
        let mut start = self.start;
        for _ in 0..MOST_IN_LIST {
            if holds(reading, start) {
                return true;
            }
            if start < 2 || !links(reading.word(start - 1)) {
                return false;
            }
            let mut end = start - 1 - usize::from(reading.word(start - 2) == ",");
            while end > 0 && reading.kind(end - 1) == Kind::Number {
                end -= 1; // "iPhone 7 & iPhone 8"
            }
            match reading.phrase_to(end) {
                Some(from) => start = start_of(reading, from),
                None => return false,
            }
        }
        false
    }

    /// "no dogs", "without a hat or gloves", "not wearing a helmet", "dogs not allowed".
    fn is_absent(&self) -> bool {
        let is_bare = self.is_bare();
        let links = |word: &str| match word {
            "or" | "nor" => true,
            "," | "and" | "&" | "/" => is_bare,
            _ => false,
        };
        self.holds_in_list(links, is_negated) || self.is_refused()
    }

    /// "dogs not allowed", "dogs are prohibited", "toilet missing".
    fn is_refused(&self) -> bool {
        let Self { reading, to, .. } = *self;
        let at = to + usize::from(matches!(reading.word(to), "is" | "are" | "was" | "were"));
        match reading.word(at) {
            "not" | "n't" | "never" => reading.classes(at + 1).has(Classes::REFUSED),
            "missing" => reading.kind(at + 1) == Kind::Mark,
            _ if at == to => self.after.has(Classes::GONE),
            _ => reading.classes(at).has(Classes::GONE),
        }
    }

    /// "a couple of zebras", "a herd of cows": the thing is named after "of".
    fn is_measure(&self) -> bool {
        let Self { reading, to, .. } = *self;
        if reading.word(to) != "of" {
            return false;
        }
        let classes = reading.classes(self.head());
        if classes.has(Classes::QUANTITY) {
            return true;
        }
        let is_name = matches!(self.mapping.rule, Rule::Exact | Rule::Lemma);
        // "the crew of a boat" is no number of boats.
        let is_part = reading.kind(to + 1) == Kind::Determiner;
        if is_name || is_part || !classes.has(Classes::GROUP) {
            return false;
        }
        let mut thing = to + 1;
        while matches!(
            reading.kind(thing),
            Kind::Adjective | Kind::Number | Kind::Adverb | Kind::Participle
        ) {
            thing += 1;
        }
        reading.is_in_phrase(thing)
    }

    /// "a statue of a horse", "a toy car", "dressed as a bear", "shaped like a heart", "a tiger striped dog".
    fn is_likeness(&self) -> bool {
        let is_bare = self.is_bare();
        let links = |word: &str| match word {
            "and" | "&" => true,
            "," => is_bare,
            _ => false,
        };
        let is_pattern =
            self.after.has(Classes::ALIKE) && self.reading.phrase_from(self.to + 1).is_some();
        // "a toy car", unless the name itself has the word: "toy poodle". "Stuffed" can be a participle.
        let is_made = self.reading.kind_before(self.start) == Kind::Participle;
        let meant = self.first_meant();
        let mut modifiers = self.start - usize::from(is_made)..meant;
        // "stuffed mushrooms"
        let is_stuffable =
            || (meant..self.to).any(|at| self.reading.classes(at).has(Classes::STUFFABLE));
        let makes_likeness = |at| {
            self.reading.classes(at).has(Classes::MATERIAL)
                && (self.reading.word(at) != "stuffed" || !is_stuffable())
        };
        is_pattern || self.holds_in_list(links, is_depicted) || modifiers.any(makes_likeness)
    }

    /// "women's shoes", "Father's Day", but not "a man's hand".
    fn is_possessor(&self) -> bool {
        let Self { reading, to, .. } = *self;
        let mark = reading.word(to);
        let after = match mark {
            "'s" | "\u{2019}s" | "`s" | "s" => to + 1,
            "'" | "\u{2019}" | "`" | "''" => to + 1 + usize::from(reading.word(to + 1) == "s"),
            _ => return false,
        };
        // "women's running shoes", but not "the man's riding a horse"
        let is_kind = reading.kind(after) == Kind::Participle && self.is_bare();
        let Some((from, end)) = reading.phrase_from(after + usize::from(is_kind)) else {
            return matches!(mark, "'" | "\u{2019}") && reading.kind(after) == Kind::Number;
        };
        if reading.kind(from) == Kind::Determiner
            || reading.classes(end - 1).has(Classes::BODY_PART)
        {
            // "the man's a doctor", "a man's hand"
            return false;
        }
        let is_idiom = reading.classes(from).has(Classes::BODY_PART); // "a bird's eye view"
        let is_thing = has_determiner(reading, self.start)
            && reading.case(self.head()) == Case::Lower
            && !reading.classes(self.head()).has(Classes::AUDIENCE);
        is_idiom || !is_thing
    }

    /// "shoes for women", "a case for iPhone", "apps for Android / iPhone".
    fn is_purpose(&self) -> bool {
        let is_for = |reading: &Reading<'_>, start: usize| {
            start >= 2
                && reading.word(start - 1) == "for"
                && (reading.kind(start - 2).is_noun()
                    || matches!(reading.kind(start - 2), Kind::Mark | Kind::Number))
        };
        let links = |word: &str| matches!(word, "/" | "," | "&" | "and" | "or");
        self.is_bare() && self.holds_in_list(links, is_for)
    }

    /// "iPhone 5 case", "iPhone 6/6s flip cover", "Venetian masks greeting cards".
    fn is_for_accessory(&self) -> bool {
        let Self { reading, to, .. } = *self;
        if self.after.has(Classes::USE) && !self.is_person {
            let goods = reading.phrase_from(to + 1);
            return goods.is_some_and(|(from, _)| !has_determiner(reading, from));
        }
        let has_digit = |at| reading.word(at).bytes().any(|byte| byte.is_ascii_digit());
        let is_model = |&at: &usize| {
            has_digit(at)
                || matches!(
                    reading.word(at),
                    "/" | "&"
                        | "("
                        | ")"
                        | "plus"
                        | "pro"
                        | "max"
                        | "mini"
                        | "touch"
                        | "generation"
                )
        };
        let numbers = (to..to + 8).take_while(is_model).count();
        if !(to..to + numbers).any(has_digit) {
            return false;
        }
        let found = (to + numbers..to + numbers + 3).find_map(|at| reading.phrase_from(at));
        found.is_some_and(|(from, end)| {
            !has_determiner(reading, from) && reading.classes(end - 1).has(Classes::ACCESSORY)
        })
    }

    /// "- Women |", "Shoes Women High Top": words for customers that stand alone or before other goods.
    fn is_audience(&self) -> bool {
        let Self {
            reading, start, to, ..
        } = *self;
        if reading.case(self.head()) == Case::Lower
            || has_determiner(reading, start)
            || !reading.classes(self.head()).has(Classes::AUDIENCE)
        {
            return false;
        }
        let next = reading.kind(to);
        let is_between = start > 0
            && start + 1 == to
            && reading.word(start - 1) != ","
            && reading.kind(start - 1) == Kind::Mark
            && next == Kind::Mark;
        let is_before_goods = next.is_noun() || matches!(next, Kind::Number | Kind::Adjective);
        is_between || is_before_goods && reading.is_title()
    }

    /// "by Various Artists", "Artist: ...".
    fn is_credit(&self) -> bool {
        let Self { reading, start, .. } = *self;
        let is_by = reading.before(start, 1) == "by" && reading.case(self.from) != Case::Lower;
        is_by && !has_determiner(reading, start)
            || reading.word(self.to) == ":" && reading.classes(self.head()).has(Classes::MAKER)
    }

    /// "Edwin Church", "the Bulldogs", "Vans shoes".
    fn is_proper_name(&self) -> bool {
        let Self { reading, start, .. } = *self;
        if matches!(reading.case(self.head()), Case::Lower | Case::None) {
            return false;
        }
        let is_first_name = |at: usize| {
            reading.classes(at).has(Classes::FIRST_NAME) && reading.case(at) != Case::Lower
        };
        let before = self.first_meant().checked_sub(1);
        if !self.is_person && before.is_some_and(is_first_name) {
            return true; // a person of such a name is a person
        }
        let is_counted = matches!(reading.kind(start), Kind::Number | Kind::Owner)
            || matches!(
                reading.word(start),
                "a" | "an" | "some" | "this" | "these" | "two"
            );
        let is_first = start == 0 && !reading.is_title();
        if is_counted || is_first {
            return false;
        }
        // "Frisbee", if that is the name of the label, is no name of something else.
        let is_longer = reading.case(self.to) == Case::Capital; // "Orange County"
        let is_name = matches!(self.mapping.rule, Rule::Exact | Rule::Lemma) && !is_longer;
        let is_other = !is_name
            && reading.case(self.head()) == Case::Capital
            && reading.kind_before(start) != Kind::Mark
            && self.to - self.from < 3
            && !reading.is_title();
        let is_one_word = self.first_meant() == self.head();
        is_other || is_one_word && reading.classes(self.head()).has(Classes::TEAM_NAME)
    }

    /// "a man in orange", "wearing gray and orange".
    fn is_colour(&self) -> bool {
        let reading = self.reading;
        if !self.is_bare() || !reading.classes(self.head()).has(Classes::COLOUR) {
            return false;
        }
        let is_worn =
            |at: usize| reading.classes(at).has(Classes::CLOTHED) || reading.word(at) == "wearing";
        let Some(before) = self.from.checked_sub(1) else {
            return false;
        };
        is_worn(before) || before >= 2 && reading.word(before) == "and" && is_worn(before - 2)
    }

    fn is_quoted(&self) -> bool {
        self.reading.is_quoted(self.head())
    }

    /// "Autodesk Certified Instructor", "Why kids need sleep": a title or advice names persons, and shows other things.
    fn is_in_title(&self) -> bool {
        let Self { reading, to, .. } = *self;
        if !self.is_person {
            return false;
        }
        if reading.is_advice() || matches!(reading.word(self.start), "your" | "our") {
            return true;
        }
        // "Women Pajamas": a tagger takes names of goods for verbs.
        let is_verb = reading.case(to) != Case::Capital
            || reading.word(to).ends_with('s')
                && !reading.classes(self.head()).has(Classes::AUDIENCE);
        let acts = match reading.kind(to) {
            Kind::Participle | Kind::Conjunction => true,
            Kind::Verb => is_verb,
            Kind::Preposition => {
                matches!(
                    reading.word(to),
                    "with" | "in" | "on" | "at" | "near" | "from"
                )
            }
            _ => false,
        };
        !acts
            && self.mapping.rule != Rule::NamedHead
            && reading.is_title()
            && !reading.names_medium()
            && !reading.names_person()
    }
}

/// "no dogs", "without a dog", "not wearing a hat", "devoid of people".
fn is_negated(reading: &Reading<'_>, start: usize) -> bool {
    let is_negation = |at: usize| reading.classes(at).has(Classes::NEGATION);
    if (start..start + 2).any(|at| matches!(reading.word(at), "no" | "neither")) {
        return true;
    }
    let Some(before) = start.checked_sub(1) else {
        return false;
    };
    let classes = reading.classes(before);
    is_negation(before)
        || before > 0
            && (classes.has(Classes::HOLDER) && is_negation(before - 1)
                || reading.word(before) == "of" && reading.classes(before - 1).has(Classes::LACK))
}

/// "a statue of a horse", "a wall with a painting of a horse", "dressed as a horse".
fn is_depicted(reading: &Reading<'_>, start: usize) -> bool {
    let Some(before) = start.checked_sub(2) else {
        return false;
    };
    match reading.word(before + 1) {
        "of" => {
            let classes = reading.classes(before);
            classes.has(Classes::FIGURE)
                || classes.has(Classes::IMAGE) && !is_image_itself(reading, before)
        }
        "like" | "as" => reading.classes(before).has(Classes::RESEMBLING),
        "resembling" => true,
        _ => false,
    }
}

/// Whether an image is the one that the caption describes, or is taken there.
fn is_image_itself(reading: &Reading<'_>, image: usize) -> bool {
    let is_shot =
        (image.saturating_sub(2)..image).any(|at| reading.classes(at).has(Classes::SHOOTING));
    is_shot || is_first_phrase(reading, image)
}

/// Whether nothing but the words of a noun phrase stands before a word in its part of the caption.
fn is_first_phrase(reading: &Reading<'_>, at: usize) -> bool {
    let is_end = |word: usize| reading.kind(word) == Kind::Mark && reading.word(word) != ",";
    let mut part = (0..at).rev().take_while(|&word| !is_end(word));
    part.all(|word| match reading.kind(word) {
        // "a man holding a photo"
        Kind::Participle => !matches!(reading.kind(word + 1), Kind::Determiner | Kind::Owner),
        Kind::Adverb => true,
        kind => kind.begins_phrase() || matches!(reading.word(word), "is" | "and" | ","),
    })
}
