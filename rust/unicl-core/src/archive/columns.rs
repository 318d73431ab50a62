//! The samples of an archive as columns.

/// Strings one after another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// All strings.
    pub bytes: String,
    /// Where each string begins, and where the last one ends.
    pub offsets: Vec<i32>,
    /// Which rows have a string.
    pub is_valid: Vec<bool>,
}

impl Default for Text {
    fn default() -> Self {
        Self {
            bytes: String::new(),
            offsets: vec![0],
            is_valid: Vec::new(),
        }
    }
}

impl Text {
    pub(super) fn push(&mut self, text: Option<&str>) {
        self.bytes.push_str(text.unwrap_or_default());
        let end = i32::try_from(self.bytes.len()).expect("a batch is full long before");
        self.offsets.push(end);
        self.is_valid.push(text.is_some());
    }

    /// The strings, in order.
    pub fn rows(&self) -> impl Iterator<Item = Option<&str>> {
        let place = |at: i32| usize::try_from(at).unwrap_or_default();
        self.offsets
            .windows(2)
            .zip(&self.is_valid)
            .map(move |(ends, &is_valid)| {
                is_valid.then(|| &self.bytes[place(ends[0])..place(ends[1])])
            })
    }
}

/// Samples, a row each. All columns have the same length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// The name of the members up to the first dot of the file name.
    pub keys: Text,
    /// The name of the image's member.
    pub members: Text,
    /// Where the bytes of the image begin; 0 without one.
    pub offsets: Vec<i64>,
    /// How many bytes it has; 0 without one.
    pub sizes: Vec<i64>,
    /// The captions.
    pub captions: Text,
    /// The labels, as they are written.
    pub labels: Text,
}

impl Columns {
    /// The number of samples.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.offsets.len()
    }

    /// Whether a batch has enough rows or text.
    #[must_use]
    pub fn is_full(&self) -> bool {
        const ROWS: usize = 1 << 16;
        const BYTES: usize = 32 << 20;
        let texts = [&self.keys, &self.members, &self.captions, &self.labels];
        self.rows() >= ROWS || texts.iter().any(|text| text.bytes.len() >= BYTES)
    }
}
