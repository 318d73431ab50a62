//! A way out of long work, for a program that has to answer to someone: Python asks here whether Ctrl-C was pressed.

use std::any::Any;
use std::panic::resume_unwind;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Why to stop: it travels as the payload of a panic, past all the work, to the `catch_unwind` of whoever set the hook.
pub type Reason = Box<dyn Any + Send>;
/// Answers whether work goes on; called on a thread that works, not often.
pub type Hook = fn() -> Result<(), Reason>;

static HOOK: OnceLock<Hook> = OnceLock::new();
/// Soon enough for a person, and far longer than the hook may take.
const EVERY: Duration = Duration::from_millis(200);

/// Sets the hook of this process. The first one stays.
pub fn set_hook(hook: Hook) {
    HOOK.get_or_init(|| hook);
}

/// Asks the hook, if it has not been asked for a while.
pub(crate) struct Watch {
    next: Instant,
}

impl Watch {
    pub(crate) fn new() -> Self {
        Self {
            next: Instant::now() + EVERY,
        }
    }

    /// The reason to stop, if there is one.
    pub(crate) fn ask(&mut self) -> Result<(), Reason> {
        let now = Instant::now();
        if now < self.next {
            return Ok(());
        }
        self.next = now + EVERY;
        HOOK.get().map_or(Ok(()), |hook| hook())
    }

    /// Unwinds if there is a reason to stop: no message is printed, as for a panic, and destructors run.
    pub(crate) fn stop_if_asked(&mut self) {
        self.ask().unwrap_or_else(|reason| resume_unwind(reason));
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::Cell;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    thread_local! {
        static STOPPED: Cell<bool> = const { Cell::new(false) };
    }

    /// Does work on this thread that is asked to stop, and says whether it did.
    pub(crate) fn stops(work: impl FnOnce()) -> bool {
        set_hook(|| {
            if STOPPED.get() {
                return Err(Box::new("Ctrl-C"));
            }
            Ok(())
        });
        STOPPED.set(true);
        let done = catch_unwind(AssertUnwindSafe(work));
        STOPPED.set(false);
        done.is_err_and(|reason| reason.downcast_ref() == Some(&"Ctrl-C"))
    }

    #[test]
    fn the_hook_is_asked_now_and_then() {
        let mut asked = 0;
        assert!(stops(|| {
            let mut watch = Watch::new();
            while watch.ask().is_ok() {
                asked += 1;
            }
            watch.next = Instant::now();
            watch.stop_if_asked();
        }));
        assert!(asked > 1_000);
    }
}
