//! Short words as numbers: a table compares them at once, without following a pointer to their text.

/// Packs a word of at most 15 bytes into a number that no other word has.
///
/// The number is the word's bytes, zeros, and its length in the last byte.
///
/// Two loads that overlap read the bytes of any length from a power of two up to its double.
#[inline]
pub(crate) fn pack(word: &str) -> Option<u128> {
    let bytes = word.as_bytes();
    let length = bytes.len();
    let low = match length {
        0 => 0,
        1 => u128::from(bytes[0]),
        2..=3 => {
            let (first, last) = ends(bytes);
            u128::from(u16::from_le_bytes(first))
                | u128::from(u16::from_le_bytes(last)) << (8 * (length - 2))
        }
        4..=7 => {
            let (first, last) = ends(bytes);
            u128::from(u32::from_le_bytes(first))
                | u128::from(u32::from_le_bytes(last)) << (8 * (length - 4))
        }
        8..=15 => {
            let (first, last) = ends(bytes);
            u128::from(u64::from_le_bytes(first))
                | u128::from(u64::from_le_bytes(last)) << (8 * (length - 8))
        }
        _ => return None,
    };
    Some(low | (length as u128) << 120)
}

/// The first and the last `N` bytes.
#[inline]
fn ends<const N: usize>(bytes: &[u8]) -> ([u8; N], [u8; N]) {
    let first = *bytes.first_chunk().expect("N bytes or more");
    (first, *bytes.last_chunk().expect("N bytes or more"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_has_every_byte_and_the_length() {
        let text = "abcdefghijklmno";
        for length in 0..=15 {
            let mut bytes = [0; 16];
            bytes[..length].copy_from_slice(&text.as_bytes()[..length]);
            bytes[15] = u8::try_from(length).unwrap();
            assert_eq!(
                pack(&text[..length]),
                Some(u128::from_le_bytes(bytes)),
                "{length}"
            );
        }
    }

    #[test]
    fn zeros_are_bytes_like_others_and_long_words_have_no_number() {
        assert_ne!(pack("a"), pack("a\0"));
        assert_eq!(pack("abcdefghijklmnop"), None);
    }
}
