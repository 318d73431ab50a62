//! Words that the rules of context know, by class, from the tables in `words/`.
//!
//! A word can have several classes, so one lookup gives all of them as bits.

use std::sync::LazyLock;

use foldhash::{HashMap, HashMapExt};

use super::word_tables::{pairs, rows};

/// Classes of a word, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Classes(u32);

impl Classes {
    /// Before "of", it tells how many there are: "a couple of zebras".
    pub(super) const QUANTITY: Self = Self(1);
    /// Before "of", it tells that there are many: "a herd of cows".
    pub(super) const GROUP: Self = Self(1 << 1);
    /// Before "of", it is a likeness: "a statue of a horse".
    pub(super) const FIGURE: Self = Self(1 << 2);
    /// Before "of", it shows a thing: "a painting of a horse".
    pub(super) const IMAGE: Self = Self(1 << 3);
    /// As an adjective, it makes a likeness: "a toy car".
    pub(super) const MATERIAL: Self = Self(1 << 4);
    /// A part of a person or an animal.
    pub(super) const BODY_PART: Self = Self(1 << 5);
    /// The head of goods that belong to another thing: "iPhone 5 case".
    pub(super) const ACCESSORY: Self = Self(1 << 6);
    /// Those whom goods are made for: "women's shoes".
    pub(super) const AUDIENCE: Self = Self(1 << 7);
    /// A given name.
    pub(super) const FIRST_NAME: Self = Self(1 << 8);
    /// The name of a team or a make, where it has a capital.
    pub(super) const TEAM_NAME: Self = Self(1 << 9);
    /// What shows a thing: "stock photo".
    pub(super) const MEDIUM: Self = Self(1 << 10);

    /// Before a phrase, it tells that the thing is not there: "without".
    pub(super) const NEGATION: Self = Self(1 << 11);
    /// The same before "of": "devoid of".
    pub(super) const LACK: Self = Self(1 << 12);
    /// A verb that a negation can stand before: "not wearing".
    pub(super) const HOLDER: Self = Self(1 << 13);
    /// After "not", it tells that the thing is not there: "not allowed".
    pub(super) const REFUSED: Self = Self(1 << 14);
    /// The same without "not": "prohibited".
    pub(super) const GONE: Self = Self(1 << 15);
    /// Before "like" or "as", it makes a likeness: "shaped like".
    pub(super) const RESEMBLING: Self = Self(1 << 16);
    /// Who made what is shown.
    pub(super) const MAKER: Self = Self(1 << 17);
    /// Who makes the image stands before it: "taking photos of".
    pub(super) const SHOOTING: Self = Self(1 << 18);
    /// The first word of a question or of advice.
    pub(super) const ASKING: Self = Self(1 << 19);

    /// Between a thing and what looks like it: "tiger striped dog".
    pub(super) const ALIKE: Self = Self(1 << 20);
    /// Before a colour that somebody wears: "in orange".
    pub(super) const CLOTHED: Self = Self(1 << 21);
    /// Before goods, what they are for: "greeting cards".
    pub(super) const USE: Self = Self(1 << 23);
    /// It can be stuffed and stay what it is: "stuffed mushrooms".
    pub(super) const STUFFABLE: Self = Self(1 << 24);
    /// A colour that is also the name of a thing.
    pub(super) const COLOUR: Self = Self(1 << 22);

    /// The classes of a word.
    pub(super) fn of(word: &str) -> Self {
        CLASSES.get(word).copied().unwrap_or_default()
    }

    /// Whether it is of any of these classes.
    pub(super) const fn has(self, classes: Self) -> bool {
        self.0 & classes.0 != 0
    }

    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The lists: a table, and the class of its words. Comments begin with `#`.
const LISTS: [(&str, Classes); 7] = [
    (
        include_str!("../../words/body_parts.tsv"),
        Classes::BODY_PART,
    ),
    (
        include_str!("../../words/accessories.tsv"),
        Classes::ACCESSORY,
    ),
    (include_str!("../../words/audiences.tsv"), Classes::AUDIENCE),
    (
        include_str!("../../words/first_names.tsv"),
        Classes::FIRST_NAME,
    ),
    (
        include_str!("../../words/team_names.tsv"),
        Classes::TEAM_NAME,
    ),
    (include_str!("../../words/media.tsv"), Classes::MEDIUM),
    (include_str!("../../words/colours.tsv"), Classes::COLOUR),
];

/// The tables whose second column names the class.
const TABLES: [&str; 3] = [
    include_str!("../../words/context_cues.tsv"),
    include_str!("../../words/measure_words.tsv"),
    include_str!("../../words/likenesses.tsv"),
];

fn class_named(name: &str) -> Classes {
    match name {
        "quantity" => Classes::QUANTITY,
        "group" => Classes::GROUP,
        "figure" => Classes::FIGURE,
        "image" => Classes::IMAGE,
        "material" => Classes::MATERIAL,
        "negation" => Classes::NEGATION,
        "lack" => Classes::LACK,
        "holder" => Classes::HOLDER,
        "refused" => Classes::REFUSED,
        "gone" => Classes::GONE,
        "resembling" => Classes::RESEMBLING,
        "maker" => Classes::MAKER,
        "shooting" => Classes::SHOOTING,
        "asking" => Classes::ASKING,
        "alike" => Classes::ALIKE,
        "clothed" => Classes::CLOTHED,
        "stuffable" => Classes::STUFFABLE,
        "use" => Classes::USE,
        _ => unreachable!("{name} is no class"),
    }
}

static CLASSES: LazyLock<HashMap<&'static str, Classes>> = LazyLock::new(|| {
    let mut classes = HashMap::new();
    let mut add = |word, class| {
        let entry: &mut Classes = classes.entry(word).or_default();
        *entry = entry.or(class);
    };
    for (list, class) in LISTS {
        rows(list).for_each(|word| add(word, class));
    }
    for (word, class) in TABLES.into_iter().flat_map(pairs) {
        add(word, class_named(class));
    }
    classes
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_has_the_classes_of_all_its_tables() {
        assert!(Classes::of("statue").has(Classes::FIGURE));
        assert!(!Classes::of("statue").has(Classes::IMAGE));
        let both = Classes::of("photo");
        assert!(both.has(Classes::IMAGE) && both.has(Classes::MEDIUM));
        assert_eq!(Classes::of("zebra"), Classes::default());
    }

    #[test]
    fn every_row_is_sorted_and_stands_once() {
        for table in LISTS.iter().map(|(table, _)| *table).chain(TABLES) {
            let words: Vec<&str> = rows(table)
                .map(|line| line.split('\t').next().unwrap_or_default())
                .collect();
            assert!(words.windows(2).all(|pair| pair[0] < pair[1]), "{words:?}");
            assert!(words.iter().all(|word| !word.is_empty()));
        }
    }
}
