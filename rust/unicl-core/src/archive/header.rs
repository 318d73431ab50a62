//! One header: a block of 512 bytes.

/// The size of a block. Headers are one block, and bodies are padded to whole blocks.
pub(super) const BLOCK: usize = 512;

/// What a header announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    /// A file with holes, in GNU's old form.
    Sparse,
    Directory,
    Link,
    /// Devices and pipes.
    Device,
    /// The name of the next member.
    LongName,
    /// The target of the next member, which is a link.
    LongLink,
    /// Records about the next member.
    Records,
    /// Records about all members that follow.
    GlobalRecords,
    /// A type that Python does not know. It has a body.
    Unknown,
}

impl Kind {
    /// Whether a body follows the header.
    pub(super) fn has_body(self) -> bool {
        !matches!(self, Self::Directory | Self::Link | Self::Device)
    }
}

/// A header whose checksum and numbers are right.
#[derive(Debug)]
pub(super) struct Header<'a> {
    pub(super) kind: Kind,
    /// The bytes of the body.
    pub(super) size: u64,
    prefix: &'a [u8],
    name: &'a [u8],
}

impl<'a> Header<'a> {
    /// Reads a header, or tells the rule that it breaks.
    pub(super) fn parse(block: &'a [u8; BLOCK]) -> Result<Self, &'static str> {
        let checksum = number(&block[148..156])?;
        let (unsigned, signed) = checksums(block);
        if checksum != Some(unsigned) && (signed < 0 || checksum != u64::try_from(signed).ok()) {
            return Err("its checksum is wrong");
        }
        for (from, to) in [
            (100, 108),
            (108, 116),
            (116, 124),
            (136, 148),
            (329, 337),
            (337, 345),
        ] {
            number(&block[from..to])?;
        }
        let size = number(&block[124..136])?.filter(|&size| i64::try_from(size).is_ok());
        let name = until_zero(&block[..100]);
        let kind = match block[156] {
            0 if name.ends_with(b"/") => Kind::Directory, // as in the oldest archives
            0 | b'0' | b'7' => Kind::File,
            b'S' => Kind::Sparse,
            b'5' => Kind::Directory,
            b'1' | b'2' => Kind::Link,
            b'3' | b'4' | b'6' => Kind::Device,
            b'L' => Kind::LongName,
            b'K' => Kind::LongLink,
            b'x' | b'X' => Kind::Records,
            b'g' => Kind::GlobalRecords,
            _ => Kind::Unknown,
        };
        let has_prefix = !matches!(kind, Kind::Sparse | Kind::LongName | Kind::LongLink);
        Ok(Self {
            kind,
            size: size.ok_or("its size is below 0 or beyond 63 bits")?,
            prefix: if has_prefix {
                until_zero(&block[345..500])
            } else {
                &[]
            },
            name,
        })
    }

    /// Writes the name that the header has room for.
    pub(super) fn write_name(&self, name: &mut Vec<u8>) {
        name.clear();
        if !self.prefix.is_empty() {
            name.extend_from_slice(self.prefix);
            name.push(b'/');
        }
        name.extend_from_slice(self.name);
    }
}

/// Checks the map of a sparse member in its header, and tells whether a block with more of the map follows.
pub(super) fn sparse_map_goes_on(block: &[u8; BLOCK]) -> Result<bool, &'static str> {
    numbers(&block[386..482])?;
    number(&block[483..495])?;
    Ok(block[482] != 0)
}

/// Checks a further block of the map of a sparse member, and tells whether another one follows.
pub(super) fn sparse_map_goes_on_after(block: &[u8; BLOCK]) -> Result<bool, &'static str> {
    numbers(&block[..504])?;
    Ok(block[504] != 0)
}

fn numbers(fields: &[u8]) -> Result<(), &'static str> {
    fields
        .chunks_exact(12)
        .try_for_each(|field| number(field).map(drop))
}

/// The bytes before the first zero.
pub(super) fn until_zero(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|&byte| byte == 0);
    &field[..end.unwrap_or(field.len())]
}

/// A number in octal digits, or in base 256 after a byte 0x80. None: it is negative or larger than 64 bits.
fn number(field: &[u8]) -> Result<Option<u64>, &'static str> {
    match field[0] {
        0x80 => Ok(field[1..].iter().try_fold(0_u64, |number, &byte| {
            number
                .checked_mul(256)
                .map(|number| number | u64::from(byte))
        })),
        0xff => Ok(None),
        _ => octal(field).ok_or("a number is not octal").map(Some),
    }
}

/// Octal digits between spaces, up to the first zero byte; nothing is 0. A field has at most 12 digits, so 36 bits.
fn octal(field: &[u8]) -> Option<u64> {
    let mut number = 0;
    let mut rest = field.iter();
    for &byte in rest.by_ref().skip_while(|byte| is_space(**byte)) {
        match byte {
            b'0'..=b'7' => number = number * 8 + u64::from(byte - b'0'),
            0 => return Some(number),
            _ if is_space(byte) => break,
            _ => return None,
        }
    }
    rest.take_while(|byte| **byte != 0)
        .all(|byte| is_space(*byte))
        .then_some(number)
}

/// White space that Python's `str.strip` removes.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r' | 0x1c..=0x1f)
}

/// The sums of all bytes, with spaces in place of the checksum. Some old writers took bytes as signed.
#[expect(clippy::cast_possible_wrap, reason = "that is the signed byte")]
fn checksums(block: &[u8; BLOCK]) -> (u64, i64) {
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    let own: u32 = block[148..156].iter().map(|&byte| u32::from(byte)).sum();
    let unsigned = sum - own + 8 * u32::from(b' ');
    let high = block.iter().filter(|&&byte| byte as i8 <= -1).count();
    let own_high = block[148..156]
        .iter()
        .filter(|&&byte| byte as i8 <= -1)
        .count();
    let signed = i64::from(unsigned) - 256 * (high - own_high) as i64;
    (u64::from(unsigned), signed)
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A header with a right checksum.
    pub(in crate::archive) fn header(name: &str, kind: u8, size: usize) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[100..108].copy_from_slice(b"0000644\0");
        block[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
        block[156] = kind;
        block[257..265].copy_from_slice(b"ustar\x0000");
        seal(&mut block);
        block
    }

    /// Writes the checksum that fits.
    pub(in crate::archive) fn seal(block: &mut [u8; BLOCK]) {
        let (sum, _) = checksums(block);
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }

    fn slow_checksums(block: &[u8; BLOCK]) -> (u64, i64) {
        let own = [b' '; 8];
        let all = || block[..148].iter().chain(&own).chain(&block[156..]);
        let signed = all().map(|&byte| i64::from(byte.cast_signed())).sum();
        (all().map(|&byte| u64::from(byte)).sum(), signed)
    }

    proptest! {
        #[test]
        fn checksums_are_the_sums(bytes in proptest::collection::vec(any::<u8>(), BLOCK)) {
            let block = bytes.try_into().unwrap();
            prop_assert_eq!(checksums(&block), slow_checksums(&block));
        }
    }

    #[test]
    fn numbers_are_read_as_python_reads_them() {
        for (field, read) in [
            (&b"0000644\0"[..], Ok(Some(0o644))),
            (b"   644 \0", Ok(Some(0o644))),
            (b"644\0 9!\xff", Ok(Some(0o644))),
            (b"77777777", Ok(Some(0o7777_7777))),
            (b"        ", Ok(Some(0))),
            (b"\0\0\0\0\0\0\0\0", Ok(Some(0))),
            (b"\t12\x0b\x1c\0", Ok(Some(0o12))),
            (b"\x80\0\0\0\0\x02\0\x01", Ok(Some(0x0002_0001))),
            (b"\x80\x01\0\0\0\0\0\0\0\0\0\0", Ok(None)),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff", Ok(None)),
            (b"0000648\0", Err("a number is not octal")),
            (b"1 2\0    ", Err("a number is not octal")),
            (b"-1\0     ", Err("a number is not octal")),
            (b"0o17\0   ", Err("a number is not octal")),
            (b"\x81000000\0", Err("a number is not octal")),
        ] {
            assert_eq!(number(field), read, "{field:?}");
        }
    }

    #[test]
    fn a_header_needs_its_checksum_and_its_numbers() {
        let mut block = header("a/b.jpg", b'0', 5);
        let found = Header::parse(&block).unwrap();
        assert_eq!((found.kind, found.size), (Kind::File, 5));
        block[3] ^= 1;
        assert!(Header::parse(&block).is_err());
        for field in [100, 108, 116, 124, 136, 329, 337] {
            let mut block = header("a", b'0', 5);
            block[field] = b'x';
            seal(&mut block);
            assert_eq!(Header::parse(&block).unwrap_err(), "a number is not octal");
        }
        let mut block = header("a", b'0', 5);
        block[124] = 0xff;
        seal(&mut block);
        assert!(Header::parse(&block).unwrap_err().starts_with("its size"));
    }

    #[test]
    fn a_prefix_belongs_to_the_name_except_in_gnu_types() {
        for (kind, full) in [
            (b'0', &b"folder/a.jpg"[..]),
            (b'S', b"a.jpg"),
            (b'L', b"a.jpg"),
        ] {
            let mut block = header("a.jpg", kind, 0);
            block[345..351].copy_from_slice(b"folder");
            seal(&mut block);
            let mut name = Vec::new();
            Header::parse(&block).unwrap().write_name(&mut name);
            assert_eq!(name, full);
        }
    }
}
