//! A program on a terminal that a test holds the other end of.
//!
//! The program is a job of a shell, as it is for people: so there is somebody
//! to stop and continue it, and somebody who sees the terminal afterwards.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::num::NonZero;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcgetattr, tcgetpgrp, tcsetwinsize};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// Keys that are no letters.
pub(super) const ENTER: &str = "\r";
pub(super) const TAB: &str = "\t";
pub(super) const ESC: &str = "\u{1b}";
pub(super) const CONTROL_C: &str = "\u{3}";
const CONTROL_L: &str = "\u{c}";
pub(super) const CONTROL_Z: &str = "\u{1a}";

/// What the shell does: it says how its job ended, and goes on with a job that
/// was stopped as soon as a line is typed.
const SHELL: &str = r#"
set -m
"$@"
code=$?
echo "ended $code"
while [ "$code" -eq 148 ]; do
    read -r line
    fg >/dev/null
    code=$?
    echo "ended $code"
done
read -r line
"#;

/// A terminal, and the job in it.
pub(super) struct Terminal {
    master: File,
    shell: Child,
    raw: Arc<Mutex<Vec<u8>>>,
    /// Changes whenever something was written, and closes at the end.
    written: watch::Receiver<usize>,
    parser: vt100::Parser,
    /// Bytes that the parser has seen.
    seen: usize,
    /// As it was before anybody used it.
    lines: String,
}

/// What the terminal was set to do.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Modes {
    /// What is switched on that is off at first, and the other way round.
    changed: Vec<&'static str>,
    lines: String,
}

impl Terminal {
    /// Starts a program in a terminal of this size (columns, rows).
    pub(super) fn start(
        (columns, rows): (u16, u16),
        program: &Path,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).expect("a pseudo terminal");
        grantpt(&master).expect("it is ours");
        unlockpt(&master).expect("it opens");
        resize_to(&master, columns, rows);
        let name = ptsname(&master, Vec::new()).expect("it has a name");
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave = rustix::fs::open(name.as_c_str(), flags, Mode::empty()).expect("its other end");
        let end = || Stdio::from(slave.try_clone().expect("one more"));
        // A session of its own, whose terminal this is.
        let mut command = Command::new("setsid");
        command
            .args(["--ctty", "sh", "-c", SHELL, "sh"])
            .arg(program)
            .args(arguments)
            .stdin(end())
            .stdout(end())
            .stderr(end());
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("COUNTERSIGN_") || name.starts_with("LC_") {
                command.env_remove(name);
            }
        }
        for name in ["NO_COLOR", "COLORFGBG", "COLORTERM", "ENV", "BASH_ENV"] {
            command.env_remove(name);
        }
        command
            .env("TERM", "xterm-256color")
            .env("LANG", "C.UTF-8")
            .env("RUST_BACKTRACE", "0");
        command.envs(environment.iter().copied());
        let shell = command.spawn().expect("setsid of util-linux");
        let raw = Arc::new(Mutex::new(Vec::new()));
        let (sender, written) = watch::channel(0);
        let master = File::from(master);
        let lines = settings(&master);
        let reader = master.try_clone().expect("one more");
        let kept = Arc::clone(&raw);
        // It ends when nobody has the other end any more.
        std::thread::spawn(move || keep(reader, &kept, &sender));
        Self {
            master,
            shell,
            raw,
            written,
            parser: vt100::Parser::new(count(rows), count(columns), 0),
            seen: 0,
            lines,
        }
    }

    /// Types, all at once.
    pub(super) fn press(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).expect("it is typed");
    }

    /// Pastes, as a terminal does that was asked to say so.
    pub(super) fn paste(&mut self, text: &str) {
        self.press(&format!("\u{1b}[200~{text}\u{1b}[201~"));
    }

    /// Makes the window larger or smaller.
    pub(super) fn resize(&mut self, columns: u16, rows: u16) {
        self.look();
        self.parser
            .screen_mut()
            .set_size(count(rows), count(columns));
        resize_to(&self.master, columns, rows);
    }

    /// Sends a signal to the job.
    pub(super) fn signal(&self, signal: Signal) {
        kill_process(self.job(), signal).expect("it is there");
    }

    /// The process group that listens to the terminal: the job, or the shell.
    pub(super) fn job(&self) -> Pid {
        tcgetpgrp(&self.master).expect("somebody listens")
    }

    /// What is on the screen, line by line.
    pub(super) fn screen(&mut self) -> String {
        self.look();
        self.parser.screen().contents()
    }

    /// Every byte that was written so far.
    pub(super) fn raw(&self) -> Vec<u8> {
        let raw = self.raw.lock().unwrap_or_else(PoisonError::into_inner);
        raw.clone()
    }

    /// What the terminal is set to do.
    pub(super) fn modes(&mut self) -> Modes {
        self.look();
        let screen = self.parser.screen();
        let lines = settings(&self.master);
        let mouse = screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None;
        let changed = [
            ("alternate screen", screen.alternate_screen()),
            ("no cursor", screen.hide_cursor()),
            ("bracketed paste", screen.bracketed_paste()),
            ("application cursor", screen.application_cursor()),
            ("mouse", mouse),
        ];
        let changed = changed.into_iter().filter(|(_, is_on)| *is_on);
        Modes {
            changed: changed.map(|(name, _)| name).collect(),
            lines,
        }
    }

    /// Fails unless the terminal is as nobody had used it.
    #[track_caller]
    pub(super) fn assert_clean(&mut self) {
        let untouched = Modes {
            lines: self.lines.clone(),
            ..Modes::default()
        };
        assert_eq!(self.modes(), untouched);
    }

    /// Takes the shell away, as a window that is closed does.
    pub(super) fn hang_up(&mut self) {
        self.shell.kill().expect("it is there");
        self.shell.wait().expect("it is gone");
    }

    /// Whether the whole screen is the program's.
    pub(super) fn is_taken(&mut self) -> bool {
        self.look();
        self.parser.screen().alternate_screen()
    }

    /// Waits until the screen is as wanted.
    #[track_caller]
    pub(super) fn until(
        &mut self,
        what: impl Into<String>,
        wanted: impl Fn(&str) -> bool,
    ) -> impl Future<Output = ()> {
        let at = std::panic::Location::caller();
        let what = what.into();
        async move {
            if !self.comes(PATIENCE, &wanted).await {
                let screen = self.screen();
                panic!("{at}: it does not show {what}, but:\n{screen}");
            }
        }
    }

    /// Waits until a text is on the screen.
    #[track_caller]
    pub(super) fn shows(&mut self, text: &str) -> impl Future<Output = ()> {
        self.until(text, move |screen| screen.contains(text))
    }

    /// Waits until a text is not on the screen any more.
    #[track_caller]
    pub(super) fn hides(&mut self, text: &str) -> impl Future<Output = ()> {
        self.until(format!("no {text}"), move |screen| !screen.contains(text))
    }

    /// Whether something comes to the screen for as long as this.
    pub(super) async fn comes(&mut self, length: Duration, wanted: impl Fn(&str) -> bool) -> bool {
        let deadline = Instant::now() + length;
        loop {
            // Before the screen is looked at, so that nothing is missed.
            self.written.mark_unchanged();
            if wanted(&self.screen()) {
                return true;
            }
            match timeout_at(deadline, self.written.changed()).await {
                Ok(Ok(())) => {}
                // Nobody writes any more, or not in time.
                Ok(Err(_)) | Err(_) => return wanted(&self.screen()),
            }
        }
    }

    /// Has the console draw everything anew: every key before was taken then.
    pub(super) async fn drawn_anew(&mut self) {
        let clears = |raw: &[u8]| raw.windows(4).filter(|part| part == b"\x1b[2J").count();
        let before = clears(&self.raw());
        self.press(CONTROL_L);
        let deadline = Instant::now() + PATIENCE;
        while clears(&self.raw()) == before {
            let changed = timeout_at(deadline, self.written.changed()).await;
            changed.expect("it draws").expect("it is there");
        }
    }

    /// Waits until the job has ended with a code; what it left on the screen.
    /// Nothing may come after it.
    pub(super) async fn ended(&mut self, code: i32) -> String {
        let said = format!("ended {code}");
        self.shows(&said).await;
        let screen = self.screen();
        let (left, after) = screen.split_once(&said).expect("it is there");
        assert_eq!(after.trim_end(), "", "written after the end");
        left.to_owned()
    }

    fn look(&mut self) {
        let raw = self.raw.lock().unwrap_or_else(PoisonError::into_inner);
        self.parser.process(&raw[self.seen..]);
        self.seen = raw.len();
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Ok(job) = tcgetpgrp(&self.master) {
            let _ = rustix::process::kill_process_group(job, Signal::KILL);
        }
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

fn keep(mut reader: File, raw: &Mutex<Vec<u8>>, written: &watch::Sender<usize>) {
    let mut buffer = [0; 16 * 1_024];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(bytes) => {
                let mut raw = raw.lock().unwrap_or_else(PoisonError::into_inner);
                raw.extend_from_slice(&buffer[..bytes]);
                written.send_replace(raw.len());
            }
        }
    }
}

fn count(cells: u16) -> NonZero<u16> {
    NonZero::new(cells).expect("a terminal has cells")
}

fn resize_to(master: impl AsFd, columns: u16, rows: u16) {
    let size = Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(master, size).expect("a size");
}

/// What decides how a line is read and written.
fn settings(terminal: impl AsFd) -> String {
    let set = tcgetattr(terminal).expect("it has settings");
    format!(
        "{:?} {:?} {:?} {:?}",
        set.input_modes, set.output_modes, set.control_modes, set.local_modes
    )
}
