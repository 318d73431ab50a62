//! What comes before a header and changes it: long names, and POSIX records (PAX).

use super::header::until_zero;

/// What the headers before a member tell about it. Of two that disagree, the first one holds, as in `tarfile`.
#[derive(Default)]
pub(super) struct Extended {
    pub(super) name: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    /// Whether the body is a map and pieces of a file with holes.
    pub(super) is_sparse: bool,
}

impl Extended {
    /// Takes the body of GNU's header with a long name.
    pub(super) fn add_long_name(&mut self, body: &[u8]) {
        self.set_name(until_zero(body));
    }

    /// Takes the records of a POSIX header: each is `LENGTH KEYWORD=VALUE` and a line end.
    ///
    /// Within one header the last record of a keyword holds.
    pub(super) fn add_records(&mut self, body: &[u8]) -> Result<(), &'static str> {
        let (mut path, mut sparse_name, mut size) = (None, None, None);
        let (mut is_sparse, mut has_map, mut version) = (false, false, [None; 2]);
        for record in Records(body) {
            let (keyword, value) = record?;
            match keyword {
                b"path" => path = Some(trim_slashes(value)),
                b"size" => size = Some(decimal(value).ok_or("a size in its records is no number")?),
                b"GNU.sparse.name" => sparse_name = Some(value),
                b"GNU.sparse.map" | b"GNU.sparse.size" => has_map = true,
                b"GNU.sparse.major" => version[0] = Some(value),
                b"GNU.sparse.minor" => version[1] = Some(value),
                _ => {}
            }
            is_sparse |= keyword.starts_with(b"GNU.sparse.");
        }
        if is_sparse && !has_map && version != [Some(&b"1"[..]), Some(&b"0"[..])] {
            return Err("its records tell of holes in no known form");
        }
        self.is_sparse |= is_sparse;
        if let Some(name) = sparse_name.or(path) {
            self.set_name(name);
        }
        self.size = self.size.or(size);
        Ok(())
    }

    fn set_name(&mut self, name: &[u8]) {
        self.name.get_or_insert_with(|| name.to_vec());
    }
}

/// Checks the records about all members that follow: none may change their names or sizes.
pub(super) fn check_global_records(body: &[u8]) -> Result<(), &'static str> {
    for record in Records(body) {
        let (keyword, _) = record?;
        if matches!(keyword, b"path" | b"size") || keyword.starts_with(b"GNU.sparse.") {
            return Err("its records would give every member one name or size");
        }
    }
    Ok(())
}

/// The keywords and values of records.
struct Records<'a>(&'a [u8]);

impl<'a> Iterator for Records<'a> {
    type Item = Result<(&'a [u8], &'a [u8]), &'static str>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let record = self.split_first();
        if record.is_none() {
            self.0 = &[];
        }
        Some(record.ok_or("its records are malformed"))
    }
}

impl<'a> Records<'a> {
    fn split_first(&mut self) -> Option<(&'a [u8], &'a [u8])> {
        let space = self.0.iter().take(20).position(|&byte| byte == b' ')?;
        let length = usize::try_from(decimal(&self.0[..space])?).ok()?;
        let (record, rest) = self.0.split_at_checked(length)?;
        let record = record.strip_suffix(b"\n")?.get(space + 1..)?;
        let equals = record.iter().position(|&byte| byte == b'=')?;
        if equals == 0 {
            return None;
        }
        self.0 = rest;
        Some((&record[..equals], &record[equals + 1..]))
    }
}

/// A number in decimal digits that fits in 63 bits.
fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: u64 = str::from_utf8(digits).ok()?.parse().ok()?;
    i64::try_from(number).is_ok().then_some(number)
}

fn trim_slashes(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|&byte| byte != b'/');
    &path[..end.map_or(0, |end| end + 1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Records with their lengths.
    fn records(fields: &[(&str, &str)]) -> Vec<u8> {
        let record = |(keyword, value): &(&str, &str)| {
            let rest = format!(" {keyword}={value}\n");
            let length =
                (1..9999).find(|length: &usize| length.to_string().len() + rest.len() == *length);
            format!("{}{rest}", length.unwrap())
        };
        fields.iter().map(record).collect::<String>().into_bytes()
    }

    fn added(records: &[u8]) -> Result<Extended, &'static str> {
        let mut extended = Extended::default();
        extended.add_records(records).map(|()| extended)
    }

    #[test]
    fn records_give_a_name_and_a_size() {
        let found = added(&records(&[
            ("path", "a=b//"),
            ("comment", "\n"),
            ("size", "7"),
            ("size", "71"),
        ]));
        let found = found.unwrap();
        assert_eq!(found.name.as_deref(), Some(&b"a=b"[..]));
        assert_eq!((found.size, found.is_sparse), (Some(71), false));
        for form in [
            &[
                ("GNU.sparse.major", "1"),
                ("GNU.sparse.minor", "0"),
                ("GNU.sparse.name", "a"),
            ][..],
            &[("GNU.sparse.map", "0,1"), ("path", "a")],
            &[("GNU.sparse.size", "5"), ("path", "a")],
        ] {
            let found = added(&records(form)).unwrap();
            assert_eq!(
                (found.name.as_deref(), found.is_sparse),
                (Some(&b"a"[..]), true)
            );
        }
    }

    #[test]
    fn the_first_header_holds() {
        let mut extended = added(&records(&[("path", "ab")])).unwrap();
        extended.add_long_name(b"long\0garbage");
        extended
            .add_records(&records(&[("path", "c"), ("size", "3")]))
            .unwrap();
        assert_eq!(
            (extended.name.as_deref(), extended.size),
            (Some(&b"ab"[..]), Some(3))
        );
    }

    #[test]
    fn malformed_records_are_refused() {
        for wrong in [
            &b"x"[..],
            b" 6 a=b\n",
            b"6 a=bc\n",
            b"99 a=b\n",
            b"0 a=b\n",
            b"4 =\n",
            b"1 a=b\n",
            b"6 abc\n",
            b"6 a=b\n\0",
            b"6 a=b\nx",
            b"+6 a=b\n",
            b"99999999999999999999999 a=b\n",
            &records(&[("size", "-1")]),
            &records(&[("size", "")]),
            &records(&[("size", "99999999999999999999")]),
            &records(&[("GNU.sparse.name", "a")]),
            &records(&[("GNU.sparse.major", "2"), ("GNU.sparse.minor", "0")]),
        ] {
            assert!(added(wrong).is_err(), "{wrong:?}");
        }
        assert!(check_global_records(&records(&[("comment", "x")])).is_ok());
        assert!(check_global_records(&records(&[("path", "x")])).is_err());
        assert!(check_global_records(b"9 path").is_err());
    }
}
