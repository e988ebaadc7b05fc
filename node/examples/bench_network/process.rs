//! Processes and what they have used, from `/proc`.

use anyhow::{Context, Result};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// Ends a process with the bench; SIGINT first, so that it can stop its own children.
pub(crate) struct Running(Child);

impl Running {
    /// Starts a command whose output goes to a file.
    pub(crate) fn start(command: &mut Command, log: &Path) -> Result<Running> {
        let log = std::fs::File::create(log)?;
        let child = command.stdout(log.try_clone()?).stderr(log).spawn();
        Ok(Running(child.with_context(|| format!("{command:?}"))?))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.0.id()).unwrap_or(i32::MAX));
        // It may have ended already.
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT);
        let asked = Instant::now();
        while asked.elapsed() < Duration::from_secs(30) {
            if matches!(self.0.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// The children of a process.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let mut found = Vec::new();
    // Each thread has children of its own; one that ended has none.
    for thread in std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
        let text = std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        found.extend(text.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
    }
    found
}

/// CPU seconds that processes have used, by user and system together.
pub(crate) fn cpu_seconds(pids: &[u32]) -> Result<f64> {
    /// Linux counts in hundredths for every program.
    const TICKS: f64 = 100.0;
    let mut ticks = 0.0;
    for pid in pids {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))
            .with_context(|| format!("process {pid} is gone"))?;
        // The name in brackets may hold anything; the fields after it count from 3.
        let fields = stat.rsplit_once(')').context("a line of /proc/PID/stat")?.1;
        for field in fields.split_whitespace().skip(11).take(2) {
            ticks += field.parse::<f64>()?;
        }
    }
    Ok(ticks / TICKS)
}

/// The resident memory of processes, bytes.
pub(crate) fn resident_bytes(pids: &[u32]) -> Result<f64> {
    let mut kib = 0.0;
    for pid in pids {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let text = line.context("VmRSS in /proc/PID/status")?.trim().trim_end_matches(" kB");
        kib += text.parse::<f64>()?;
    }
    Ok(kib * 1024.0)
}

/// The bytes of all files in a folder.
pub(crate) fn folder_bytes(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(found) if found.is_dir() => folder_bytes(&entry.path()),
            Ok(found) => found.len(),
            Err(_) => 0,
        })
        .sum()
}
