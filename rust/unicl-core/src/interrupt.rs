//! Stops long work early: here Python checks whether Ctrl-C was pressed.
//!
//! Only the calling thread of a call asks the hook. The other threads of the call stop when that thread has
//! stopped. Loops over one long caption call [`check`] now and then, on whichever thread they run.

use std::any::Any;
use std::cell::RefCell;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// The reason to stop.
///
/// It travels as the payload of a panic, past all the work, to the `catch_unwind` of the caller that set the
/// hook.
pub type Reason = Box<dyn Any + Send>;
/// Decides whether work goes on. It is called now and then, on a thread that works.
pub type Hook = fn() -> Result<(), Reason>;

static HOOK: OnceLock<Hook> = OnceLock::new();
/// Short enough for a person, and far longer than a call of the hook.
pub(crate) const EVERY: Duration = Duration::from_millis(200);

/// Steps of a loop over one caption between two calls of [`check`]: far less than [`EVERY`].
pub(crate) const BLOCK: usize = 1 << 16;

/// Tells the other threads of a call that the calling thread has stopped.
pub(crate) type Stop = Arc<AtomicBool>;

enum Thread {
    Calling(Watch),
    Other(Stop),
}

thread_local! {
    static THREAD: RefCell<Thread> = RefCell::new(Thread::Calling(Watch::new(EVERY)));
}

/// Makes this thread one of the other threads of a call, until it ends.
pub(crate) fn obey(stop: Stop) {
    THREAD.set(Thread::Other(stop));
}

/// Unwinds if this thread has a reason to stop. Destructors run, and no message is printed.
pub(crate) fn check() {
    let asked = THREAD.with_borrow_mut(|thread| match thread {
        Thread::Calling(watch) => watch.ask(),
        Thread::Other(stop) if stop.load(Ordering::Relaxed) => Err(Box::new("stopped") as Reason),
        Thread::Other(_) => Ok(()),
    });
    asked.unwrap_or_else(|reason| resume_unwind(reason));
}

/// Calls [`check`] once in [`BLOCK`] steps of a loop that counts them.
#[inline]
pub(crate) fn check_at(step: usize) {
    if step % BLOCK == BLOCK - 1 {
        check();
    }
}

/// Sets the hook of this process. The first one stays.
pub fn set_hook(hook: Hook) {
    HOOK.get_or_init(|| hook);
}

/// Calls the hook, but not more often than `every`.
struct Watch {
    every: Duration,
    next: Instant,
}

impl Watch {
    fn new(every: Duration) -> Self {
        Self {
            every,
            next: Instant::now() + every,
        }
    }

    /// The reason to stop, if there is one.
    fn ask(&mut self) -> Result<(), Reason> {
        let now = Instant::now();
        if now < self.next {
            return Ok(());
        }
        self.next = now + self.every;
        HOOK.get().map_or(Ok(()), |hook| hook())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::Cell;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    thread_local! {
        static STOPPED: Cell<bool> = const { Cell::new(false) };
        static ASKED: Cell<usize> = const { Cell::new(0) };
        /// How often the hook lets the work go on before it stops it.
        static PATIENCE: Cell<usize> = const { Cell::new(0) };
    }

    /// Does work on this thread while the hook asks it to stop, and returns whether it stopped.
    pub(crate) fn stops(work: impl FnOnce()) -> bool {
        set_hook(|| {
            ASKED.set(ASKED.get() + 1);
            if STOPPED.get() && ASKED.get() > PATIENCE.get() {
                return Err(Box::new("Ctrl-C"));
            }
            Ok(())
        });
        STOPPED.set(true);
        ASKED.set(0);
        let done = catch_unwind(AssertUnwindSafe(work));
        STOPPED.set(false);
        done.is_err_and(|reason| reason.downcast_ref() == Some(&"Ctrl-C"))
    }

    /// As [`stops`], but the work stops at the check of this number, from 0, however fast the machine is.
    pub(crate) fn stops_at_check(check: usize, work: impl FnOnce()) -> bool {
        THREAD.set(Thread::Calling(Watch::new(Duration::ZERO)));
        PATIENCE.set(check);
        let has_stopped = stops(work);
        PATIENCE.set(0);
        THREAD.set(Thread::Calling(Watch::new(EVERY)));
        has_stopped
    }

    #[test]
    fn the_hook_is_asked_now_and_then() {
        let begin = Instant::now();
        THREAD.set(Thread::Calling(Watch::new(EVERY)));
        assert!(stops(|| loop {
            check();
        }));
        assert!(begin.elapsed() >= EVERY && ASKED.get() == 1);
    }
}
