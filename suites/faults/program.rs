//! How is the program run with limits, and what did it come to?

use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Address space that a run may take, in KiB: 2 GiB.
const MEMORY: u32 = 2 << 20;
/// Seconds of a processor that a run may take. A machine that does much else may take long for them.
const SECONDS: u32 = 20;

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
    /// Whether it ran past its time and was killed for it.
    pub late: bool,
}

/// The program with these arguments in this folder, within its memory. The shell's limit is inherited, so the process
/// that is killed later is the program itself.
pub fn command(program: &Path, folder: &Path, args: &[impl AsRef<str>]) -> Command {
    shell(
        program,
        folder,
        args,
        &format!("ulimit -v {MEMORY}; ulimit -t {SECONDS}"),
        "",
    )
}

/// The same after a line of shell, and with its outputs elsewhere.
pub fn shell(
    program: &Path,
    folder: &Path,
    args: &[impl AsRef<str>],
    before: &str,
    outputs: &str,
) -> Command {
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(format!("{before}; exec \"$0\" \"$@\" {outputs}"))
        .arg(program)
        .args(args.iter().map(AsRef::as_ref))
        .current_dir(folder)
        .stdin(Stdio::null())
        .env("SOURCE_DATE_EPOCH", "1000")
        .env("RUST_BACKTRACE", "0");
    command
}

/// A run that has begun.
pub struct Running {
    child: Child,
    stdout: File,
    stderr: File,
}

pub fn spawn(command: &mut Command) -> Running {
    let (stdout, stderr) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
    let child = command
        .stdout(stdout.try_clone().unwrap())
        .stderr(stderr.try_clone().unwrap())
        .spawn()
        .unwrap();
    Running {
        child,
        stdout,
        stderr,
    }
}

impl Running {
    pub fn signal(&mut self, name: &str) {
        let signal = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .stderr(Stdio::null())
            .status();
        // it may have ended meanwhile
        let _ = signal.unwrap();
    }

    /// Waits so long, then kills it.
    pub fn end(mut self, seconds: u64) -> Outcome {
        let began = Instant::now();
        let mut late = false;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if began.elapsed() > Duration::from_secs(seconds) && !late {
                late = true;
                self.child.kill().unwrap();
            }
            sleep(Duration::from_millis(1));
        };
        Outcome {
            status,
            stdout: text(self.stdout),
            stderr: text(self.stderr),
            late,
        }
    }
}

fn text(mut file: File) -> String {
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

impl Outcome {
    /// The exit code, or 128 and the signal that ended it, as in a shell.
    pub fn code(&self) -> i32 {
        let signal = || self.status.signal().unwrap_or(0);
        self.status.code().unwrap_or_else(|| 128 + signal())
    }

    /// The exit code of a run that did as every run must: it came to an end by itself, in time, said what is wrong where
    /// something is, and let nothing through that steers a terminal.
    ///
    /// # Errors
    /// What it did instead.
    pub fn sound(&self) -> Result<i32, String> {
        let stderr = self.stderr.trim_end();
        let last = stderr.lines().next_back().unwrap_or_default();
        // SIGXCPU
        if self.late || self.code() == 128 + 24 {
            return Err("it did not come to an end in time".into());
        }
        if !matches!(self.code(), 0..=2 | 75) {
            return Err(format!("exit code {}: {last}", self.code()));
        }
        if stderr.contains("panicked at") {
            return Err(format!("a panic: {stderr}"));
        }
        if matches!(self.code(), 2 | 75)
            && !stderr.contains("convcheck: ")
            && !stderr.contains("error: ")
        {
            return Err(format!("exit code 2 without a word of why: {stderr}"));
        }
        for (name, text) in [("output", &self.stdout), ("error", &self.stderr)] {
            if let Some(control) = text.chars().find(|&c| steers(c)) {
                let code = u32::from(control);
                return Err(format!("U+{code:04X} on standard {name}"));
            }
        }
        Ok(self.code())
    }
}

/// Whether a character does something to a terminal or to the order of a line, other than to end it.
fn steers(c: char) -> bool {
    let direction = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}');
    c.is_control() && c != '\n' && c != '\t' || direction
}
