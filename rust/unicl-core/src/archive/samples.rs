//! From members to samples: a run of members with one key is a row.

use std::mem;

use super::json_fields::{Fields, fields_of};
use super::members::Step;
use super::{ArchiveError, Columns, Member, Members, OtherMembers, ReadAt};

/// Image endings, in upper or lower case.
const IMAGES: [&[u8]; 4] = [b"jpg", b"jpeg", b"png", b"webp"];
/// Reads of the file, and members or blocks of zeros, between two chances to stop: a fraction of a second.
const READS: usize = 512;
const MEMBERS: usize = 1 << 15;

/// Larger members are not read.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most bytes of a caption, a JSON object or a label.
    pub text_bytes: u64,
    /// The most bytes of an image.
    pub image_bytes: u64,
}

/// What was found, for a summary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Members that are files.
    pub files: u64,
    /// Members that are none.
    pub others: OtherMembers,
    /// Files with holes.
    pub sparse: u64,
    /// Files whose names begin with a dot. They belong to no sample.
    pub hidden: u64,
    /// Names that begin with a slash or have a part `..`. They are keys like others, and no program should write there.
    pub unsafe_names: u64,
    /// Members beyond the limits.
    pub too_large: u64,
    /// Second images, captions, JSON objects or labels of a sample. Only the first of each counts.
    pub repeated: u64,
    /// Captions that are not UTF-8, and JSON that is no object or whose caption is no string.
    pub bad_captions: u64,
    /// Labels that are not UTF-8.
    pub bad_labels: u64,
}

/// The samples of a tar file.
///
/// A sample is a run of members whose path is the same up to the first dot of the file name: that is its key. If a key
/// comes again after another one, that is another sample. A caption is the field `caption` of the `.json` member, or
/// the `.txt` member without its last line end. A label is the `.cls` member without white space around it, or the field
/// `label`, `class` or `cls` of the `.json` member.
///
/// # Examples
///
/// ```
/// use unicl_core::archive::{ArchiveError, Limits, Samples};
///
/// let limits = Limits { text_bytes: 1 << 24, image_bytes: 1 << 29 };
/// let mut samples = Samples::new([0; 1024].as_slice(), 1024, limits);
/// while samples.advance()? {}
/// assert_eq!(samples.take().rows(), 0);
/// # Ok::<(), ArchiveError>(())
/// ```
pub struct Samples<R> {
    members: Members<R>,
    limits: Limits,
    counts: Counts,
    current: Option<Sample>,
    done: Columns,
}

#[derive(Default)]
struct Sample {
    key: Vec<u8>,
    image: Slot<(Vec<u8>, Member)>,
    json: Slot<Fields>,
    text: Slot<String>,
    label: Slot<String>,
}

/// The first member of a kind, even if it cannot be used.
#[derive(Default)]
enum Slot<T> {
    #[default]
    Free,
    Taken(Option<T>),
}

impl<T> Slot<T> {
    fn get(&self) -> Option<&T> {
        match self {
            Self::Free => None,
            Self::Taken(value) => value.as_ref(),
        }
    }
}

impl<R: ReadAt> Samples<R> {
    /// The samples of a file of `size` bytes.
    pub fn new(file: R, size: u64, limits: Limits) -> Self {
        Self {
            members: Members::new(file, size),
            limits,
            counts: Counts::default(),
            current: None,
            done: Columns::default(),
        }
    }

    /// Reads on for a fraction of a second, and tells whether there is more.
    ///
    /// # Errors
    ///
    /// If the file is damaged, is cut off, or cannot be read.
    pub fn advance(&mut self) -> Result<bool, ArchiveError> {
        let reads = self.members.reads() + READS;
        for _ in 0..MEMBERS {
            match self.members.step()? {
                Step::File(member) => self.add(member)?,
                Step::Skipped => {}
                Step::End => {
                    self.finish_sample();
                    return Ok(false);
                }
            }
            if self.done.is_full() || self.members.reads() >= reads {
                break;
            }
        }
        Ok(true)
    }

    /// Takes the samples that are complete.
    pub fn take(&mut self) -> Columns {
        mem::take(&mut self.done)
    }

    /// Whether enough samples for a batch are complete: take them before going on.
    pub fn is_full(&self) -> bool {
        self.done.is_full()
    }

    /// How many bytes of the file are behind.
    pub fn position(&self) -> u64 {
        self.members.position()
    }

    /// What was found so far.
    pub fn counts(&self) -> Counts {
        let others = self.members.others();
        Counts {
            others,
            ..self.counts
        }
    }

    fn add(&mut self, member: Member) -> Result<(), ArchiveError> {
        let name = self.members.name();
        self.counts.files += 1;
        self.counts.sparse += u64::from(member.is_sparse);
        self.counts.unsafe_names += u64::from(is_unsafe(name));
        let Some((key, ending)) = split_name(name) else {
            self.counts.hidden += 1;
            return Ok(());
        };
        let kind = ending_kind(ending);
        if self.current.as_ref().is_none_or(|sample| sample.key != key) {
            let key = key.to_vec();
            self.finish_sample();
            self.current = Some(Sample {
                key,
                ..Sample::default()
            });
        }
        match kind {
            Some(kind) => self.add_to_sample(kind, member),
            None => Ok(()),
        }
    }

    fn add_to_sample(&mut self, kind: Ending, member: Member) -> Result<(), ArchiveError> {
        let sample = self.current.as_mut().expect("a sample was begun");
        let is_free = match kind {
            Ending::Image => matches!(sample.image, Slot::Free),
            Ending::Json => matches!(sample.json, Slot::Free),
            Ending::Text => matches!(sample.text, Slot::Free),
            Ending::Label => matches!(sample.label, Slot::Free),
        };
        if !is_free {
            self.counts.repeated += 1;
            return Ok(());
        }
        let limit = match kind {
            Ending::Image => self.limits.image_bytes,
            _ => self.limits.text_bytes,
        };
        let is_too_large = member.size > limit;
        self.counts.too_large += u64::from(is_too_large);
        let is_usable = !member.is_sparse && !is_too_large;
        if kind == Ending::Image {
            let found = is_usable.then(|| (self.members.name().to_vec(), member));
            sample.image = Slot::Taken(found);
            return Ok(());
        }
        let content = if is_usable {
            Some(self.members.content(member)?)
        } else {
            None
        };
        match kind {
            Ending::Json => {
                let found = content.map(fields_of).transpose();
                self.counts.bad_captions += u64::from(found.is_err());
                sample.json = Slot::Taken(found.unwrap_or_default());
            }
            Ending::Text => {
                let found = content.map(str::from_utf8).transpose();
                self.counts.bad_captions += u64::from(found.is_err());
                let text = found.unwrap_or_default();
                sample.text = Slot::Taken(
                    text.map(|text| text.strip_suffix('\n').unwrap_or(text).to_owned()),
                );
            }
            _ => {
                let found = content
                    .map(|content| str::from_utf8(content.trim_ascii()))
                    .transpose();
                self.counts.bad_labels += u64::from(found.is_err());
                let label = found.unwrap_or_default().filter(|label| !label.is_empty());
                sample.label = Slot::Taken(label.map(str::to_owned));
            }
        }
        Ok(())
    }

    fn finish_sample(&mut self) {
        let Some(sample) = self.current.take() else {
            return;
        };
        let done = &mut self.done;
        done.keys.push(Some(&String::from_utf8_lossy(&sample.key)));
        let image = sample.image.get();
        let place =
            |value: u64| i64::try_from(value).expect("sizes and files have at most 63 bits");
        done.members.push(
            image
                .map(|(name, _)| String::from_utf8_lossy(name))
                .as_deref(),
        );
        done.offsets
            .push(image.map_or(0, |(_, member)| place(member.offset)));
        done.sizes
            .push(image.map_or(0, |(_, member)| place(member.size)));
        let fields = sample.json.get();
        let caption = fields.and_then(|fields| fields.caption.as_ref());
        let caption = caption.or(sample.text.get());
        let label = fields.and_then(|fields| fields.label.as_ref());
        let label = sample.label.get().or(label);
        done.captions.push(caption.map(String::as_str));
        done.labels.push(label.map(String::as_str));
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Image,
    Json,
    Text,
    Label,
}

fn ending_kind(ending: &[u8]) -> Option<Ending> {
    let is = |kind: &[u8]| ending.eq_ignore_ascii_case(kind);
    if IMAGES.iter().any(|kind| is(kind)) {
        Some(Ending::Image)
    } else if is(b"json") {
        Some(Ending::Json)
    } else if is(b"txt") {
        Some(Ending::Text)
    } else if is(b"cls") {
        Some(Ending::Label)
    } else {
        None
    }
}

/// Splits a name at the first dot of the file name; none for a hidden file, whose name begins with it.
fn split_name(name: &[u8]) -> Option<(&[u8], &[u8])> {
    let file = name
        .iter()
        .rposition(|&byte| byte == b'/')
        .map_or(0, |slash| slash + 1);
    let dot = name[file..].iter().position(|&byte| byte == b'.');
    let end = dot.map_or(name.len(), |dot| file + dot);
    (end > file).then(|| (&name[..end], name.get(end + 1..).unwrap_or_default()))
}

fn is_unsafe(name: &[u8]) -> bool {
    name.first() == Some(&b'/')
        || (name.contains(&b'.') && name.split(|&byte| byte == b'/').any(|part| part == b".."))
}
