//! The session that commands share, so that a second command needs no second
//! code: a refresh token in a file that only its owner can read.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use countersign_openapi::Secret;
use serde::{Deserialize, Serialize};

use crate::write_private;

/// Where the session is kept.
#[derive(Debug, Clone)]
pub struct Keep(PathBuf);

#[derive(Serialize, Deserialize)]
struct Kept {
    refresh_token: Secret,
}

impl Keep {
    /// In a file of this name.
    pub fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// A file of this name with the session's in front, in the same folder.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        let stem = self.0.file_stem().unwrap_or_default().to_string_lossy();
        self.0.with_file_name(format!("{stem}.{name}"))
    }

    /// The refresh token, if there is one. A file that cannot be read is as
    /// good as none: the operator signs in anew.
    pub(crate) fn read(&self) -> Option<Secret> {
        let text = fs::read_to_string(&self.0).ok()?;
        let kept: Kept = serde_json::from_str(&text).ok()?;
        Some(kept.refresh_token)
    }

    /// Keeps a refresh token, whole or not at all.
    pub(crate) fn write(&self, refresh_token: &Secret) -> io::Result<()> {
        let kept = Kept {
            refresh_token: refresh_token.clone(),
        };
        let text = serde_json::to_string(&kept)?;
        write_private(&self.0, text.as_bytes())
    }

    /// Forgets it.
    pub(crate) fn forget(&self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_kept_is_for_its_owner_only() {
        let path = std::env::temp_dir().join(format!("countersign-keep-{}", std::process::id()));
        let keep = Keep::at(&path);
        assert!(keep.read().is_none());
        keep.write(&Secret::new("csr_x")).expect("kept");
        let mode = fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(keep.read().expect("a token").expose(), "csr_x");
        fs::write(&path, "{").expect("spoilt");
        assert!(keep.read().is_none());
        keep.forget();
        assert!(!path.exists());
    }
}
