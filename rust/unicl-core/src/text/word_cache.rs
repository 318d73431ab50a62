//! A cache of one fixed size from a short word to its ids.
//!
//! A tokenizer keeps caches between calls and lends them to threads.

use std::ops::{Deref, DerefMut};
use std::sync::Mutex;

/// Sets of two entries, one cache line each: 2 MiB, room for 65,536 words.
const SETS_LOG2: u32 = 15;
/// The longest word that is cached, in bytes.
pub(super) const LONGEST_WORD: usize = 15;
/// The most caches that a tokenizer keeps between calls.
const MOST_CACHES: usize = 64;

/// Ids by word: a set of two entries for each hash.
///
/// The entry that was used last stands in front; a new word replaces the other one. A word is cached if
/// it has at most `MOST_IDS` ids. Nothing grows: a cache takes 2 MiB, whatever the captions are.
pub(super) struct WordCache<Id, const MOST_IDS: usize> {
    sets: Box<[Set<Id, MOST_IDS>]>,
}

#[repr(align(64))]
#[derive(Clone)]
struct Set<Id, const MOST_IDS: usize>([Entry<Id, MOST_IDS>; 2]);

/// The key 0 is the empty entry.
#[derive(Clone, Copy)]
struct Entry<Id, const MOST_IDS: usize> {
    key: u128,
    ids: [Id; MOST_IDS],
    count: u16,
}

impl<Id: Copy + Default, const MOST_IDS: usize> WordCache<Id, MOST_IDS> {
    pub(super) fn new() -> Self {
        const {
            assert!(
                size_of::<Set<Id, MOST_IDS>>() == 64,
                "a set is one cache line"
            );
        };
        let empty = Entry {
            key: 0,
            ids: [Id::default(); MOST_IDS],
            count: 0,
        };
        Self {
            sets: vec![Set([empty; 2]); 1 << SETS_LOG2].into_boxed_slice(),
        }
    }

    /// Appends the ids of a word: the cached ones, or those that `spell` appends, which are then cached.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "the hot loops lose 2 to 5 % if it is a call"
    )]
    pub(super) fn push(&mut self, key: u128, ids: &mut Vec<Id>, spell: impl FnOnce(&mut Vec<Id>)) {
        match self.get(key) {
            // Most words have one id; copying more calls memcpy.
            Some(&[id]) => ids.push(id),
            Some(cached) => ids.extend_from_slice(cached),
            None => self.push_unknown(key, ids, spell),
        }
    }

    #[cold]
    #[inline(never)]
    fn push_unknown(&mut self, key: u128, ids: &mut Vec<Id>, spell: impl FnOnce(&mut Vec<Id>)) {
        let before = ids.len();
        spell(ids);
        self.insert(key, &ids[before..]);
    }

    #[inline]
    fn get(&mut self, key: u128) -> Option<&[Id]> {
        let entries = &mut self.sets[set_of(key)].0;
        // A frequent word in front is where the processor expects it, and a rare word cannot replace it.
        if entries[0].key != key {
            if entries[1].key != key {
                return None;
            }
            entries.swap(0, 1);
        }
        let entry = &entries[0];
        Some(&entry.ids[..usize::from(entry.count).min(MOST_IDS)])
    }

    /// Caches the ids of a word, if they are few enough.
    fn insert(&mut self, key: u128, ids: &[Id]) {
        let mut entry = Entry {
            key,
            ids: [Id::default(); MOST_IDS],
            count: 0,
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

/// The key of a word: its bytes, zeros, and its length in the last byte. `block` holds the word and the
/// bytes after it.
#[inline]
pub(super) fn word_key(block: u128, length: usize) -> u128 {
    debug_assert!((1..=LONGEST_WORD).contains(&length));
    let bits = 8 * length;
    (block & ((1 << bits) - 1)) | (length as u128) << 120
}

/// Warm caches of earlier calls.
///
/// A fork can leave the lock held for ever in the child, so no thread waits for it.
pub(super) struct Caches<Id, const MOST_IDS: usize>(Mutex<Vec<WordCache<Id, MOST_IDS>>>);

impl<Id: Copy + Default, const MOST_IDS: usize> Caches<Id, MOST_IDS> {
    pub(super) fn new() -> Self {
        Self(Mutex::default())
    }

    /// Lends a cache to a thread: one of an earlier call, if there is one.
    pub(super) fn lend(&self) -> Lent<'_, Id, MOST_IDS> {
        let warm = self.0.try_lock().ok().and_then(|mut caches| caches.pop());
        Lent {
            caches: self,
            cache: warm.unwrap_or_else(WordCache::new),
        }
    }
}

/// A cache that a thread works with; it goes back when the thread is done.
pub(super) struct Lent<'a, Id, const MOST_IDS: usize> {
    caches: &'a Caches<Id, MOST_IDS>,
    cache: WordCache<Id, MOST_IDS>,
}

impl<Id, const MOST_IDS: usize> Deref for Lent<'_, Id, MOST_IDS> {
    type Target = WordCache<Id, MOST_IDS>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        &self.cache
    }
}

impl<Id, const MOST_IDS: usize> DerefMut for Lent<'_, Id, MOST_IDS> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.cache
    }
}

impl<Id, const MOST_IDS: usize> Drop for Lent<'_, Id, MOST_IDS> {
    fn drop(&mut self) {
        if let Ok(mut caches) = self.caches.0.try_lock()
            && caches.len() < MOST_CACHES
        {
            let sets = std::mem::take(&mut self.cache.sets);
            caches.push(WordCache { sets });
        }
    }
}

/// One multiplication of 64 x 64 bits, folded: the bits of both halves of the key reach the top bits.
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

    const MOST_IDS: usize = 7;
    type WordCache = super::WordCache<u16, MOST_IDS>;

    fn key(word: &str) -> u128 {
        let mut block = [b'#'; 16];
        block[..word.len()].copy_from_slice(word.as_bytes());
        word_key(u128::from_le_bytes(block), word.len())
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
    fn a_set_keeps_the_two_words_used_last() {
        let mut cache = WordCache::new();
        let words: Vec<String> = (0..200_000).map(|number| number.to_string()).collect();
        let mut same_set = words
            .iter()
            .filter(|word| set_of(key(word)) == set_of(key("0")));
        let [a, b, c] = [(); 3].map(|()| key(same_set.next().unwrap()));
        cache.insert(a, &[1]);
        cache.insert(b, &[2]);
        assert_eq!(cache.get(a), Some(&[1][..]));
        cache.insert(c, &[3]);
        assert_eq!(cache.get(b), None);
        assert_eq!(cache.get(a), Some(&[1][..]));
        assert_eq!(cache.get(c), Some(&[3][..]));
    }
}
