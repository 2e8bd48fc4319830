//! The data directory: its lock, its folders, and files that only their owner
//! may read.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;

use super::{Child, StackError};

/// A data directory that this process holds alone, until it is dropped.
#[derive(Debug)]
pub(super) struct DataDir {
    root: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Creates the directory if need be, and locks it.
    pub(super) fn open(path: &Path) -> Result<Self, StackError> {
        create_private(path)?;
        let root = fs::canonicalize(path).map_err(StackError::io("resolve", path))?;
        if root.to_str().is_none_or(|text| text.contains(['\n', '\r'])) {
            return Err(StackError::DataDir {
                path: root,
                reason: "its path is not one line of UTF-8".to_owned(),
            });
        }
        let lock = lock(&root)?;
        let dir = Self { root, _lock: lock };
        for folder in [dir.logs(), dir.nats()] {
            create_private(&folder)?;
        }
        Ok(dir)
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn nats(&self) -> PathBuf {
        self.root.join("nats")
    }

    pub(super) fn postgres(&self) -> PathBuf {
        self.root.join("postgres")
    }

    pub(super) fn log_of(&self, child: Child) -> PathBuf {
        self.logs().join(match child {
            Child::Nats => "nats.log",
            Child::Postgres => "postgres.log",
        })
    }

    fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }
}

/// Creates a folder that nobody else may enter, and what is missing above it;
/// one that exists is left as it is.
pub(super) fn create_private(path: &Path) -> Result<(), StackError> {
    let above = path.parent().map_or(Ok(()), fs::create_dir_all);
    above
        .and_then(|()| DirBuilder::new().mode(0o700).create(path))
        .or_else(|error| if path.is_dir() { Ok(()) } else { Err(error) })
        .map_err(StackError::io("create the folder", path))
}

/// Lets other users pass through a folder, without letting them list it.
pub(super) fn let_others_pass(path: &Path) -> io::Result<()> {
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o011 == 0o011 {
        return Ok(());
    }
    fs::set_permissions(path, fs::Permissions::from_mode(mode | 0o011))
}

fn lock(root: &Path) -> Result<File, StackError> {
    let path = root.join("lock");
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(StackError::io("open", &path))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut text = String::new();
            let pid = file
                .read_to_string(&mut text)
                .ok()
                .and_then(|_| text.trim().parse().ok());
            return Err(StackError::Locked {
                path: root.to_owned(),
                pid,
            });
        }
        Err(errno) => return Err(StackError::io("lock", &path)(errno.into())),
    }
    file.set_len(0)
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(StackError::io("write", &path))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::super::tests::Scratch;
    use super::*;

    #[test]
    fn a_second_holder_is_told_the_first_ones_pid() {
        let scratch = Scratch::new("lock");
        let first = DataDir::open(scratch.path()).expect("the directory opens");
        match DataDir::open(scratch.path()) {
            Err(StackError::Locked { pid, .. }) => assert_eq!(pid, Some(std::process::id())),
            other => panic!("{other:?}"),
        }
        drop(first);
        DataDir::open(scratch.path()).expect("it is free again");
    }
}
