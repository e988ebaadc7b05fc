//! Named points at which a test lets the process fail: `failpoint!("name")`.
//!
//! 1. Without the feature `failpoints` the macro is nothing: a release build contains no name.
//! 2. A point is armed for the calling thread only; arming another one disarms it, and so does its failure.
//! 3. A process that is killed says at which point; one that is killed during what follows a point also says which
//!    point it had reached last, so that a log shows what was under way.

/// Marks a step at which a test can let the process fail.
macro_rules! failpoint {
    ($name:literal) => {
        #[cfg(feature = "failpoints")]
        $crate::failpoint::reach($name);
    };
}
pub(crate) use failpoint;

#[cfg(feature = "failpoints")]
pub use armed::{Action, Crash, NAMES, arm, disarm, reach};

#[cfg(feature = "failpoints")]
mod armed {
    use std::cell::RefCell;
    use std::sync::{Mutex, PoisonError};
    use std::time::{Duration, Instant};

    /// Every point, in the order a block reaches them.
    pub const NAMES: &[&str] = &[
        "begin_block",
        "begin_tx",
        "chain_statement",
        "user_statement",
        "user_row",
        "schema_change",
        "savepoint_release",
        "savepoint_rollback",
        "commit_tx",
        "rollback_tx",
        "finish_start",
        "net_changes",
        "tree_updated",
        "journal_chunk",
        "state_row",
        "pruned",
        "commit_start",
        "commit_done",
        "version_pushed",
        "checkpoint_start",
        "checkpoint_written",
        "checkpoint_synced",
        "checkpoint_renamed",
        "checkpoint_pruned",
    ];

    /// How the process fails.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Action {
        /// A panic, which unwinds.
        Panic,
        /// SIGABRT.
        Abort,
        /// SIGKILL: nothing in the process runs afterwards.
        Kill,
        /// The end of the process after so many microseconds, in the middle of what follows the point.
        KillDuring(u64),
        /// The process goes on; what runs unwinds with [`Crash`] up to whoever armed the point, who
        /// drops the store.
        Crash,
    }

    /// What [`Action::Crash`] unwinds with: nothing in between may take it for a failure of its own.
    #[derive(Debug)]
    pub struct Crash;

    thread_local! {
        static ARMED: RefCell<Option<(&'static str, u64, Action)>> = const { RefCell::new(None) };
    }

    /// The point reached last while [`Action::KillDuring`] is under way.
    static LAST: Mutex<Option<&'static str>> = Mutex::new(None);

    fn last() -> std::sync::MutexGuard<'static, Option<&'static str>> {
        LAST.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Arms `name`: the process fails when this thread reaches it for the `nth` time, counted from 1.
    ///
    /// # Panics
    /// If no point has this name.
    pub fn arm(name: &'static str, nth: u64, action: Action) {
        assert!(NAMES.contains(&name), "no failpoint is named {name}");
        ARMED.set(Some((name, nth, action)));
    }

    /// Disarms whatever is armed.
    pub fn disarm() {
        ARMED.set(None);
    }

    /// Called by the macro.
    ///
    /// # Panics
    /// If the point is armed to panic now.
    pub fn reach(name: &'static str) {
        debug_assert!(NAMES.contains(&name), "failpoint {name} is not in the list");
        if let Some(last) = last().as_mut() {
            *last = name;
        }
        let action = ARMED.with_borrow_mut(|armed| match armed {
            Some((point, nth, action)) if *point == name => {
                let action = *action;
                *nth = nth.saturating_sub(1);
                if *nth > 0 {
                    return None;
                }
                *armed = None;
                Some(action)
            }
            _ => None,
        });
        match action {
            None => {}
            Some(Action::Panic) => panic!("failpoint {name}"),
            Some(Action::Abort) => std::process::abort(),
            Some(Action::Kill) => kill(name),
            Some(Action::KillDuring(micros)) => kill_during(name, Duration::from_micros(micros)),
            Some(Action::Crash) => std::panic::resume_unwind(Box::new(Crash)),
        }
    }

    fn kill_during(name: &'static str, after: Duration) {
        *last() = Some(name);
        let (ready, is_ready) = std::sync::mpsc::sync_channel(0);
        std::thread::spawn(move || {
            let _ = ready.send(());
            // Microseconds: a sleep would take longer than what follows the point.
            let began = Instant::now();
            while began.elapsed() < after {
                std::hint::spin_loop();
            }
            // The lock is held: nobody reaches another point.
            let last = last();
            let reached = last.unwrap_or(name);
            eprintln!("failpoint {name}: the process is killed after {reached}");
            std::process::abort()
        });
        let _ = is_ready.recv();
    }

    fn kill(name: &str) -> ! {
        eprintln!("failpoint {name}: the process is killed");
        let id = std::process::id().to_string();
        let sent = std::process::Command::new("kill").args(["-9", &id]).status();
        // SIGKILL arrives within the call above; this is for a machine without `kill`.
        eprintln!("kill -9 did not end the process: {sent:?}");
        std::process::abort()
    }
}
