//! Reads sixteen bytes of a caption at a time, as one integer.

/// The bytes of a block. A caption with as many spaces after it can be read at every position.
pub(super) const BLOCK: usize = 16;
/// Every byte is 1.
pub(super) const EACH_BYTE: u128 = u128::MAX / 0xFF;
/// The high bit of every byte.
pub(super) const HIGH_BITS: u128 = EACH_BYTE * 0x80;

/// The high bit of every byte that is an ASCII letter.
#[inline]
pub(super) fn letters(block: u128) -> u128 {
    // 'a' + 0x1F and 'z' + 1 + 0x05 are 0x80. Without its high bit a byte is below 0x80, so a sum with at
    // most 0x80 does not reach the next byte.
    let lowered = (block & !HIGH_BITS) | (EACH_BYTE * 0x20);
    let from_a = lowered + EACH_BYTE * 0x1F;
    let past_z = lowered + EACH_BYTE * 0x05;
    from_a & !past_z & !block & HIGH_BITS
}

/// The high bit of every byte that is an ASCII digit.
#[inline]
pub(super) fn digits(block: u128) -> u128 {
    // '0' + 0x50 and '9' + 1 + 0x46 are 0x80; see `letters`.
    let low = block & !HIGH_BITS;
    (low + EACH_BYTE * 0x50) & !(low + EACH_BYTE * 0x46) & !block & HIGH_BITS
}

/// The high bit of every byte that is `&`, a control character, or not ASCII.
#[inline]
pub(super) fn not_plain(block: u128) -> u128 {
    // ' ' + 0x60 is 0x80, and so is 0x7F + 0x01. A byte that is not 0 after the exclusive or with '&' gives
    // at least 0x80 with + 0x7F. See `letters`.
    let low = block & !HIGH_BITS;
    let from_space = low + EACH_BYTE * 0x60;
    let delete = low + EACH_BYTE;
    let no_ampersand = (low ^ (EACH_BYTE * 0x26)) + EACH_BYTE * 0x7F;
    (block | delete | !(from_space & no_ampersand)) & HIGH_BITS
}

/// The 16 bytes from `at` on; the first byte is the lowest.
#[inline]
pub(super) fn block_at(padded: &[u8], at: usize) -> u128 {
    u128::from_le_bytes(padded[at..at + BLOCK].try_into().expect("BLOCK bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_masks_are_those_of_ascii() {
        let mask = |holds| if holds { HIGH_BITS } else { 0 };
        for byte in 0..=u8::MAX {
            let block = u128::from(byte) * EACH_BYTE;
            assert_eq!(letters(block), mask(byte.is_ascii_alphabetic()), "{byte}");
            assert_eq!(digits(block), mask(byte.is_ascii_digit()), "{byte}");
            let plain = matches!(byte, b' '..=b'~') && byte != b'&';
            assert_eq!(not_plain(block), mask(!plain), "{byte}");
        }
    }
}
