//! The real binary, `dadbs dev` on free ports in a home of its own, and cells of SQLite files.

use rusqlite::Connection;
use serde_json::Value as Json;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

pub const BINARY: &str = env!("CARGO_BIN_EXE_dadbs");

/// A dev node on free ports in a home of its own; it is killed at the end.
pub struct Dev {
    pub child: Child,
    pub home: tempfile::TempDir,
    pub grpc: String,
    pub rpc: String,
    pub mnemonic: String,
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Dev {
    pub fn start() -> Dev {
        Dev::with(&[])
    }

    /// With more arguments.
    pub fn with(more: &[&str]) -> Dev {
        let home = tempfile::tempdir().unwrap();
        let (child, ready) = spawn(home.path(), more);
        assert_eq!(ready["accounts"].as_array().unwrap().len(), 5);
        let text = |field: &str| ready[field].as_str().unwrap().to_owned();
        let (grpc, rpc, mnemonic) = (text("grpc"), text("rpc"), text("mnemonic"));
        Dev { child, home, grpc, rpc, mnemonic }
    }

    /// Kills it and starts it again in its home.
    pub fn restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let (child, ready) = spawn(self.home.path(), &[]);
        assert_eq!(ready["resumed"], true);
        self.child = child;
        ready["grpc"].as_str().unwrap().clone_into(&mut self.grpc);
        ready["rpc"].as_str().unwrap().clone_into(&mut self.rpc);
    }

    /// The RPC's answer to a GET, if it is no error.
    pub fn get(&self, target: &str) -> Option<Json> {
        let rpc = self.rpc.trim_start_matches("http://").parse().unwrap();
        super::network::get(rpc, target)
    }

    pub fn run(&self, args: &[&str]) -> Output {
        command(self.home.path()).args(["--node", &self.grpc]).args(args).output().unwrap()
    }

    /// Runs a command that must succeed; its JSON.
    pub fn json(&self, args: &[&str]) -> Json {
        let output = self.run(&[args, &["-o", "json"]].concat());
        assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs a command that must fail with this code; its message.
    pub fn fails(&self, code: i32, args: &[&str]) -> String {
        let output = self.run(args);
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {message}");
        message
    }
}

/// `dadbs dev` in a home, and what it says when it is ready.
fn spawn(home: &Path, more: &[&str]) -> (Child, Json) {
    let mut child = command(home)
        .args(["dev", "--grpc-addr", "127.0.0.1:0", "--rpc-addr", "127.0.0.1:0", "-o", "json"])
        .args(more)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (child, serde_json::from_str(&line).unwrap())
}

pub fn command(home: &Path) -> Command {
    let mut command = Command::new(BINARY);
    command.env_clear().env("DADBS_HOME", home).stdin(Stdio::null());
    command
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub type Cells = Vec<Vec<rusqlite::types::Value>>;

pub fn cells(connection: &Connection, sql: &str) -> Cells {
    let mut statement = connection.prepare(sql).unwrap();
    let count = statement.column_count();
    let row = |row: &rusqlite::Row<'_>| (0..count).map(|index| row.get(index)).collect();
    statement.query_map([], row).unwrap().map(Result::unwrap).collect()
}
