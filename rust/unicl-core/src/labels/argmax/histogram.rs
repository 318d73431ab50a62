//! An upper bound on the common subsequence with every label at once, from character counts.
//!
//! In whatever order, two strings have at most this in common: the sum over characters of min(times in
//! one, times in the other).
//!
//! Labels stand in blocks of 256. For every bucket of characters and every k, a block has a *plane* of 256
//! bits: the labels that have the bucket at least k times. A phrase that has the bucket t times adds the
//! planes k = 1..=t. The sums are bit-sliced: slice s holds bit s of the 256 counts of a block. Planes are
//! added four at a time by full adders (Harley and Seal), in about five logical operations a plane.

/// Buckets of characters: each of the 48 most frequent has its own, the others share 16.
const BUCKETS: usize = 64;
const OWN_BUCKETS: u32 = 48;

/// Words of a plane.
const WORDS: usize = 4;

/// Labels of a block.
pub(super) const BLOCK: usize = WORDS * 64;

/// One bit for each of 256 labels.
pub(super) type Plane = [u64; WORDS];

/// The most that is counted of one bucket, and of all buckets together.
const MOST_OF_BUCKET: usize = 12;
const MOST: usize = 255;

fn bucket(character: u32) -> usize {
    let bucket = if character < OWN_BUCKETS {
        character
    } else {
        OWN_BUCKETS + character % (64 - OWN_BUCKETS)
    };
    bucket as usize
}

fn times(text: &[u32]) -> [usize; BUCKETS] {
    let mut times = [0; BUCKETS];
    for &character in text {
        times[bucket(character)] += 1;
    }
    times
}

/// The planes of all blocks.
#[derive(Debug)]
pub(super) struct Histograms {
    blocks: usize,
    /// For each (bucket, k) the planes of all blocks. Before them stands one row of empty planes.
    planes: Vec<Plane>,
    /// The first row of each bucket, and the end of the last.
    starts: [usize; BUCKETS + 1],
}

impl Histograms {
    pub(super) fn new<'a>(labels: impl ExactSizeIterator<Item = &'a [u32]>) -> Self {
        let blocks = labels.len().div_ceil(BLOCK);
        let times: Vec<_> = labels
            .map(|label| times(label).map(|times| times.min(MOST_OF_BUCKET)))
            .collect();
        let mut starts = [1; BUCKETS + 1];
        for bucket in 0..BUCKETS {
            let most = times.iter().map(|times| times[bucket]).max();
            starts[bucket + 1] = starts[bucket] + most.unwrap_or(0);
        }
        let mut planes = vec![Plane::default(); starts[BUCKETS] * blocks];
        for (place, times) in times.iter().enumerate() {
            let (block, word, shift) = (place / BLOCK, place % BLOCK / 64, place % 64);
            for (&start, &times) in starts.iter().zip(times) {
                for row in start..start + times {
                    planes[row * blocks + block][word] |= 1 << shift;
                }
            }
        }
        Self {
            blocks,
            planes,
            starts,
        }
    }
}

/// How many characters each label can have in common with a phrase.
#[derive(Default)]
pub(super) struct Counts {
    /// The slices of the first block, of the second, and so on.
    slices: Vec<Plane>,
    /// The number of slices of a block.
    depth: usize,
    /// Characters of the phrase beyond the most that is counted; any label might have them.
    uncounted: usize,
    /// The rows of planes that are added.
    rows: Vec<usize>,
}

impl Counts {
    pub(super) fn count(&mut self, histograms: &Histograms, phrase: &[u32]) {
        self.rows.clear();
        self.uncounted = 0;
        for (bucket, times) in times(phrase).into_iter().enumerate() {
            let counted = times.min(MOST_OF_BUCKET).min(MOST - self.rows.len());
            self.uncounted += times - counted;
            let (start, end) = (histograms.starts[bucket], histograms.starts[bucket + 1]);
            self.rows.extend(start..end.min(start + counted));
        }
        let counted = self.rows.len();
        self.rows.resize(counted.next_multiple_of(4), 0);
        self.slices.clear();
        match counted {
            0..=7 => self.add::<3>(histograms),
            8..=15 => self.add::<4>(histograms),
            16..=31 => self.add::<5>(histograms),
            32..=63 => self.add::<6>(histograms),
            _ => self.add::<8>(histograms),
        }
    }

    fn add<const DEPTH: usize>(&mut self, histograms: &Histograms) {
        self.depth = DEPTH;
        for block in 0..histograms.blocks {
            let plane = |row: usize| histograms.planes[row * histograms.blocks + block];
            let mut slices = [Plane::default(); DEPTH];
            for rows in self.rows.chunks_exact(4) {
                let ones_a = full_add(&mut slices[0], plane(rows[0]), plane(rows[1]));
                let ones_b = full_add(&mut slices[0], plane(rows[2]), plane(rows[3]));
                let mut carry = full_add(&mut slices[1], ones_a, ones_b);
                for slice in &mut slices[2..] {
                    for (slice, carry) in slice.iter_mut().zip(&mut carry) {
                        (*slice, *carry) = (*slice ^ *carry, *slice & *carry);
                    }
                }
            }
            self.slices.extend_from_slice(&slices);
        }
    }

    fn block(&self, block: usize) -> &[Plane] {
        &self.slices[block * self.depth..(block + 1) * self.depth]
    }

    /// The bound for one label.
    pub(super) fn of(&self, label: usize) -> usize {
        let (word, shift) = (label % BLOCK / 64, label % 64);
        let slices = self.block(label / BLOCK).iter().enumerate();
        let count = slices.fold(0, |count, (bit, slice)| {
            count | (slice[word] >> shift & 1) << bit
        });
        self.uncounted + usize::try_from(count).expect("a count has at most 8 bits")
    }

    /// The highest bound of a block.
    pub(super) fn highest(&self, block: usize) -> usize {
        let mut left = [u64::MAX; WORDS];
        let mut highest = 0;
        for (bit, slice) in self.block(block).iter().enumerate().rev() {
            let narrowed = and(left, *slice);
            if narrowed != Plane::default() {
                left = narrowed;
                highest |= 1 << bit;
            }
        }
        self.uncounted + highest
    }

    /// The labels of a block whose bound is at least `least`.
    pub(super) fn at_least(&self, block: usize, least: usize) -> Plane {
        let least = least.saturating_sub(self.uncounted);
        if least >> self.depth > 0 {
            return Plane::default();
        }
        let (mut more, mut equal) = (Plane::default(), [u64::MAX; WORDS]);
        for (bit, slice) in self.block(block).iter().enumerate().rev() {
            let wanted = 0_u64.wrapping_sub((least >> bit & 1) as u64);
            for word in 0..WORDS {
                more[word] |= equal[word] & slice[word] & !wanted;
                equal[word] &= !(slice[word] ^ wanted);
            }
        }
        for (more, equal) in more.iter_mut().zip(equal) {
            *more |= equal;
        }
        more
    }
}

/// Adds two planes to a slice and gives the carry to the next slice.
fn full_add(slice: &mut Plane, a: Plane, b: Plane) -> Plane {
    let mut carry = Plane::default();
    for word in 0..WORDS {
        let (old, one) = (slice[word], a[word] ^ b[word]);
        slice[word] = old ^ one;
        carry[word] = a[word] & b[word] | old & one;
    }
    carry
}

fn and(mut a: Plane, b: Plane) -> Plane {
    for (a, b) in a.iter_mut().zip(b) {
        *a &= b;
    }
    a
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// The bound, counted one bucket at a time.
    fn naive(a: &[u32], b: &[u32]) -> usize {
        let pairs = times(a).into_iter().zip(times(b));
        pairs.map(|(a, b)| a.min(b)).sum()
    }

    proptest! {
        #[test]
        fn counts_equal_those_of_one_bucket_after_another(
            labels in vec(vec(0_u32..100, 0..12), 0..600),
            phrase in vec(0_u32..100, 0..12),
            least in 0_usize..100,
        ) {
            let histograms = Histograms::new(labels.iter().map(Vec::as_slice));
            let mut counts = Counts::default();
            counts.count(&histograms, &phrase);
            for (block, labels) in labels.chunks(BLOCK).enumerate() {
                let expected: Vec<_> = labels.iter().map(|label| naive(label, &phrase)).collect();
                let found: Vec<_> = (0..labels.len()).map(|place| counts.of(block * BLOCK + place)).collect();
                prop_assert_eq!(counts.highest(block), *expected.iter().max().unwrap());
                let plane = counts.at_least(block, least);
                for (place, &count) in expected.iter().enumerate() {
                    prop_assert_eq!(plane[place / 64] >> (place % 64) & 1 == 1, count >= least);
                }
                prop_assert_eq!(found, expected);
            }
        }
    }

    #[test]
    fn characters_beyond_the_counters_may_be_in_any_label() {
        let labels = [vec![0; 30], vec![1; 30]];
        let histograms = Histograms::new(labels.iter().map(Vec::as_slice));
        let mut counts = Counts::default();
        counts.count(&histograms, &[0; 30]);
        assert_eq!(
            [counts.of(0), counts.of(1), counts.highest(0)],
            [30, 18, 30]
        );
        assert_eq!(counts.at_least(0, 19)[0], 1);
        let many: Vec<u32> = (0..60).flat_map(|character| [character; 5]).collect();
        let histograms = Histograms::new([many.as_slice()].into_iter());
        counts.count(&histograms, &many);
        assert_eq!(counts.of(0), 300);
    }
}
