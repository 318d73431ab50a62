//! A cache from a short word to its ids, of one fixed size.

/// Sets of two entries, one cache line each: 2 MiB, room for 65,536 words.
const SETS_LOG2: u32 = 15;
/// Longest word that is cached, in bytes.
pub(super) const LONGEST_WORD: usize = 15;
/// Most ids that are cached for a word.
const MOST_IDS: usize = 7;

/// Ids by word: two entries for each hash, of which the older one makes room.
///
/// Nothing grows: whatever the captions, a cache is 2 MiB.
pub(super) struct WordCache {
    sets: Box<[Set]>,
}

#[repr(align(64))]
#[derive(Clone, Default)]
struct Set([Entry; 2]);

/// 32 bytes. The key 0 is the empty entry.
#[derive(Clone, Copy, Default)]
struct Entry {
    key: u128,
    ids: [u16; MOST_IDS],
    count: u16,
}

impl WordCache {
    pub(super) fn new() -> Self {
        Self {
            sets: vec![Set::default(); 1 << SETS_LOG2].into_boxed_slice(),
        }
    }

    /// This cache, leaving one that must not be used.
    pub(super) fn take(&mut self) -> Self {
        Self {
            sets: std::mem::take(&mut self.sets),
        }
    }

    /// The key of a word: its bytes, zeros, and its length in the last byte. `block` holds the word and whatever follows it.
    #[inline]
    pub(super) fn key(block: u128, length: usize) -> u128 {
        debug_assert!((1..=LONGEST_WORD).contains(&length));
        let bits = 8 * length;
        (block & ((1 << bits) - 1)) | (length as u128) << 120
    }

    #[inline]
    pub(super) fn get(&self, key: u128) -> Option<&[u16]> {
        let entries = &self.sets[set_of(key)].0;
        let entry = entries.iter().find(|entry| entry.key == key)?;
        Some(&entry.ids[..usize::from(entry.count).min(MOST_IDS)])
    }

    /// Remembers the ids of a word, if they are few enough.
    pub(super) fn insert(&mut self, key: u128, ids: &[u16]) {
        let mut entry = Entry {
            key,
            ..Entry::default()
        };
        let Some(slots) = entry.ids.get_mut(..ids.len()) else {
            return;
        };
        slots.copy_from_slice(ids);
        entry.count = u16::try_from(ids.len()).expect("at most MOST_IDS");
        let entries = &mut self.sets[set_of(key)].0;
        entries[1] = entries[0];
        entries[0] = entry;
    }
}

/// One 64 x 64 -> 128 bit multiplication, folded: the bits of both halves of the key reach the top bits.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "the halves are taken on purpose"
)]
fn set_of(key: u128) -> usize {
    const FIRST: u64 = 0x9E37_79B9_7F4A_7C15;
    const SECOND: u64 = 0xD1B5_4A32_D192_ED03;
    let (low, high) = (key as u64 ^ FIRST, (key >> 64) as u64 ^ SECOND);
    let product = u128::from(low) * u128::from(high);
    let folded = product as u64 ^ (product >> 64) as u64;
    (folded >> (u64::BITS - SETS_LOG2)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(word: &str) -> u128 {
        let mut block = [b'#'; 16];
        block[..word.len()].copy_from_slice(word.as_bytes());
        WordCache::key(u128::from_le_bytes(block), word.len())
    }

    #[test]
    fn a_word_is_found_by_all_its_bytes_and_its_length() {
        let mut cache = WordCache::new();
        cache.insert(key("dog"), &[1]);
        cache.insert(key("abcdefghijklmno"), &[1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(cache.get(key("dog")), Some(&[1][..]));
        assert_eq!(
            cache.get(key("abcdefghijklmno")),
            Some(&[1, 2, 3, 4, 5, 6, 7][..])
        );
        for word in ["do", "dog\0", "dogs", "abcdefghijklmn", "abcdefghijklmnp"] {
            assert_eq!(cache.get(key(word)), None, "{word:?}");
        }
    }

    #[test]
    fn a_word_of_many_ids_is_not_kept() {
        let mut cache = WordCache::new();
        cache.insert(key("dog"), &[0; MOST_IDS + 1]);
        assert_eq!(cache.get(key("dog")), None);
    }

    #[test]
    fn a_set_keeps_the_two_newest_words() {
        let mut cache = WordCache::new();
        let words: Vec<String> = (0..200_000).map(|number| number.to_string()).collect();
        let mut same_set = words
            .iter()
            .filter(|word| set_of(key(word)) == set_of(key("0")));
        let [a, b, c] = [(); 3].map(|()| key(same_set.next().unwrap()));
        for (word, id) in [(a, 1), (b, 2), (c, 3)] {
            cache.insert(word, &[id]);
        }
        assert_eq!(
            (cache.get(a), cache.get(b), cache.get(c)),
            (None, Some(&[2][..]), Some(&[3][..]))
        );
    }
}
