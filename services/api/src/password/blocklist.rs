//! Passwords that nobody may choose (NIST SP 800-63B-4 section 3.1.1.2): an
//! operator's list, one to a line.

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::digest;
use unicode_normalization::UnicodeNormalization;

/// The list. Only 64 bits of each password's hash are kept: with ten million
/// entries, one password in two million million is refused without reason.
#[derive(Clone, Default)]
pub struct Blocklist(Arc<HashSet<u64>>);

/// The most entries: 16 bytes of memory each.
const MOST: usize = 10_000_000;

/// The list cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BlocklistError {
    /// The file cannot be read, or is not text in UTF-8.
    #[error(transparent)]
    Read(#[from] std::io::Error),
    /// There are too many entries.
    #[error("expected at most {MOST} lines")]
    TooLong,
}

impl Blocklist {
    /// Reads a list.
    pub fn read(path: &Path) -> Result<Self, BlocklistError> {
        let mut set = HashSet::new();
        for line in BufReader::new(std::fs::File::open(path)?).lines() {
            let line = line?;
            let word = line.trim_end_matches(['\r', '\n']);
            if word.is_empty() {
                continue;
            }
            if set.len() >= MOST {
                return Err(BlocklistError::TooLong);
            }
            let normal: String = word.nfkc().collect::<String>().to_lowercase();
            set.insert(mark(&normal));
        }
        Ok(Self(Arc::new(set)))
    }

    /// Whether a password, normalised and in lower case, is on the list.
    pub(super) fn contains(&self, lower: &str) -> bool {
        !self.0.is_empty() && self.0.contains(&mark(lower))
    }
}

fn mark(text: &str) -> u64 {
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hash.as_ref()[..8]);
    u64::from_be_bytes(bytes)
}

/// Only its length: what is on it may be somebody's password.
impl std::fmt::Debug for Blocklist {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Blocklist({} entries)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_the_list_is_found_in_any_case() {
        let path =
            std::env::temp_dir().join(format!("countersign-blocklist-{}", std::process::id()));
        std::fs::write(&path, "Tr0ub4dor&3\r\n\nhunter2hunter2\n").expect("a file");
        let list = Blocklist::read(&path).expect("reads");
        assert!(list.contains("tr0ub4dor&3") && list.contains("hunter2hunter2"));
        assert!(!list.contains("") && !list.contains("tr0ub4dor&4"));
        assert!(!Blocklist::default().contains("hunter2hunter2"));
        assert!(Blocklist::read(Path::new("/nonexistent/list")).is_err());
    }
}
