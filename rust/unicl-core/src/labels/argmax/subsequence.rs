//! The length of the longest common subsequence of one string with many, a machine word at a time.
//!
//! Source: H. Hyyrö, "Bit-parallel LCS-length computation revisited" (AWOCA 2004). A zero in `state`
//! stands where the length grows by one along the pattern. Each character of the text costs an `and`, an
//! `add`, a `sub` and an `or` for every 64 characters of the pattern.

const WORD: usize = u64::BITS as usize;

/// The string that is compared with many others, as the places of each of its characters.
pub(super) struct Pattern {
    len: usize,
    /// By character, its places in a pattern of at most 64 characters.
    masks: Vec<u64>,
    /// By character, the row of `rows` with its places in a longer pattern; row 0 has no places.
    row_of: Vec<u32>,
    rows: Vec<u64>,
    state: Vec<u64>,
    /// The characters of the pattern, each once or more.
    characters: Vec<u32>,
}

impl Pattern {
    /// The empty pattern over characters `0..alphabet`.
    pub(super) fn new(alphabet: usize) -> Self {
        Self {
            len: 0,
            masks: vec![0; alphabet],
            row_of: vec![0; alphabet],
            rows: Vec::new(),
            state: Vec::new(),
            characters: Vec::new(),
        }
    }

    pub(super) fn set(&mut self, pattern: &[u32]) {
        for &character in &self.characters {
            self.masks[character as usize] = 0;
            self.row_of[character as usize] = 0;
        }
        self.len = pattern.len();
        self.characters.clear();
        self.characters.extend_from_slice(pattern);
        if self.len <= WORD {
            for (place, &character) in pattern.iter().enumerate() {
                self.masks[character as usize] |= 1 << place;
            }
            return;
        }
        let words = self.len.div_ceil(WORD);
        self.rows.clear();
        self.rows.resize(words, 0);
        for (place, &character) in pattern.iter().enumerate() {
            let row = &mut self.row_of[character as usize];
            if *row == 0 {
                *row = u32::try_from(self.rows.len() / words).expect("an alphabet is below 2^32");
                self.rows.resize(self.rows.len() + words, 0);
            }
            self.rows[*row as usize * words + place / WORD] |= 1 << (place % WORD);
        }
    }

    pub(super) fn common(&mut self, text: &[u32]) -> usize {
        if self.len > WORD {
            return self.common_long(text);
        }
        let mut state = u64::MAX;
        for &character in text {
            let matches = state & self.masks[character as usize];
            state = state.wrapping_add(matches) | (state - matches);
        }
        state.count_zeros() as usize
    }

    fn common_long(&mut self, text: &[u32]) -> usize {
        let words = self.len.div_ceil(WORD);
        self.state.clear();
        self.state.resize(words, u64::MAX);
        for &character in text {
            let row = self.row_of[character as usize] as usize * words;
            let mut carry = false;
            for (state, &places) in self.state.iter_mut().zip(&self.rows[row..row + words]) {
                let matches = *state & places;
                let (sum, first) = state.overflowing_add(matches);
                let (sum, second) = sum.overflowing_add(u64::from(carry));
                carry = first || second;
                *state = sum | (*state - matches);
            }
        }
        let zeros = self.state.iter().map(|state| state.count_zeros());
        zeros.sum::<u32>() as usize
    }
}

/// The definition of [`Pattern::common`]: the table of every textbook.
#[cfg(any(test, fuzzing))]
pub(super) fn common_by_definition<T: PartialEq>(a: &[T], b: &[T]) -> usize {
    let mut row = vec![0; b.len() + 1];
    for x in a {
        let mut before = 0;
        for (at, y) in b.iter().enumerate() {
            let above = row[at + 1];
            row[at + 1] = if x == y {
                before + 1
            } else {
                above.max(row[at])
            };
            before = above;
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lengths_equal_those_of_the_textbook(
            patterns in vec(vec(0_u32..4, 0..200), 1..4),
            texts in vec(vec(0_u32..4, 0..200), 1..4),
        ) {
            let mut reused = Pattern::new(4);
            for pattern in &patterns {
                reused.set(pattern);
                for text in &texts {
                    prop_assert_eq!(reused.common(text), common_by_definition(pattern, text));
                }
            }
        }
    }

    #[test]
    fn words_of_the_machine_join_without_a_seam() {
        for len in [63, 64, 65, 127, 128, 129] {
            let text: Vec<u32> = (0..len).map(|n| n % 3).collect();
            let mut pattern = Pattern::new(3);
            pattern.set(&text);
            assert_eq!(pattern.common(&text), text.len());
            assert_eq!(pattern.common(&[]), 0);
        }
    }
}
