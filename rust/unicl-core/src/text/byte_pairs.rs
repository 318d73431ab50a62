//! Byte-pair merging of one word: of all neighbours that can merge, the pair that comes first in the merges file goes first.
//!
//! The definition (Sennrich et al. 2016, as CLIP codes it) merges every occurrence of the best pair from left to right, then
//! looks for the next pair. Merging the leftmost occurrence of the best pair, one at a time, gives the same: a merge makes a new
//! symbol, and a pair with that symbol has a larger id than the merge that made it, so it cannot overtake the occurrences that are
//! left. Both functions below do this; the naive twin in the tests follows the definition.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::merges::Merges;

/// Up to this many symbols a scan for the best pair is faster than a heap; beyond, it would be quadratic in the length of the word.
const SCANNED: usize = 32;
/// No merge; larger than every id.
const NONE: u16 = u16::MAX;

/// Merges the neighbours among `symbols` until none can be.
pub(super) fn merge_word(merges: &Merges, symbols: &mut Vec<u16>) {
    if symbols.len() <= SCANNED {
        scan(merges, symbols);
    } else {
        drain_heap(merges, symbols);
    }
}

/// Time O(n²), no allocation.
fn scan(merges: &Merges, symbols: &mut Vec<u16>) {
    let made = |left: u16, right: u16| merges.merged(left, right).unwrap_or(NONE);
    let mut table = [NONE; SCANNED];
    for (slot, pair) in table.iter_mut().zip(symbols.windows(2)) {
        *slot = made(pair[0], pair[1]);
    }
    while symbols.len() > 1 {
        let pairs = &mut table[..symbols.len() - 1];
        // `min_by_key` returns the first of equals: the leftmost.
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

/// Time O(n log n): a linked list of symbols, and a heap of (id it would make, position). What a merge made stale is
/// told by looking the pair up again.
fn drain_heap(merges: &Merges, symbols: &mut Vec<u16>) {
    let end = symbols.len();
    let mut next: Vec<usize> = (1..=end).collect();
    let mut previous: Vec<usize> = (0..end).map(|at| at.wrapping_sub(1)).collect();
    let mut gone = vec![false; end];
    let pairs = symbols.windows(2).enumerate();
    let mut heap: BinaryHeap<_> = pairs
        .filter_map(|(at, pair)| Some(Reverse((merges.merged(pair[0], pair[1])?, at))))
        .collect();
    while let Some(Reverse((id, left))) = heap.pop() {
        let right = next[left];
        if gone[left] || right == end || merges.merged(symbols[left], symbols[right]) != Some(id) {
            continue;
        }
        symbols[left] = id;
        gone[right] = true;
        next[left] = next[right];
        if let Some(&following) = symbols.get(next[left]) {
            previous[next[left]] = left;
            heap.extend(merges.merged(id, following).map(|id| Reverse((id, left))));
        }
        if let Some(&preceding) = symbols.get(previous[left]) {
            heap.extend(
                merges
                    .merged(preceding, id)
                    .map(|id| Reverse((id, previous[left]))),
            );
        }
    }
    let mut gone = gone.into_iter();
    symbols.retain(|_| !gone.next().expect("one flag for each symbol"));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition: find the best pair, merge all its occurrences from left to right, again.
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
        fn scan_and_heap_equal_the_definition(
            merges in any_merges(),
            mut symbols in prop::collection::vec(0..3_u16, 1..=SCANNED),
        ) {
            *symbols.last_mut().unwrap() += 256;
            let expected = naive(&merges, symbols.clone());
            let mut scanned = symbols.clone();
            scan(&merges, &mut scanned);
            drain_heap(&merges, &mut symbols);
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
        let mut symbols = vec![super::super::merges::id_of_byte(b'a'); 1_000_003];
        merge_word(&merges, &mut symbols);
        assert_eq!(symbols.len(), 250_000 + 2);
    }
}
