//! Byte-pair merging of one word: the pair that comes first in the merges file is merged first.
//!
//! The definition (Sennrich et al. 2016, as CLIP codes it) merges every occurrence of the best pair from
//! left to right, then looks for the next pair. Both functions below merge the leftmost occurrence of the
//! best pair, one at a time. This gives the same result: a merge makes a new symbol, and a pair with that
//! symbol has a larger id than the merge that made it. So such a pair cannot come before the occurrences
//! that remain. The naive twin in the tests follows the definition.

use std::collections::BTreeMap;

use super::vocabulary::Merges;
use crate::interrupt;

/// Up to this many symbols a scan for the best pair is faster. For longer words it would be quadratic.
const SCANNED: usize = 32;
/// No merge, or a symbol that was merged into another one; larger than every id.
const NONE: u16 = u16::MAX;
/// Pairs and merges after which Ctrl-C is checked: a few milliseconds.
const MERGES_AT_A_TIME: usize = 1 << 16;

/// Merges neighbours in `symbols` until no two can be merged.
pub(super) fn merge_word(merges: &Merges, symbols: &mut Vec<u16>) {
    if symbols.len() <= SCANNED {
        scan(merges, symbols);
    } else {
        by_rank(merges, symbols);
    }
}

/// Merges in time O(n²), without allocation.
fn scan(merges: &Merges, symbols: &mut Vec<u16>) {
    let made = |left: u16, right: u16| merges.merged(left, right).unwrap_or(NONE);
    let mut table = [NONE; SCANNED];
    for (slot, pair) in table.iter_mut().zip(symbols.windows(2)) {
        *slot = made(pair[0], pair[1]);
    }
    while symbols.len() > 1 {
        let pairs = &mut table[..symbols.len() - 1];
        // Of equal pairs `min_by_key` returns the first: the leftmost.
        let (at, &id) = pairs
            .iter()
            .enumerate()
            .min_by_key(|&(_, id)| id)
            .expect("at least one pair");
        if id == NONE {
            return;
        }
        symbols[at] = id;
        symbols.remove(at + 1);
        pairs.copy_within(at + 1.., at);
        if let Some(&right) = symbols.get(at + 1) {
            pairs[at] = made(id, right);
        }
        if at > 0 {
            pairs[at - 1] = made(symbols[at - 1], id);
        }
    }
}

/// Merges in time O(n log n), with 10 to 14 bytes of memory for each byte of the word.
///
/// It keeps the positions where each merge may happen, and takes the best merge first. A merge with a new
/// symbol has a larger id than the symbol. So a merge that was taken never comes back, and the positions
/// of one merge are sorted only once. A position may be out of date when its turn comes, so its pair is
/// looked up again.
fn by_rank(merges: &Merges, symbols: &mut Vec<u16>) {
    let end = position(symbols.len());
    // At the first byte of a symbol: where the next symbol begins. At its last byte, if that is a different
    // byte: where the symbol itself begins.
    let mut links: Vec<u32> = (1..=end).collect();
    let mut waiting: BTreeMap<u16, Vec<u32>> = BTreeMap::new();
    for (pair, at) in symbols.windows(2).zip(0_u32..) {
        if (at as usize).is_multiple_of(MERGES_AT_A_TIME) {
            interrupt::check();
        }
        if let Some(id) = merges.merged(pair[0], pair[1]) {
            waiting.entry(id).or_default().push(at);
        }
    }
    while let Some((id, mut positions)) = waiting.pop_first() {
        positions.sort_unstable();
        for positions in positions.chunks(MERGES_AT_A_TIME) {
            interrupt::check();
            for &left in positions {
                let at = left as usize;
                let right = links[at] as usize;
                if symbols[at] == NONE
                    || right == symbols.len()
                    || merges.merged(symbols[at], symbols[right]) != Some(id)
                {
                    continue;
                }
                let next = links[right];
                symbols[at] = id;
                symbols[right] = NONE;
                links[at] = next;
                links[next as usize - 1] = left;
                if let Some(&following) = symbols.get(next as usize)
                    && let Some(made) = merges.merged(id, following)
                {
                    waiting.entry(made).or_default().push(left);
                }
                if let Some(last) = at.checked_sub(1) {
                    let preceding = links[last].min(left - 1);
                    if let Some(made) = merges.merged(symbols[preceding as usize], id) {
                        waiting.entry(made).or_default().push(preceding);
                    }
                }
            }
        }
    }
    symbols.retain(|&symbol| symbol != NONE);
}

fn position(length: usize) -> u32 {
    u32::try_from(length).expect("a word of less than 4 GiB")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::interrupt::tests::stops_at_check;

    /// The definition: find the best pair, merge all its occurrences from left to right, repeat.
    fn naive(merges: &Merges, mut symbols: Vec<u16>) -> Vec<u16> {
        while let Some(best) = symbols
            .windows(2)
            .filter_map(|pair| merges.merged(pair[0], pair[1]))
            .min()
        {
            let (mut round, mut at) = (Vec::new(), 0);
            while at < symbols.len() {
                let right = symbols.get(at + 1);
                if right.is_some_and(|&right| merges.merged(symbols[at], right) == Some(best)) {
                    round.push(best);
                    at += 2;
                } else {
                    round.push(symbols[at]);
                    at += 1;
                }
            }
            symbols = round;
        }
        symbols
    }

    /// Random merges over few bytes, so that words merge deeply and overlap ("aaa").
    fn any_merges() -> impl Strategy<Value = Merges> {
        prop::collection::vec((0..1000_usize, 0..1000_usize), 1..60).prop_map(|picks| {
            let mut packed = Vec::new();
            let mut seen = std::collections::HashSet::new();
            for (left, right) in picks {
                // Ids 0, 1, 2, the same three as last bytes, and the merges so far.
                let known = 6 + packed.len() / 4;
                let id = |pick: usize| match pick % known {
                    byte @ 0..3 => byte,
                    last @ 3..6 => 256 + last - 3,
                    merge => 512 + merge - 6,
                };
                let (left, right) = (
                    u16::try_from(id(left)).unwrap(),
                    u16::try_from(id(right)).unwrap(),
                );
                if seen.insert((left, right)) {
                    packed.extend([left, right].iter().flat_map(|id| id.to_le_bytes()));
                }
            }
            Merges::from_bytes(&packed).unwrap()
        })
    }

    proptest! {
        #[test]
        fn both_ways_equal_the_definition(
            merges in any_merges(),
            mut symbols in prop::collection::vec(0..3_u16, 1..=SCANNED),
        ) {
            *symbols.last_mut().unwrap() += 256;
            let expected = naive(&merges, symbols.clone());
            let mut scanned = symbols.clone();
            scan(&merges, &mut scanned);
            by_rank(&merges, &mut symbols);
            prop_assert_eq!(&scanned, &expected);
            prop_assert_eq!(&symbols, &expected);
        }

        #[test]
        fn long_words_equal_the_definition(
            merges in any_merges(),
            mut symbols in prop::collection::vec(0..3_u16, 0..200),
        ) {
            let expected = naive(&merges, symbols.clone());
            merge_word(&merges, &mut symbols);
            prop_assert_eq!(symbols, expected);
        }
    }

    #[test]
    fn a_word_of_a_million_letters_takes_no_quadratic_time() {
        let merges = Merges::parse(b"a a\naa aa\n").unwrap();
        let mut symbols = vec![super::super::byte_symbols::id_of_byte(b'a'); 1_000_003];
        merge_word(&merges, &mut symbols);
        assert_eq!(symbols.len(), 250_000 + 2);
    }

    #[test]
    fn a_long_word_can_be_stopped() {
        let merges = Merges::parse(b"a a\naa aa\naaaa aaaa\n").unwrap();
        let symbols = vec![super::super::byte_symbols::id_of_byte(b'a'); 2 * MERGES_AT_A_TIME];
        // Two checks while pairs are looked up, and the third while they are merged.
        for check in 0..3 {
            let mut symbols = symbols.clone();
            assert!(stops_at_check(check, || merge_word(&merges, &mut symbols)));
        }
    }
}
