//! Rows of ids for both tokenizers: spread over threads, filled from the left, or laid end to end.
//!
//! A tokenizer brings the encoder that makes the ids; see [`PushIds`].

use std::ops::Range;
use std::{array, iter};

use crate::Error;
use crate::threads::{Threads, run};

/// Rows that a thread takes at a time: about 100 µs of work, a few times the cost of starting a thread.
const ROWS_AT_A_TIME: usize = 256;

/// Rows to fill, all of one length.
pub struct Rows<'a, Id> {
    /// Ids in a row: at least 2, and 3 for pairs of texts.
    pub length: usize,
    /// The rows, one after another.
    pub ids: &'a mut [Id],
    /// As many places as `ids`: 1 on tokens, 0 on padding. None if it is not wanted.
    pub mask: Option<&'a mut [Id]>,
    /// As many places as `ids`: 1 on the second text of a pair and its end, 0 elsewhere. None if it is
    /// not wanted.
    pub types: Option<&'a mut [Id]>,
}

/// A caption, or a pair of texts, that does not fit its row.
#[derive(Debug, thiserror::Error)]
#[error(
    "expected at most {length} tokens with start and end (context_length); row {row} has {tokens}: \
     shorten it, or let it be cut (truncate)"
)]
pub struct TooLong {
    row: usize,
    tokens: usize,
    length: usize,
}

impl Error for TooLong {}

/// An id that the vocabulary does not have.
#[derive(Debug, thiserror::Error)]
#[error("expected ids from 0 to {}; got {id} at position {position}", vocabulary_size - 1)]
pub struct DecodeError {
    pub(super) id: i64,
    pub(super) position: usize,
    pub(super) vocabulary_size: usize,
}

impl Error for DecodeError {}

/// A thread's encoder: it appends the ids of captions to the ids that it holds.
pub(super) trait PushIds: Send {
    /// The type of an id before it is put into a row.
    type Id: Copy;

    /// Appends the ids of a caption, and stops once there are `enough` in all.
    fn push_caption(&mut self, caption: &str, enough: usize);

    /// The ids that it holds.
    fn ids(&mut self) -> &mut Vec<Self::Id>;
}

/// The rows of each task.
pub(super) fn tasks(rows: usize) -> impl Iterator<Item = Range<usize>> {
    (0..rows)
        .step_by(ROWS_AT_A_TIME)
        .map(move |first| first..rows.min(first + ROWS_AT_A_TIME))
}

/// Calls `fill` for every row with its number and its places in each array.
///
/// A row has no places in an array that is None.
///
/// # Panics
///
/// If an array does not have `length` places for each row.
pub(super) fn for_each_row<Id: Send, State: Send, const ARRAYS: usize>(
    rows: usize,
    length: usize,
    arrays: [Option<&mut [Id]>; ARRAYS],
    threads: Threads,
    state: impl Fn() -> State + Sync,
    fill: impl Fn(&mut State, usize, [&mut [Id]; ARRAYS]) + Sync,
) {
    let fits = |array: &Option<&mut [Id]>| {
        array
            .as_ref()
            .is_none_or(|array| array.len() == rows * length)
    };
    assert!(
        arrays.iter().all(fits),
        "rows of {length} ids for every caption"
    );
    // An array that is not wanted is empty, and runs out at once.
    let mut parts = arrays.map(|array| {
        array
            .unwrap_or_default()
            .chunks_mut(ROWS_AT_A_TIME * length)
    });
    let tasks = tasks(rows).map(|rows| (rows, next_of_each(&mut parts)));
    run(
        threads,
        tasks.collect(),
        state,
        |state, (rows, parts): (Range<usize>, [&mut [Id]; ARRAYS])| {
            let mut places = parts.map(|part| part.chunks_exact_mut(length));
            for row in rows {
                fill(state, row, next_of_each(&mut places));
            }
        },
    );
}

fn next_of_each<'a, Id: 'a, const ARRAYS: usize>(
    arrays: &mut [impl Iterator<Item = &'a mut [Id]>; ARRAYS],
) -> [&'a mut [Id]; ARRAYS] {
    array::from_fn(|index| arrays[index].next().unwrap_or_default())
}

/// A row that is filled from the left.
pub(super) struct Filling<'a, Id> {
    row: &'a mut [Id],
    /// The number of places that are filled.
    pub(super) filled: usize,
}

impl<'a, Id: Copy> Filling<'a, Id> {
    pub(super) fn new(row: &'a mut [Id]) -> Self {
        Self { row, filled: 0 }
    }

    #[inline]
    pub(super) fn push(&mut self, id: Id) {
        self.row[self.filled] = id;
        self.filled += 1;
    }

    #[inline]
    pub(super) fn extend<Short: Copy + Into<Id>>(&mut self, ids: &[Short]) {
        for (place, &id) in self.row[self.filled..][..ids.len()].iter_mut().zip(ids) {
            *place = id.into();
        }
        self.filled += ids.len();
    }

    /// Fills the rest with padding, and returns how many places were filled before.
    #[inline]
    pub(super) fn pad(self, padding: Id) -> usize {
        self.row[self.filled..].fill(padding);
        self.filled
    }
}

/// Writes `one` to the places in `ones` and `zero` to the others; does nothing if there are no places.
#[inline]
pub(super) fn mark<Id: Copy>(places: &mut [Id], ones: Range<usize>, [zero, one]: [Id; 2]) {
    if !places.is_empty() {
        places.fill(zero);
        places[ones].fill(one);
    }
}

/// Checks that every caption, with its pair if it has one, fits `length` ids with `control` other ids.
pub(super) fn check_fit<Encoder: PushIds>(
    captions: &[&str],
    pairs: Option<&[&str]>,
    control: usize,
    length: usize,
    threads: Threads,
    encoder: impl Fn() -> Encoder + Sync,
) -> Result<(), TooLong> {
    let too_long = run(
        threads,
        tasks(captions.len()).collect(),
        encoder,
        |encoder, mut rows: Range<usize>| {
            rows.find_map(|row| {
                let texts = || iter::once(captions[row]).chain(pairs.map(|pairs| pairs[row]));
                // A token has at least one byte, so the length shows at once that most captions fit.
                if texts().map(str::len).sum::<usize>() + control <= length {
                    return None;
                }
                encoder.ids().clear();
                texts().for_each(|text| encoder.push_caption(text, usize::MAX));
                let tokens = encoder.ids().len() + control;
                (tokens > length).then_some(TooLong {
                    row,
                    tokens,
                    length,
                })
            })
        },
    );
    too_long.into_iter().flatten().next().map_or(Ok(()), Err)
}

/// Gives the ids of all captions, one after another, and where each begins and the last ends.
#[expect(
    clippy::cast_possible_wrap,
    reason = "a vector has fewer than 2^63 ids"
)]
pub(super) fn encode_ragged<Encoder: PushIds, Id: Send + From<Encoder::Id>>(
    captions: &[&str],
    threads: Threads,
    encoder: impl Fn() -> Encoder + Sync,
) -> (Vec<Id>, Vec<i64>) {
    let parts = run(
        threads,
        tasks(captions.len()).collect(),
        encoder,
        |encoder, rows: Range<usize>| {
            encoder.ids().clear();
            let ends = captions[rows].iter().map(|caption| {
                encoder.push_caption(caption, usize::MAX);
                encoder.ids().len()
            });
            let ends: Vec<usize> = ends.collect();
            let ids: Vec<Id> = encoder.ids().iter().map(|&id| Id::from(id)).collect();
            (ids, ends)
        },
    );
    let mut ids = Vec::with_capacity(parts.iter().map(|(ids, _)| ids.len()).sum());
    let mut offsets = Vec::with_capacity(captions.len() + 1);
    offsets.push(0);
    for (part, ends) in parts {
        let base = ids.len();
        offsets.extend(ends.iter().map(|end| (base + end) as i64));
        ids.extend(part);
    }
    (ids, offsets)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;

    #[test]
    fn every_row_has_its_own_places_and_none_in_an_array_that_nobody_wants() {
        for rows in [0, 1, ROWS_AT_A_TIME, 3 * ROWS_AT_A_TIME + 7] {
            for count in [1, 3] {
                let threads = Threads::exactly(NonZeroUsize::new(count).unwrap());
                let mut numbers = vec![usize::MAX; rows * 2];
                let arrays = [None, Some(&mut numbers[..])];
                for_each_row(
                    rows,
                    2,
                    arrays,
                    threads,
                    || (),
                    |(), row, [none, places]| {
                        assert!(none.is_empty());
                        places.copy_from_slice(&[row, row]);
                    },
                );
                let expected: Vec<usize> = (0..rows).flat_map(|row| [row, row]).collect();
                assert_eq!(numbers, expected);
            }
        }
    }

    #[test]
    #[should_panic = "rows of 2 ids for every caption"]
    fn an_array_with_too_few_places_is_refused() {
        for_each_row(
            3,
            2,
            [Some(&mut [0; 5][..])],
            Threads::ONE,
            || (),
            |(), _, _| (),
        );
    }

    #[test]
    fn a_row_is_filled_from_the_left_and_marked() {
        let (mut ids, mut mask) = ([-1_i64; 5], [-1_i64; 5]);
        let mut filling = Filling::new(&mut ids);
        filling.push(7);
        filling.extend(&[1_u16, 2]);
        mark(&mut mask, 1..filling.pad(9), [0, 1]);
        assert_eq!((ids, mask), ([7, 1, 2, 9, 9], [0, 1, 1, 0, 0]));
    }
}
