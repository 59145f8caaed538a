//! Runs the program, and checks what holds for every run.

use std::ffi::OsStr;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

/// How a run ended.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The program, without a secret from the surroundings of the test.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.env_remove("COUNTERSIGN_SECRET");
    command
}

pub(crate) fn run<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Run {
    finish(program().args(args), b"")
}

pub(crate) fn run_with_stdin<S: AsRef<OsStr>>(
    args: impl IntoIterator<Item = S>,
    stdin: &[u8],
) -> Run {
    finish(program().args(args), stdin)
}

pub(crate) fn finish(command: &mut Command, stdin: &[u8]) -> Run {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // The program may end without reading it all.
    let _ = child.stdin.take().expect("piped").write_all(stdin);
    let output = child.wait_with_output().expect("the program ends");
    let run = Run {
        code: output.status.code().expect("an exit status, not a signal"),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    };
    match run.code {
        0 | 1 => assert_eq!(run.stderr, "", "a verdict leaves standard error alone"),
        2 => {
            let line = run.stderr.strip_suffix('\n').expect("a line");
            assert!(line.starts_with("countersign: "), "{line:?}");
            assert!(!line.contains(char::is_control), "one line: {line:?}");
        }
        other => panic!("exit status {other}: {}", run.stderr),
    }
    run
}

impl Run {
    /// Standard output, which is one line of JSON.
    pub(crate) fn json(&self) -> Value {
        let line = self.stdout.strip_suffix('\n').expect("a whole line");
        assert!(!line.contains('\n'), "one line: {line:?}");
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    /// The reason for which the input cannot be used.
    #[track_caller]
    pub(crate) fn failure(&self) -> String {
        assert_eq!(self.code, 2, "{} {}", self.stdout, self.stderr);
        let json = self.json();
        assert_eq!(json["verdict"], "error");
        assert_eq!(json.as_object().expect("an object").len(), 2, "{json}");
        json["reason"].as_str().expect("a text").to_owned()
    }

    /// The reason for which the delivery was rejected.
    #[track_caller]
    pub(crate) fn rejection(&self) -> String {
        assert_eq!(self.code, 1, "{} {}", self.stdout, self.stderr);
        let json = self.json();
        assert_eq!(json["verdict"], "rejected");
        assert_eq!(json.as_object().expect("an object").len(), 4, "{json}");
        let reason = json["reason"].as_str().expect("a text").to_owned();
        let status = if reason == "body_too_large" { 413 } else { 401 };
        assert_eq!(json["status"], status);
        reason
    }

    /// The verdict on a genuine delivery.
    #[track_caller]
    pub(crate) fn verified(&self) -> Value {
        assert_eq!(self.code, 0, "{} {}", self.stdout, self.stderr);
        let json = self.json();
        assert_eq!(json["verdict"], "verified");
        assert_eq!(json.as_object().expect("an object").len(), 5, "{json}");
        json
    }
}
