//! A folder of mails, for developing and trying out.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use countersign_events::Timestamp;

use crate::compose::Mail;
use crate::reading;

/// A mail that was put into the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderMail {
    /// Its file's name without the ending.
    pub id: String,
    /// Who it is for.
    pub to: String,
    /// Its subject.
    pub subject: String,
    /// When it was written.
    pub at: Timestamp,
    /// What it says.
    pub text: String,
}

/// How many mails a folder keeps.
const KEPT: usize = 500;
/// The most bytes of a file that is looked into.
const MOST_BYTES: u64 = 1024 * 1024;

/// The mails in a folder, newest first. A folder that is not there holds none.
/// Reads files, so it is not for a runtime's thread.
pub fn list(folder: &Path, limit: usize) -> io::Result<Vec<FolderMail>> {
    let mut found = Vec::new();
    for path in files(folder)?.into_iter().take(limit) {
        match fs::metadata(&path) {
            Ok(about) if about.len() <= MOST_BYTES => {}
            _ => continue,
        }
        // Another process may be clearing up.
        let Ok(bytes) = fs::read(&path) else { continue };
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let Some(id) = stem else { continue };
        let read = reading::read(&String::from_utf8_lossy(&bytes));
        found.push(FolderMail {
            id: id.to_owned(),
            to: read.to,
            subject: read.subject,
            at: written_at(id),
            text: read.text,
        });
    }
    Ok(found)
}

/// Makes the folder, for its owner only.
pub(crate) fn prepare(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Puts a mail in, whole or not at all.
pub(crate) fn put(folder: &Path, mail: &Mail) -> io::Result<()> {
    let name = format!("{:013}-{}", mail.at.as_millis().max(0), mail.id);
    let unfinished = folder.join(format!(".{name}.tmp"));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)?;
    file.write_all(&mail.bytes)?;
    drop(file);
    fs::rename(&unfinished, folder.join(format!("{name}.eml")))?;
    for old in files(folder)?.into_iter().skip(KEPT) {
        // Whoever is quicker may have it.
        let _ = fs::remove_file(old);
    }
    Ok(())
}

/// The files of mails, newest first: their names begin with the time.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let paths = entries.flatten().map(|entry| entry.path());
    let mut mails: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|ending| ending == "eml"))
        .collect();
    mails.sort_unstable_by(|one, other| other.cmp(one));
    Ok(mails)
}

fn written_at(id: &str) -> Timestamp {
    let millis = id.split('-').next().and_then(|digits| digits.parse().ok());
    Timestamp::from_millis(millis.unwrap_or_default())
}

#[cfg(test)]
mod tests;
