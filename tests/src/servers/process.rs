//! A process of a test's own, to be frozen and killed.

use std::fs;
use std::io::Read as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// A process that ends with the test, even if the test is killed.
pub struct Process {
    child: Child,
    guard: Option<(Child, ChildStdin)>,
}

impl Process {
    /// Starts it; both of its outputs go where `command` says.
    pub fn start(command: &mut Command) -> Process {
        Process::start_in(None, command)
    }

    /// Starts one whose directory goes with it if the test cannot remove it any more: it was killed, or
    /// keeps the process to its end.
    pub(super) fn start_in(directory: Option<&Path>, command: &mut Command) -> Process {
        let child = command.stdin(Stdio::null()).spawn();
        let child = child.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        // The pipe closes when this process ends, in whatever way.
        let script = "cat > /dev/null; kill -9 $0; rm -rf \"$@\"";
        let guard = Command::new("sh")
            .args(["-c", script, &child.id().to_string()])
            .args(directory)
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut guard = guard.expect("a shell");
        let pipe = guard.stdin.take().expect("its pipe");
        Process {
            child,
            guard: Some((guard, pipe)),
        }
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its standard output, if it was piped and not taken before.
    pub fn stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// Whether it has not ended.
    pub fn is_running(&mut self) -> bool {
        self.child
            .try_wait()
            .expect("a child of this process")
            .is_none()
    }

    /// Stops it and its children where they are (SIGSTOP).
    pub fn freeze(&self) {
        // The parent first, so that it has no more children than those that follow.
        self.signal(self.child.id(), Signal::STOP);
        for child in children(self.child.id()) {
            self.signal(child, Signal::STOP);
        }
        self.until(|state| state == 'T');
    }

    /// Lets it go on (SIGCONT).
    pub fn thaw(&self) {
        for child in children(self.child.id()) {
            self.signal(child, Signal::CONT);
        }
        self.signal(self.child.id(), Signal::CONT);
        self.until(|state| state != 'T');
    }

    /// Kills it and its children (SIGKILL), and waits for its end.
    ///
    /// # Panics
    ///
    /// If it ended in another way.
    pub fn kill(&mut self) {
        assert!(self.is_running(), "it has ended before it was killed");
        self.freeze();
        for child in children(self.child.id()) {
            self.signal(child, Signal::KILL);
        }
        self.signal(self.child.id(), Signal::KILL);
        let status = self.child.wait().expect("a child of this process");
        assert_eq!(status.signal(), Some(9), "{status}");
    }

    /// Asks it to end (`signal` is SIGTERM or SIGINT) and waits until it has.
    pub fn end(&mut self, signal: Signal) -> std::process::ExitStatus {
        self.signal(self.child.id(), signal);
        self.child.wait().expect("a child of this process")
    }

    /// Waits for its own end.
    pub fn wait(&mut self) -> std::process::ExitStatus {
        self.child.wait().expect("a child of this process")
    }

    /// What it printed, until it closed its output.
    pub fn output(&mut self) -> String {
        let mut text = String::new();
        let mut stdout = self.stdout().expect("a pipe");
        stdout.read_to_string(&mut text).expect("UTF-8");
        text
    }

    fn signal(&self, id: u32, signal: Signal) {
        let id = i32::try_from(id)
            .ok()
            .and_then(Pid::from_raw)
            .expect("the number of a process");
        // A child may have ended in between; whether the process itself has, its status tells.
        let _ = kill_process(id, signal);
    }

    /// Waits until the state that the kernel shows of it is such.
    fn until(&self, is: impl Fn(char) -> bool) {
        loop {
            match state(self.child.id()) {
                Some(state) if !is(state) && state != 'Z' => std::thread::yield_now(),
                _ => return,
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some((mut guard, _pipe)) = self.guard.take() {
            // First, since the number may soon be another's.
            let _ = guard.kill();
            let _ = guard.wait();
        }
        if matches!(self.child.try_wait(), Ok(None)) {
            self.kill();
        }
    }
}

/// Of all tasks: a thread's children are not its process's other threads'.
fn children(id: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{id}/task"))
        .into_iter()
        .flatten()
        .flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let numbers: Vec<u32> = lists
        .flat_map(|list| {
            list.split_whitespace()
                .flat_map(str::parse)
                .collect::<Vec<u32>>()
        })
        .collect();
    numbers
}

/// The letter that stands behind the name in `stat`.
fn state(id: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}
