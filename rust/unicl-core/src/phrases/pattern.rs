//! Regular expressions over any alphabet, with the matches of a backtracking engine.
//!
//! Matches are those of Python's `re`: leftmost, first alternative, greedy. A tag grammar has two such
//! expressions: one over the characters of a tag, and one over the tags of a caption.
//!
//! The text is parsed to a tree, and the tree to a program of jumps. The program runs with an explicit
//! stack. It remembers which choices have failed at which place, also from one start to the next. So all
//! matches in a text together take at most instructions x places steps.

use std::iter::Peekable;
use std::ops::Range;
use std::str::CharIndices;

use super::grammar::GrammarError;
use crate::interrupt;

/// The most instructions of a pattern: counted repetitions multiply.
const MAX_INSTRUCTIONS: usize = 10_000;

/// A compiled pattern whose atoms are of type `A`.
#[derive(Clone, Debug)]
pub(super) struct Pattern<A> {
    program: Vec<Instruction<A>>,
    splits: usize,
}

#[derive(Clone, Debug)]
enum Instruction<A> {
    Atom(A),
    /// Continue at the first; after a failure, at the second. The last is the number of the choice.
    Split(usize, usize, usize),
    Jump(usize),
    Match,
}

#[derive(Clone, Debug)]
enum Node<A> {
    Atom(A),
    Sequence(Vec<Node<A>>),
    Alternatives(Vec<Node<A>>),
    Repeat {
        node: Box<Node<A>>,
        min: usize,
        max: Option<usize>,
        is_lazy: bool,
    },
}

impl<A> Node<A> {
    fn can_be_empty(&self) -> bool {
        match self {
            Node::Atom(_) => false,
            Node::Sequence(nodes) => nodes.iter().all(Node::can_be_empty),
            Node::Alternatives(nodes) => nodes.iter().any(Node::can_be_empty),
            Node::Repeat { node, min, .. } => *min == 0 || node.can_be_empty(),
        }
    }
}

impl<A: Clone> Pattern<A> {
    /// Parses a pattern.
    ///
    /// `atom` reads everything that is not a group, an alternative or a repetition; it gets the place and the
    /// character at which an atom begins.
    pub(super) fn parse(
        text: &str,
        atom: impl FnMut(&mut Characters<'_>, usize, char) -> Result<A, GrammarError>,
    ) -> Result<Self, GrammarError> {
        let mut parser = Parser {
            characters: text.char_indices().peekable(),
            text,
            atom,
        };
        let node = parser.alternatives(0)?;
        if let Some((at, c)) = parser.characters.next() {
            return Err(unexpected(text, at, c));
        }
        let mut program = Vec::new();
        emit(&node, &mut program)?;
        program.push(Instruction::Match);
        let mut splits = 0;
        for instruction in &mut program {
            if let Instruction::Split(_, _, number) = instruction {
                *number = splits;
                splits += 1;
            }
        }
        Ok(Self { program, splits })
    }

    /// The end of the first match from `start` whose end is accepted.
    ///
    /// `memory` knows the choices that failed from earlier starts. Call [`Memory::clear`] first, unless the
    /// text is the same, the last match was from an earlier start and ended at `start` or before, and
    /// `accepts` does not accept more than then.
    pub(super) fn match_end(
        &self,
        start: usize,
        matches: impl Fn(&A, usize) -> bool,
        accepts: impl Fn(usize) -> bool,
        memory: &mut Memory,
    ) -> Option<usize> {
        memory.begin(start, self.splits);
        memory.stack.clear();
        memory.stack.push((0, start));
        while let Some((mut pc, mut at)) = memory.stack.pop() {
            loop {
                match &self.program[pc] {
                    Instruction::Atom(atom) if matches(atom, at) => {
                        pc += 1;
                        at += 1;
                    }
                    Instruction::Jump(to) => pc = *to,
                    Instruction::Match if accepts(at) => return Some(at),
                    Instruction::Atom(_) | Instruction::Match => break,
                    Instruction::Split(first, second, number) => {
                        // Each choice is tried once at each place: a second visit would only fail again.
                        if memory.seen(at, *number) {
                            break;
                        }
                        memory.stack.push((*second, at));
                        pc = *first;
                    }
                }
            }
        }
        None
    }

    /// The definition of [`Self::match_end`], which begins anew at every start.
    #[cfg(any(test, fuzzing))]
    pub(super) fn match_end_slowly(
        &self,
        start: usize,
        matches: impl Fn(&A, usize) -> bool,
        accepts: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let mut seen = std::collections::HashSet::new();
        let mut stack = vec![(0, start)];
        while let Some((pc, at)) = stack.pop() {
            if !seen.insert((pc, at)) {
                continue;
            }
            match &self.program[pc] {
                Instruction::Atom(atom) if matches(atom, at) => stack.push((pc + 1, at + 1)),
                Instruction::Match if accepts(at) => return Some(at),
                Instruction::Atom(_) | Instruction::Match => {}
                Instruction::Jump(to) => stack.push((*to, at)),
                Instruction::Split(first, second, _) => stack.extend([(*second, at), (*first, at)]),
            }
        }
        None
    }

    /// The atoms that a match can begin with.
    pub(super) fn first_atoms(&self) -> Vec<&A> {
        let (mut atoms, mut stack) = (Vec::new(), vec![0]);
        let mut seen = vec![false; self.program.len()];
        while let Some(pc) = stack.pop() {
            if std::mem::replace(&mut seen[pc], true) {
                continue;
            }
            match &self.program[pc] {
                Instruction::Atom(atom) => atoms.push(atom),
                Instruction::Jump(to) => stack.push(*to),
                Instruction::Split(first, second, _) => stack.extend([*first, *second]),
                Instruction::Match => {}
            }
        }
        atoms
    }

    /// The same pattern over other atoms.
    pub(super) fn map<B>(&self, translate: impl Fn(&A) -> B) -> Pattern<B> {
        let translated = self.program.iter().map(|instruction| match instruction {
            Instruction::Atom(atom) => Instruction::Atom(translate(atom)),
            Instruction::Split(first, second, number) => {
                Instruction::Split(*first, *second, *number)
            }
            Instruction::Jump(to) => Instruction::Jump(*to),
            Instruction::Match => Instruction::Match,
        });
        Pattern {
            program: translated.collect(),
            splits: self.splits,
        }
    }
}

/// The choices that a match has not tried yet, and those that have failed.
///
/// After a failure, all choices that were tried have failed. After a success, those after the end of the match
/// have failed too: the way to success does not pass them. Those at the end may be on that way, so they are
/// forgotten when the next match begins there.
#[derive(Default)]
pub(super) struct Memory {
    stack: Vec<(usize, usize)>,
    /// One bit for each choice at each place, from the place `base` on.
    failed: Vec<u64>,
    base: usize,
    /// Words of `failed` for a place.
    width: usize,
    steps: usize,
}

impl Memory {
    pub(super) fn clear(&mut self) {
        self.failed.clear();
        self.base = 0;
    }

    fn begin(&mut self, start: usize, splits: usize) {
        self.width = splits.div_ceil(64);
        let kept = self.failed.len().checked_div(self.width).unwrap_or(0);
        if self.base + kept <= start + 1 {
            // Nothing is known beyond the start.
            self.failed.clear();
            self.base = start;
        } else {
            let row = (start - self.base) * self.width;
            self.failed[row..row + self.width].fill(0);
        }
    }

    fn seen(&mut self, at: usize, choice: usize) -> bool {
        self.steps = self.steps.wrapping_add(1);
        interrupt::check_at(self.steps);
        let row = (at - self.base) * self.width;
        if row >= self.failed.len() {
            self.failed.resize(row + self.width, 0);
        }
        let (bits, bit) = (&mut self.failed[row + choice / 64], 1 << (choice % 64));
        let seen = *bits & bit != 0;
        *bits |= bit;
        seen
    }
}

pub(super) type Characters<'a> = Peekable<CharIndices<'a>>;

struct Parser<'a, F> {
    characters: Characters<'a>,
    text: &'a str,
    atom: F,
}

impl<A: Clone, F: FnMut(&mut Characters<'_>, usize, char) -> Result<A, GrammarError>>
    Parser<'_, F>
{
    fn alternatives(&mut self, depth: usize) -> Result<Node<A>, GrammarError> {
        let mut nodes = vec![self.sequence(depth)?];
        while self.characters.next_if(|&(_, c)| c == '|').is_some() {
            nodes.push(self.sequence(depth)?);
        }
        Ok(if nodes.len() == 1 {
            nodes.remove(0)
        } else {
            Node::Alternatives(nodes)
        })
    }

    fn sequence(&mut self, depth: usize) -> Result<Node<A>, GrammarError> {
        let mut nodes = Vec::new();
        while let Some((at, c)) = self.characters.next_if(|&(_, c)| !matches!(c, '|' | ')')) {
            let node = match c {
                '(' if depth < 50 => {
                    let node = self.alternatives(depth + 1)?;
                    if self.characters.next_if(|&(_, c)| c == ')').is_none() {
                        return Err(GrammarError::Unclosed(self.text.to_owned(), '('));
                    }
                    node
                }
                '(' | '*' | '+' | '?' | '{' => return Err(unexpected(self.text, at, c)),
                _ => Node::Atom((self.atom)(&mut self.characters, at, c)?),
            };
            nodes.push(self.repeated(node)?);
        }
        Ok(Node::Sequence(nodes))
    }

    fn repeated(&mut self, node: Node<A>) -> Result<Node<A>, GrammarError> {
        let Some((at, c)) = self
            .characters
            .next_if(|&(_, c)| matches!(c, '*' | '+' | '?' | '{'))
        else {
            return Ok(node);
        };
        let (min, max) = match c {
            '*' => (0, None),
            '+' => (1, None),
            '?' => (0, Some(1)),
            _ => self.counts(at)?,
        };
        let is_lazy = self.characters.next_if(|&(_, c)| c == '?').is_some();
        Ok(Node::Repeat {
            node: Box::new(node),
            min,
            max,
            is_lazy,
        })
    }

    /// The rest of `{m}`, `{m,}`, `{,n}` or `{m,n}`.
    fn counts(&mut self, at: usize) -> Result<(usize, Option<usize>), GrammarError> {
        let rest = &self.text[at..];
        let bad = || unexpected(self.text, at, '{');
        let inside = &rest[1..rest.find('}').ok_or_else(bad)?];
        while self.characters.next_if(|&(_, c)| c != '}').is_some() {}
        self.characters.next();
        let number = |digits: &str| {
            digits
                .parse::<usize>()
                .ok()
                .filter(|&n| n < 1000)
                .ok_or_else(bad)
        };
        let counts = match inside.split_once(',') {
            None => (number(inside)?, Some(number(inside)?)),
            Some(("", "")) => return Err(bad()),
            Some((min, "")) => (number(min)?, None),
            Some(("", max)) => (0, Some(number(max)?)),
            Some((min, max)) => (number(min)?, Some(number(max)?)),
        };
        if counts.1.is_some_and(|max| max < counts.0) {
            return Err(bad());
        }
        Ok(counts)
    }
}

fn emit<A: Clone>(node: &Node<A>, program: &mut Vec<Instruction<A>>) -> Result<(), GrammarError> {
    if program.len() > MAX_INSTRUCTIONS {
        return Err(GrammarError::TooLarge(MAX_INSTRUCTIONS));
    }
    match node {
        Node::Atom(atom) => program.push(Instruction::Atom(atom.clone())),
        Node::Sequence(nodes) => {
            for node in nodes {
                emit(node, program)?;
            }
        }
        Node::Alternatives(nodes) => {
            let mut jumps = Vec::new();
            for (index, node) in nodes.iter().enumerate() {
                if index + 1 == nodes.len() {
                    emit(node, program)?;
                } else {
                    let split = program.len();
                    program.push(Instruction::Match);
                    emit(node, program)?;
                    jumps.push(program.len());
                    program.push(Instruction::Match);
                    program[split] = Instruction::Split(split + 1, program.len(), 0);
                }
            }
            let end = program.len();
            for jump in jumps {
                program[jump] = Instruction::Jump(end);
            }
        }
        Node::Repeat {
            node,
            min,
            max,
            is_lazy,
        } => {
            if node.can_be_empty() && *max != Some(1) {
                return Err(GrammarError::EmptyLoop);
            }
            for _ in 0..*min {
                emit(node, program)?;
            }
            let optional = max.map_or(1, |max| max - min);
            let mut splits: Vec<Range<usize>> = Vec::new();
            for _ in 0..optional {
                let split = program.len();
                program.push(Instruction::Match);
                emit(node, program)?;
                splits.push(split..program.len());
            }
            if max.is_none() {
                program.push(Instruction::Jump(splits[0].start));
            }
            let end = program.len();
            for split in splits {
                let (first, second) = if *is_lazy {
                    (end, split.start + 1)
                } else {
                    (split.start + 1, end)
                };
                program[split.start] = Instruction::Split(first, second, 0);
            }
        }
    }
    Ok(())
}

pub(super) fn unexpected(text: &str, at: usize, c: char) -> GrammarError {
    GrammarError::Unexpected {
        pattern: text.to_owned(),
        at: text[..at].chars().count(),
        c,
    }
}
