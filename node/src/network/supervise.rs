//! A child process that is kept running.
//!
//! 1. It runs in a process group of its own, so that Ctrl-C reaches the parent alone, which ends the child.
//! 2. Its stdin is a pipe that nobody writes to: a child that reads its end knows that the parent is gone.
//! 3. Every line that it writes goes to one function.
//! 4. A child that ended is started again after a pause, which doubles from [`PAUSE_LEAST`] to
//!    [`PAUSE_MOST`]; one that ran for [`STEADY`] begins with the least pause again.
//! 5. A child that never was steady and failed [`FIRST_TRIES`] times, or that says by its exit code that it
//!    cannot work, is given up: its last lines say why.
//! 6. To stop it is asked by SIGTERM, and killed after [`GRACE`].

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// The first pause before a restart.
pub const PAUSE_LEAST: Duration = Duration::from_millis(200);
/// The longest pause before a restart.
pub const PAUSE_MOST: Duration = Duration::from_secs(5);
/// A child that ran so long works.
pub const STEADY: Duration = Duration::from_secs(5);
/// Failures of a child that never worked.
pub const FIRST_TRIES: u32 = 8;
/// How long a child may take to stop.
pub const GRACE: Duration = Duration::from_secs(20);
/// Between two looks at the child.
const POLL: Duration = Duration::from_millis(20);
/// Lines that tell why a child was given up.
const LAST_LINES: usize = 8;
/// The longest line that is taken whole, bytes.
const LINE_BYTES_MAX: u64 = 65_536;

type Lines = Arc<Mutex<VecDeque<String>>>;

/// What is kept running.
pub struct Program {
    /// Its name in messages.
    pub name: String,
    /// Makes the command of one start.
    pub command: Box<dyn Fn() -> Command + Send>,
    /// Takes its lines (rule 3).
    pub line: Arc<dyn Fn(&str) + Send + Sync>,
    /// Exit codes after which another start is in vain (rule 5).
    pub hopeless: &'static [i32],
}

/// Why a program is not started again (rule 5).
#[derive(Clone, Debug)]
pub struct GivenUp {
    /// Its exit code, if it ended by itself.
    pub code: Option<i32>,
    /// Its name, how it ended, its last lines.
    pub why: String,
}

/// A program that is kept running by a thread.
pub struct Supervised {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Supervised {
    /// Starts the program. `given_up` takes the reason if it is given up.
    pub fn start(program: Program, given_up: mpsc::Sender<GivenUp>) -> std::io::Result<Supervised> {
        let (stop, stopping) = channel();
        let thread = std::thread::Builder::new().name(program.name.clone()).spawn(move || {
            if let Some(why) = keep_running(&program, &stopping) {
                // A full channel holds the reason of another program, which is enough.
                let _ = given_up.try_send(why);
            }
        })?;
        Ok(Supervised { stop: Some(stop), thread: Some(thread) })
    }

    /// Asks the program to stop; [`Supervised::stop`] waits.
    pub fn ask_to_stop(&mut self) {
        self.stop = None;
    }

    /// Stops the program (rule 6); blocks until it is gone.
    pub fn stop(&mut self) {
        self.ask_to_stop();
        if let Some(thread) = self.thread.take() {
            // A panic in the thread was printed; the child ends with its stdin.
            drop(thread.join());
        }
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        self.stop();
    }
}

/// True if the parent asked to stop within `time`.
fn is_stopping(stopping: &Receiver<()>, time: Duration) -> bool {
    !matches!(stopping.recv_timeout(time), Err(RecvTimeoutError::Timeout))
}

/// Runs until the parent asks to stop; returns why the program was given up.
fn keep_running(program: &Program, stopping: &Receiver<()>) -> Option<GivenUp> {
    let mut pause = PAUSE_LEAST;
    let mut failures = 0;
    let mut was_steady = false;
    loop {
        let started = Instant::now();
        let last = Lines::default();
        let (why, code) = match spawn(program, &last) {
            Ok((mut child, readers)) => {
                let status = wait(&mut child, stopping);
                for reader in readers {
                    drop(reader.join());
                }
                let status = status?;
                let code = status.code();
                if code.is_some_and(|code| program.hopeless.contains(&code)) {
                    return Some(given_up(program, &status.to_string(), code, &last));
                }
                (status.to_string(), code)
            }
            Err(error) => (error.to_string(), None),
        };
        if started.elapsed() >= STEADY {
            (pause, failures, was_steady) = (PAUSE_LEAST, 0, true);
        }
        failures += 1;
        if !was_steady && failures >= FIRST_TRIES {
            return Some(given_up(program, &why, code, &last));
        }
        tracing::warn!("{} ended ({why}); it starts again in {pause:?}", program.name);
        if is_stopping(stopping, pause) {
            return None;
        }
        pause = (pause * 2).min(PAUSE_MOST);
    }
}

fn given_up(program: &Program, why: &str, code: Option<i32>, last: &Lines) -> GivenUp {
    let lines = last.lock().unwrap_or_else(PoisonError::into_inner);
    let lines: Vec<String> = lines.iter().map(|line| format!("\n  {line}")).collect();
    let why = format!("{} does not run ({why}):{}", program.name, lines.concat());
    GivenUp { code, why }
}

fn spawn(program: &Program, last: &Lines) -> std::io::Result<(Child, Vec<JoinHandle<()>>)> {
    let mut child = (program.command)()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()?;
    let mut readers = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        readers.push(read_lines(stdout, program.line.clone(), last.clone())?);
    }
    if let Some(stderr) = child.stderr.take() {
        readers.push(read_lines(stderr, program.line.clone(), last.clone())?);
    }
    Ok((child, readers))
}

/// Passes lines on until the child closes its end.
fn read_lines(
    stream: impl Read + Send + 'static,
    pass: Arc<dyn Fn(&str) + Send + Sync>,
    last: Lines,
) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("lines".into()).spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            match (&mut stream).take(LINE_BYTES_MAX).read_until(b'\n', &mut bytes) {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            let line = String::from_utf8_lossy(&bytes);
            let line = line.trim_end();
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            if last.len() == LAST_LINES {
                last.pop_front();
            }
            last.push_back(line.to_string());
            drop(last);
            pass(line);
        }
    })
}

/// Waits for the end of the child; `None` if the parent stopped it (rule 6).
fn wait(child: &mut Child, stopping: &Receiver<()>) -> Option<ExitStatus> {
    loop {
        if is_stopping(stopping, POLL) {
            terminate(child);
            return None;
        }
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
    }
}

fn terminate(child: &mut Child) {
    let asked = Instant::now();
    let pid = i32::try_from(child.id()).map(Pid::from_raw);
    // An error means that the child is gone, or that killing is what remains.
    let _ = pid.map(|pid| kill(pid, Signal::SIGTERM));
    while asked.elapsed() < GRACE {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        std::thread::sleep(POLL);
    }
    tracing::warn!("process {} does not stop: killed", child.id());
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    type Seen = Arc<Mutex<Vec<String>>>;

    fn shell(script: &'static str) -> (Program, Seen) {
        let seen = Seen::default();
        let line = {
            let seen = seen.clone();
            Arc::new(move |line: &str| seen.lock().unwrap().push(line.to_string()))
        };
        let command = move || {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", script]);
            command
        };
        let program =
            Program { name: "sh".into(), command: Box::new(command), line, hopeless: &[2] };
        (program, seen)
    }

    #[test]
    fn rules_3_and_4_an_ended_child_is_started_again() {
        let (program, seen) = shell("echo one; echo two >&2; exit 1");
        let mut supervised = Supervised::start(program, mpsc::channel(1).0).unwrap();
        let started = Instant::now();
        while seen.lock().unwrap().len() < 4 {
            assert!(started.elapsed() < Duration::from_secs(20));
            std::thread::sleep(POLL);
        }
        assert!(started.elapsed() >= PAUSE_LEAST);
        supervised.stop();
    }

    #[tokio::test]
    async fn rule_5_what_cannot_work_is_given_up() {
        let (program, _) = shell("echo the reason; exit 2");
        let (given_up, mut reasons) = mpsc::channel(1);
        let _supervised = Supervised::start(program, given_up).unwrap();
        let GivenUp { code, why } = reasons.recv().await.unwrap();
        assert_eq!(code, Some(2));
        assert!(why.contains("the reason") && why.contains("exit status: 2"), "{why}");
    }

    #[test]
    fn rules_2_and_6_a_child_stops_when_asked_and_sees_its_parent_go() {
        let (program, seen) =
            shell("trap 'echo asked; exit 0' TERM; echo up; while :; do sleep 0.05; done");
        let mut supervised = Supervised::start(program, mpsc::channel(1).0).unwrap();
        while seen.lock().unwrap().is_empty() {
            std::thread::sleep(POLL);
        }
        let asked = Instant::now();
        supervised.stop();
        assert!(asked.elapsed() < GRACE / 2);
        assert_eq!(*seen.lock().unwrap(), ["up", "asked"]);
    }
}
