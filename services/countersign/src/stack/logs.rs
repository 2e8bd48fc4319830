//! The children's log files: opened by us, bounded by us, quoted in errors.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};

/// A log beyond this size becomes `<name>.1`, replacing the one before.
const LOG_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// How much of a log's end is read to quote from it.
const TAIL_BYTES: u64 = 16 * 1024;

/// How many lines an error quotes.
const TAIL_LINES: usize = 12;

/// Opens a log for a child to append to.
///
/// The child inherits the descriptor, so it needs no right on the folder.
pub(super) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
}

/// Starts the log over when it has grown too long, keeping one old file.
///
/// The child goes on writing into the same file: it appends, so it continues
/// at the new end. The few lines written between copy and cut are lost.
pub(super) fn rotate_if_long(path: &Path) -> io::Result<()> {
    rotate_beyond(path, LOG_BYTES_MAX)
}

fn rotate_beyond(path: &Path, bytes_max: u64) -> io::Result<()> {
    if !fs::metadata(path).is_ok_and(|log| log.len() > bytes_max) {
        return Ok(());
    }
    let mut old = path.as_os_str().to_owned();
    old.push(".1");
    fs::copy(path, old)?;
    OpenOptions::new().write(true).open(path)?.set_len(0)
}

/// The last lines of a log, for an error, with the secrets blotted out.
pub(super) fn tail(path: &Path, secrets: &[&SecretString]) -> String {
    match read_end(path) {
        Ok(text) => last_lines(&text, secrets),
        Err(error) => format!("(it cannot be read: {error})"),
    }
}

/// The last lines of what a program wrote, with the secrets blotted out.
pub(super) fn last_lines(text: &str, secrets: &[&SecretString]) -> String {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    if lines.is_empty() {
        return "  (nothing)".to_owned();
    }
    let shown = &lines[lines.len().saturating_sub(TAIL_LINES)..];
    let mut quoted = String::new();
    for line in shown {
        quoted.push_str("  ");
        quoted.push_str(line);
        quoted.push('\n');
    }
    quoted.truncate(quoted.trim_end().len());
    for secret in secrets {
        quoted = quoted.replace(secret.expose_secret(), "(secret)");
    }
    quoted
}

fn read_end(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::tests::Scratch;
    use super::*;

    #[test]
    fn the_tail_is_short_and_holds_no_secret() {
        let secret = SecretString::from("hunter2hunter2");
        let text = "line hunter2hunter2\n\n".repeat(40) + "the end, hunter2hunter2\n";
        let quoted = last_lines(&text, &[&secret]);
        assert_eq!(quoted.lines().count(), TAIL_LINES);
        assert!(quoted.starts_with("  line (secret)\n"), "{quoted}");
        assert!(quoted.ends_with("the end, (secret)"), "{quoted}");
        assert_eq!(last_lines("\n\n", &[]), "  (nothing)");
    }

    #[test]
    fn a_long_log_starts_over_under_an_open_writer() {
        let scratch = Scratch::new("logs");
        let path = scratch.path().join("child.log");
        let mut writer = open(&path).expect("the log opens");
        writer.write_all(b"0123456789").expect("the log is written");
        rotate_beyond(&path, 10).expect("a short log is left alone");
        assert_eq!(fs::read(&path).expect("the log is read"), b"0123456789");
        rotate_beyond(&path, 9).expect("a long log is rotated");
        writer.write_all(b"next").expect("the log is written");
        assert_eq!(fs::read(&path).expect("the log is read"), b"next");
        let old = scratch.path().join("child.log.1");
        assert_eq!(fs::read(old).expect("the old log is read"), b"0123456789");
    }
}
