//! Finds what a caption mentions: its noun phrases and the names of labels in it, each with its label or the reason
//! why it has none.

use super::context::{Mention, refusal};
use super::lexicon::{Name, NameEnds, can_be_noun, can_be_phrase, name_before};
use super::mapper::{Mapper, Mapping, Rule};
use super::reading::{Case, Kind, Reading};
use super::word_classes::Classes;
use crate::interrupt;

/// Finds mentions in one caption after another; it reuses its buffer.
#[derive(Default)]
pub(super) struct MentionFinder {
    mentions: Vec<Mention>,
}

impl MentionFinder {
    /// Gives every noun phrase its label, whatever its neighbours.
    pub(super) fn all(
        &mut self,
        phrases: &[(u32, u32)],
        mut map: impl FnMut(usize, usize) -> Mapping,
    ) -> &[Mention] {
        self.mentions.clear();
        self.mentions.extend(phrases.iter().map(|&(from, to)| {
            let (from, to) = (from as usize, to as usize);
            Mention {
                from,
                to,
                mapping: map(from, to),
            }
        }));
        &self.mentions
    }

    /// Gives the noun phrases of a caption, and the names that stand outside them, in order.
    pub(super) fn find(&mut self, reading: &Reading<'_>, mapper: &mut Mapper<'_>) -> &[Mention] {
        self.mentions.clear();
        let ends = mapper.ends();
        let mut next = 0;
        for (number, &(from, to)) in reading.phrases.iter().enumerate() {
            interrupt::check_at(number);
            let (from, to) = (from as usize, to as usize);
            if let Some(ends) = ends {
                self.find_names(reading, ends, mapper, next..from);
            }
            let mut mention = map_phrase(reading, mapper, from, to);
            if let Some(ends) = ends.filter(|_| can_extend(reading, from)) {
                let least = to - from;
                let found = name_before(reading, ends, mapper, to, least);
                // "playing frisbee" is blocked as a phrase, and here the first word is a verb.
                let is_verb =
                    |name: &Name| matches!(reading.kind(name.from), Kind::Participle | Kind::Verb);
                if let Some(name) = found.filter(|name| name.mapping.id >= 0 || !is_verb(name)) {
                    mention = self.take_over(name.from, to, name.mapping);
                }
            }
            self.mentions.push(mention);
            next = to;
        }
        if let Some(ends) = ends {
            self.find_names(reading, ends, mapper, next..reading.len());
        }
        for mention in &mut self.mentions {
            if mention.mapping.rule != Rule::Caption {
                refuse(reading, ends, mention);
            }
        }
        &self.mentions
    }

    /// Finds names that end among some words outside the noun phrases.
    fn find_names(
        &mut self,
        reading: &Reading<'_>,
        ends: &NameEnds,
        mapper: &mut Mapper<'_>,
        words: std::ops::Range<usize>,
    ) {
        for at in words {
            interrupt::check_at(at);
            if !can_be_noun(reading, at) {
                continue;
            }
            if let Some(name) = name_before(reading, ends, mapper, at + 1, 0)
                && name.mapping.id >= 0
                && can_be_phrase(reading, name.from, at + 1)
            {
                let mut mention = self.take_over(name.from, at + 1, name.mapping);
                // The rules of context ask by which rule the name means its label.
                refuse(reading, Some(ends), &mut mention);
                if mention.mapping.id >= 0 && mention.mapping.rule != Rule::Parent {
                    mention.mapping.rule = Rule::Caption;
                }
                self.mentions.push(mention);
            }
        }
    }

    /// The mention of a name, in the place of the mentions that it covers or whose end it takes.
    fn take_over(&mut self, mut from: usize, to: usize, mapping: Mapping) -> Mention {
        while let Some(last) = self.mentions.pop_if(|last| last.to > from) {
            from = from.min(last.from);
        }
        Mention { from, to, mapping }
    }
}

/// Takes the label of a mention away if a rule of context says so.
fn refuse(reading: &Reading<'_>, ends: Option<&NameEnds>, mention: &mut Mention) {
    let id = mention.mapping.id;
    let is_person = ends.is_some_and(|ends| ends.is_person(id));
    if id >= 0
        && let Some(rule) = refusal(reading, mention, is_person)
    {
        mention.mapping = Mapping::refused(rule);
    }
}

/// Whether a name can begin before a noun phrase and end with it: "frying pan", "potter's wheel".
fn can_extend(reading: &Reading<'_>, from: usize) -> bool {
    match reading.kind(from) {
        // "cock of the rock"
        Kind::Determiner => reading.before(from, 1) == "of",
        _ => from > 0 && reading.kind(from - 1) != Kind::Determiner,
    }
}

fn map_phrase(reading: &Reading<'_>, mapper: &mut Mapper<'_>, from: usize, to: usize) -> Mention {
    let mut map = |to: usize| Mention {
        from,
        to,
        mapping: mapper.map((from..to).map(|at| reading.word(at))),
    };
    let mention = map(to);
    if mention.mapping.id >= 0 || to - from < 2 {
        return mention;
    }
    if reading.classes(to - 1).has(Classes::MEDIUM) && reading.kind(from) != Kind::Determiner {
        let mut end = to;
        while end > from + 1 && reading.classes(end - 1).has(Classes::MEDIUM) {
            end -= 1;
        }
        return map(end);
    }
    // "director Ruben Fleischer": a person before a given name, or before two names.
    let is_first_name = |at| reading.classes(at).has(Classes::FIRST_NAME);
    let is_name = |&at: &usize| {
        let is_known = reading.knows(at) && reading.kind(at) != Kind::Name;
        reading.case(at) == Case::Capital
            && reading.word(at).chars().all(char::is_alphabetic)
            && (!is_known || is_first_name(at))
    };
    let names = (from + 1..to).rev().take_while(is_name).count();
    let name = to - names;
    let is_full = names > 1 && (name..to).all(|at| reading.kind(at) == Kind::Name);
    if names == 0 || !is_full && !is_first_name(name) {
        return mention;
    }
    let mut person = map(name);
    if !mapper
        .ends()
        .is_some_and(|ends| ends.is_person(person.mapping.id))
    {
        return mention;
    }
    person.mapping.rule = Rule::NamedHead;
    Mention { to, ..person }
}
