//! Work spread over threads that live for one call.
//!
//! There is no pool on purpose. A pool outlives the call that made it, and its threads do not survive `fork`: a
//! `PyTorch` `DataLoader` forks, and a child that hands work to a pool whose threads exist only in the parent waits for ever.
//! Starting a thread costs about 30 µs, which a batch worth spreading earns back at once.

use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::interrupt::{Reason, Watch};

/// How many threads a call may use: a number, or all the cores this process may run on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Threads(Option<NonZeroUsize>);

impl Threads {
    /// All the cores this process may run on (its affinity and its cgroup are respected).
    pub const ALL: Self = Self(None);
    /// The calling thread alone.
    pub const ONE: Self = Self(Some(NonZeroUsize::MIN));

    /// Exactly this many threads.
    #[must_use]
    pub const fn exactly(count: NonZeroUsize) -> Self {
        Self(Some(count))
    }

    /// How many threads are worth starting for so many tasks.
    fn for_tasks(self, tasks: usize) -> usize {
        // Reading the number of cores opens files under /sys, so one task does not ask for it.
        if tasks <= 1 {
            return 1;
        }
        let wanted = self.0.or_else(|| thread::available_parallelism().ok());
        wanted.map_or(1, NonZeroUsize::get).min(tasks)
    }
}

/// Runs `work` on every task and returns the results in the order of the tasks.
///
/// Each thread makes one `state` (a cache, a scratch buffer) and then takes the next task that nobody has taken, so
/// uneven tasks balance as long as there are a few for each thread. The calling thread works too; with one thread or one
/// task everything runs on it, in order, and no thread is started. The results do not depend on the number of threads
/// if `work` does not depend on what its state has seen.
///
/// # Panics
///
/// If `work` panics, with its payload, after the other threads have stopped; and, between two tasks, with the reason that
/// the hook of [`interrupt`](crate::interrupt) gives for stopping, which loses the results.
///
/// # Examples
///
/// ```
/// use unicl_core::threads::{Threads, run};
///
/// let captions = ["a dog", "two cats", "", "a hot dog on a plate"];
/// let words = run(Threads::ALL, captions.chunks(2).collect(), || (), |(), chunk: &[&str]| {
///     chunk.iter().map(|caption| caption.split(' ').count()).sum::<usize>()
/// });
/// assert_eq!(words, [4, 7]);
/// ```
pub fn run<Task: Send, State: Send, Output: Send>(
    threads: Threads,
    tasks: Vec<Task>,
    state: impl Fn() -> State + Sync,
    work: impl Fn(&mut State, Task) -> Output + Sync,
) -> Vec<Output> {
    let states = fold(
        threads,
        tasks.into_iter().enumerate().collect(),
        || (state(), Vec::new()),
        |(state, done), (index, task)| done.push((index, work(state, task))),
    );
    let mut done: Vec<(usize, Output)> = states.into_iter().flat_map(|(_, done)| done).collect();
    done.sort_unstable_by_key(|&(index, _)| index);
    done.into_iter().map(|(_, output)| output).collect()
}

/// Runs `work` on every task, as [`run`] does, and returns what the state of each thread has become: at least one.
///
/// # Panics
///
/// As [`run`] does.
///
/// # Examples
///
/// ```
/// use unicl_core::threads::{Threads, fold};
///
/// let lengths = fold(Threads::ALL, vec!["a", "dog"], || 0, |length, word| *length += word.len());
/// assert_eq!(lengths.iter().sum::<usize>(), 4);
/// ```
pub fn fold<Task: Send, State: Send>(
    threads: Threads,
    tasks: Vec<Task>,
    state: impl Fn() -> State + Sync,
    work: impl Fn(&mut State, Task) + Sync,
) -> Vec<State> {
    let count = tasks.len();
    let workers = threads.for_tasks(count);
    if workers == 1 {
        let mut state = state();
        let mut watch = (count > 1).then(Watch::new);
        for task in tasks {
            work(&mut state, task);
            if let Some(watch) = &mut watch {
                watch.stop_if_asked();
            }
        }
        return vec![state];
    }
    let queue = Mutex::new(tasks.into_iter());
    let tasks_left = || queue.lock().unwrap_or_else(PoisonError::into_inner);
    // Only the calling thread asks whether to go on: it is the one that whoever wants to stop it knows of.
    let worker = |mut watch: Option<Watch>| -> Result<State, Reason> {
        let mut state = state();
        loop {
            // The lock is not held while working: a `while let` on the locked queue would keep it through the body.
            let next = tasks_left().next();
            let Some(task) = next else {
                return Ok(state);
            };
            work(&mut state, task);
            if let Some(watch) = &mut watch {
                watch
                    .ask()
                    .inspect_err(|_| tasks_left().by_ref().for_each(drop))?;
            }
        }
    };
    thread::scope(|scope| {
        // A thread that cannot be started (a limit of the system) is work for the others.
        let started: Vec<_> = (1..workers)
            .map_while(|_| {
                let thread = thread::Builder::new();
                thread.spawn_scoped(scope, || worker(None)).ok()
            })
            .collect();
        let mut states = vec![worker(Some(Watch::new()))?];
        for thread in started {
            states.push(thread.join()??);
        }
        Ok(states)
    })
    .unwrap_or_else(|reason: Reason| resume_unwind(reason))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::interrupt::tests::stops;

    fn exactly(count: usize) -> Threads {
        Threads::exactly(NonZeroUsize::new(count).unwrap())
    }

    #[test]
    fn results_come_in_the_order_of_the_tasks_under_every_thread_count() {
        for threads in [
            Threads::ALL,
            Threads::ONE,
            exactly(2),
            exactly(3),
            exactly(50),
        ] {
            for count in [0, 1, 2, 7, 100] {
                let squares = run(
                    threads,
                    (0..count).collect(),
                    || (),
                    |(), task: u64| task * task,
                );
                assert_eq!(
                    squares,
                    (0..count).map(|task| task * task).collect::<Vec<_>>()
                );
            }
        }
    }

    #[test]
    fn one_thread_is_the_calling_thread() {
        let here = thread::current().id();
        let ids = run(
            Threads::ONE,
            vec![(); 9],
            || (),
            |(), ()| thread::current().id(),
        );
        assert!(ids.iter().all(|&id| id == here));
    }

    #[test]
    fn every_thread_makes_one_state() {
        let made = Mutex::new(0);
        run(
            exactly(3),
            vec![(); 64],
            || *made.lock().unwrap() += 1,
            |(), ()| (),
        );
        assert!((1..=3).contains(&*made.lock().unwrap()));
    }

    #[test]
    fn a_panic_keeps_its_message() {
        for threads in [Threads::ONE, exactly(4)] {
            let panic = std::panic::catch_unwind(|| {
                run(
                    threads,
                    (0..9).collect(),
                    || (),
                    |(), task| assert!(task != 5, "task {task}"),
                )
            });
            assert_eq!(
                panic.unwrap_err().downcast_ref::<String>().unwrap(),
                "task 5"
            );
        }
    }

    #[test]
    fn a_reason_to_stop_ends_the_work_before_its_last_task() {
        for threads in [Threads::ONE, exactly(3)] {
            let done = Mutex::new(0);
            assert!(stops(|| {
                run(
                    threads,
                    vec![(); 300],
                    || (),
                    |(), ()| {
                        thread::sleep(Duration::from_millis(20));
                        *done.lock().unwrap() += 1;
                    },
                );
            }));
            assert!(*done.lock().unwrap() < 300);
        }
    }
}
