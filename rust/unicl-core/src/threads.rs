//! Work spread over threads that live for one call.
//!
//! There is no pool on purpose. A pool outlives the call that made it, and its threads do not survive
//! `fork`. A `PyTorch` `DataLoader` forks. A child that gives work to a pool waits for ever, because the
//! threads of the pool exist only in the parent. Starting a thread costs about 30 µs; a batch that is worth
//! spreading saves far more.

use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::interrupt::{self, EVERY, Stop};

/// The number of threads of a call: a fixed number, or all cores that this process may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Threads(Option<NonZeroUsize>);

impl Threads {
    /// All cores that this process may use; its affinity and its cgroup are respected.
    pub const ALL: Self = Self(None);
    /// Only the calling thread.
    pub const ONE: Self = Self(Some(NonZeroUsize::MIN));

    /// Exactly this many threads.
    #[must_use]
    pub const fn exactly(count: NonZeroUsize) -> Self {
        Self(Some(count))
    }

    /// The number of threads that are worth starting for this number of tasks.
    fn for_tasks(self, tasks: usize) -> usize {
        // Reading the number of cores opens files under /sys, so it is not read for one task.
        if tasks <= 1 {
            return 1;
        }
        let wanted = self.0.or_else(|| thread::available_parallelism().ok());
        wanted.map_or(1, NonZeroUsize::get).min(tasks)
    }
}

/// Runs `work` on every task and returns the results in the order of the tasks.
///
/// Each thread makes one `state` (a cache, a scratch buffer) and then takes the next task that no thread has
/// taken. So uneven tasks balance if there are a few for each thread. The calling thread works too. With one
/// thread or one task, everything runs on the calling thread, in order, and no thread is started. The
/// results do not depend on the number of threads if the results of `work` do not depend on its state.
///
/// # Panics
///
/// If `work` panics: with its payload, after the other threads have stopped. If the hook of
/// [`interrupt`](crate::interrupt) gives a reason to stop: with that reason, between two tasks or within a
/// long caption; the results are lost.
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

/// Runs `work` on every task, as [`run`] does, and returns the final states of the threads, at least one.
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
    let workers = threads.for_tasks(tasks.len());
    let is_long = tasks.len() > 1;
    let queue = Mutex::new(tasks.into_iter());
    let worker = || {
        let mut state = state();
        loop {
            // The lock is not held during the work: a `while let` on the locked queue would keep it through
            // the body.
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(task) = next else {
                return state;
            };
            work(&mut state, task);
            if is_long {
                interrupt::check();
            }
        }
    };
    if workers == 1 {
        return vec![worker()];
    }
    let stop = Stop::default();
    thread::scope(|scope| {
        let (alive, ended) = mpsc::channel::<()>();
        // If a thread cannot be started (a limit of the system), the others do its work.
        let started: Vec<_> = (1..workers)
            .map_while(|_| {
                let (alive, stop) = (alive.clone(), Stop::clone(&stop));
                let run = || {
                    let _alive = alive;
                    interrupt::obey(stop);
                    worker()
                };
                thread::Builder::new().spawn_scoped(scope, run).ok()
            })
            .collect();
        drop(alive);
        let stop_others = OnUnwind(&stop);
        let mut states = vec![worker()];
        // Only the calling thread asks whether to go on, because the caller wants to stop that thread.
        while ended.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
            interrupt::check();
        }
        drop(stop_others);
        for thread in started {
            states.push(thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        states
    })
}

/// Stops the other threads if the calling thread unwinds.
struct OnUnwind<'a>(&'a Stop);

impl Drop for OnUnwind<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
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

    #[test]
    fn a_reason_to_stop_ends_a_task_that_checks_on_any_thread() {
        let caller = thread::current().id();
        for tasks in [1, 2] {
            for on_caller in [true, false] {
                // Only one of the threads has endless work; alone, the caller has it all.
                let is_endless = |()| tasks == 1 || (thread::current().id() == caller) == on_caller;
                let each_has_one = Barrier::new(tasks);
                assert!(stops(|| {
                    run(
                        exactly(2),
                        vec![(); tasks],
                        || (),
                        |(), ()| {
                            each_has_one.wait();
                            while is_endless(()) {
                                interrupt::check();
                            }
                        },
                    );
                }));
            }
        }
    }
}
