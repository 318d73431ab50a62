//! The first ids of CLIP's vocabulary, which stand for bytes, and how its files write them.

/// Ids below this one are a byte inside a word.
pub(super) const BYTES: u16 = 256;
/// Ids from [`BYTES`] up to this one are a byte that ends a word; the merges follow.
pub(super) const FIRST_MERGE: u16 = 2 * BYTES;
/// The mark that the files write after a symbol that ends a word.
pub(super) const END_OF_WORD: &str = "</w>";
/// The number of bytes that are printable characters of Latin-1; their ids come first.
const PRINTABLE: u16 = 188;
/// The bytes in the order of their ids: the printable ones, then the others.
pub(super) const BYTE_OF_ID: [u8; 256] = {
    let mut bytes = [0; 256];
    let (mut printable, mut other) = (0, PRINTABLE as usize);
    let mut byte = 0;
    loop {
        let next = match byte {
            0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF => &mut printable,
            _ => &mut other,
        };
        bytes[*next] = byte;
        *next += 1;
        if byte == u8::MAX {
            break bytes;
        }
        byte += 1;
    }
};
const ID_OF_BYTE: [u16; 256] = {
    let mut ids = [0; 256];
    let mut id = 0;
    while id < BYTES {
        ids[BYTE_OF_ID[id as usize] as usize] = id;
        id += 1;
    }
    ids
};

/// The id of a byte inside a word.
pub(super) fn id_of_byte(byte: u8) -> u16 {
    ID_OF_BYTE[usize::from(byte)]
}

/// The id of a byte that ends a word.
pub(super) fn id_of_last_byte(byte: u8) -> u16 {
    BYTES + id_of_byte(byte)
}

/// The character for a byte in a merges file: itself if it is printable, otherwise a letter from U+0100 on.
pub(super) fn char_of_byte(byte: u8) -> char {
    match id_of_byte(byte).checked_sub(PRINTABLE) {
        None => char::from(byte),
        Some(rank) => {
            char::from_u32(0x100 + u32::from(rank)).expect("a letter of Latin Extended-A")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_its_own_id_and_character() {
        let ids: std::collections::HashSet<_> = (0..=u8::MAX).map(id_of_byte).collect();
        let characters: std::collections::HashSet<_> = (0..=u8::MAX).map(char_of_byte).collect();
        assert_eq!((ids.len(), characters.len()), (256, 256));
        assert_eq!(
            (
                id_of_byte(b'!'),
                id_of_byte(0xA1),
                id_of_byte(0),
                char_of_byte(b' ')
            ),
            (0, 94, 188, 'Ġ')
        );
    }
}
