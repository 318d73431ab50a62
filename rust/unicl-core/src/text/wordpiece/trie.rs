//! The vocabulary as a tree of bytes: one walk finds the longest piece that a text begins with.

/// Nodes in breadth-first order, so that the children of a node are neighbours.
pub(super) struct Trie {
    /// The byte that leads to each node.
    bytes: Vec<u8>,
    /// Where the children of each node begin; they end where the children of the next node begin.
    children: Vec<u32>,
    /// The id of the piece that ends at each node, or [`NO_PIECE`].
    ids: Vec<i32>,
}

/// A place in a [`Trie`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Node(u32);

const NO_PIECE: i32 = -1;

impl Trie {
    pub(super) const ROOT: Node = Node(0);

    /// Makes a tree of pieces, which must all differ.
    ///
    /// # Panics
    ///
    /// If the pieces have more than 2^32 bytes.
    pub(super) fn new(mut pieces: Vec<(&[u8], i32)>) -> Self {
        pieces.sort_unstable();
        let mut trie = Self {
            bytes: vec![0],
            children: Vec::new(),
            ids: Vec::new(),
        };
        // The pieces below each node and the number of bytes on the way to it.
        let mut waiting = std::collections::VecDeque::from([(pieces.as_slice(), 0)]);
        while let Some((mut below, depth)) = waiting.pop_front() {
            trie.children
                .push(u32::try_from(trie.bytes.len()).expect("fewer than 2^32 nodes"));
            let here = below.first().filter(|(piece, _)| piece.len() == depth);
            trie.ids.push(here.map_or(NO_PIECE, |&(_, id)| id));
            below = &below[usize::from(here.is_some())..];
            while let Some(&(piece, _)) = below.first() {
                let byte = piece[depth];
                let count = below.partition_point(|(piece, _)| piece[depth] <= byte);
                trie.bytes.push(byte);
                waiting.push_back((&below[..count], depth + 1));
                below = &below[count..];
            }
        }
        trie.children
            .push(u32::try_from(trie.bytes.len()).expect("fewer than 2^32 nodes"));
        trie
    }

    /// The node that `byte` leads to.
    #[inline]
    fn child(&self, node: Node, byte: u8) -> Option<Node> {
        let first = self.children[node.0 as usize];
        let end = self.children[node.0 as usize + 1];
        let bytes = &self.bytes[first as usize..end as usize];
        let at = if bytes.len() <= 8 {
            bytes.iter().position(|&other| other == byte)?
        } else {
            bytes.binary_search(&byte).ok()?
        };
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a node has at most 256 children"
        )]
        let at = at as u32;
        Some(Node(first + at))
    }

    /// The node that `text` leads to.
    pub(super) fn descend(&self, text: &[u8]) -> Option<Node> {
        text.iter()
            .try_fold(Self::ROOT, |node, &byte| self.child(node, byte))
    }

    /// The length and the id of the longest piece that `text` begins with, from the node `start` on.
    #[inline]
    pub(super) fn longest(&self, start: Node, text: &[u8]) -> Option<(usize, i32)> {
        let (mut node, mut found) = (start, None);
        for (length, &byte) in (1..).zip(text) {
            let Some(next) = self.child(node, byte) else {
                break;
            };
            node = next;
            let id = self.ids[node.0 as usize];
            if id != NO_PIECE {
                found = Some((length, id));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_longest_piece_is_that_of_a_search_through_all(
            pieces in prop::collection::btree_set("[abé]{1,4}", 0..20),
            text in "[abéc]{0,8}",
            start in "[abé]{0,2}",
        ) {
            let trie = Trie::new(pieces.iter().map(String::as_bytes).zip(0..).collect());
            let expected = pieces
                .iter()
                .zip(0..)
                .filter_map(|(piece, id)| Some((piece.strip_prefix(start.as_str())?, id)))
                .filter(|(rest, _)| !rest.is_empty() && text.starts_with(rest))
                .map(|(rest, id)| (rest.len(), id))
                .max();
            let found = trie.descend(start.as_bytes()).and_then(|node| trie.longest(node, text.as_bytes()));
            prop_assert_eq!(found, expected);
        }
    }
}
