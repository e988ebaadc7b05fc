//! The meter that the patch put into every connection.

use std::ffi::c_int;

use libsqlite3_sys as ffi;

/// The patch's `dadbs_meter`, field by field.
#[repr(C)]
pub(crate) struct Meter {
    used: u64,
    max: u64,
    unit: u64,
    temp: u64,
    now: i64,
    compiled: u64,
    compiled_max: u64,
    stopped: c_int,
    too_large: c_int,
}

unsafe extern "C" {
    pub(crate) fn dadbs_patch_version() -> c_int;
    fn dadbs_meter_of(db: *mut ffi::sqlite3) -> *mut Meter;
}

/// Milliseconds between the Julian epoch, which SQLite counts from, and the Unix epoch.
const JULIAN_EPOCH_MS: i64 = 210_866_760_000_000;

/// Units of work that are one step, as in the patch.
const UNITS_PER_STEP: u64 = 16;

/// A meter's settings, put back when a nested statement ends.
#[derive(Clone, Copy)]
pub(crate) struct Setting {
    used: u64,
    max: u64,
    unit: u64,
    temp: u64,
}

/// The meter of an open connection. No reference to it outlives a method, since SQLite writes it too.
#[derive(Clone, Copy)]
pub(crate) struct MeterHandle(*mut Meter);

impl MeterHandle {
    /// # Safety
    /// `db` is open, and the handle is not used after it is closed.
    pub(crate) unsafe fn of(db: *mut ffi::sqlite3) -> MeterHandle {
        // SAFETY: the patch returns the address of a field of the connection.
        MeterHandle(unsafe { dadbs_meter_of(db) })
    }

    fn with<T>(self, f: impl FnOnce(&mut Meter) -> T) -> T {
        // SAFETY: the connection is open and used by this thread only; `f` does not call SQLite, so
        // nothing else reads or writes the meter meanwhile.
        f(unsafe { &mut *self.0 })
    }

    /// Starts a statement with at most `max` steps.
    pub(crate) fn start(self, max: u64) -> Setting {
        self.with(|meter| {
            let (used, unit, temp) = (meter.used, meter.unit, meter.temp);
            let before = Setting { used, max: meter.max, unit, temp };
            (meter.used, meter.max, meter.unit, meter.temp) = (0, max, 0, 0);
            (meter.stopped, meter.too_large) = (0, 0);
            before
        })
    }

    /// Ends it: the steps it used.
    pub(crate) fn finish(self, before: Setting) -> u64 {
        self.with(|meter| {
            let used = meter.used;
            (meter.used, meter.max) = (before.used, before.max);
            (meter.unit, meter.temp) = (before.unit, before.temp);
            (meter.stopped, meter.too_large) = (0, 0);
            used
        })
    }

    /// Lets compiling take at most `max` steps.
    pub(crate) fn start_compiling(self, max: u64) {
        self.with(|meter| {
            (meter.compiled, meter.stopped) = (0, 0);
            meter.compiled_max = max.saturating_mul(UNITS_PER_STEP);
        });
    }

    /// Lifts that limit: the steps that were used, rounded up.
    pub(crate) fn finish_compiling(self) -> u64 {
        self.with(|meter| {
            meter.compiled_max = u64::MAX;
            meter.compiled.div_ceil(UNITS_PER_STEP)
        })
    }

    /// Adds steps from outside SQLite.
    pub(crate) fn charge(self, steps: u64) {
        self.with(|meter| meter.used = meter.used.saturating_add(steps));
    }

    /// Lets the running statement stop at its next check.
    pub(crate) fn stop(self) {
        self.with(|meter| meter.max = 0);
    }

    pub(crate) fn is_stopped(self) -> bool {
        self.with(|meter| meter.stopped != 0)
    }

    pub(crate) fn is_too_large(self) -> bool {
        self.with(|meter| meter.too_large != 0)
    }

    /// What `now` is, in milliseconds since the Unix epoch.
    pub(crate) fn clock_ms(self) -> i64 {
        self.with(|meter| meter.now.saturating_sub(JULIAN_EPOCH_MS))
    }

    /// Sets what `now` is, in milliseconds since the Unix epoch.
    pub(crate) fn set_clock(self, time_ms: i64) {
        self.with(|meter| meter.now = time_ms.saturating_add(JULIAN_EPOCH_MS));
    }
}
