//! The files that the console writes: what is exported, and what it keeps of
//! its lists for the next start.

use std::io;
use std::path::PathBuf;

use tokio::fs::OpenOptions;
use tokio::io::AsyncWriteExt;

use super::sort::Sorts;
use crate::{Login, write_private};

/// Most bytes that are read of what was kept.
const BYTES_MAX: u64 = 4 * 1_024;

/// Where it keeps how lists are sorted: beside the session, or nowhere.
#[derive(Debug, Clone)]
pub(super) struct Memory(Option<PathBuf>);

impl Memory {
    /// Of whoever signs in like this.
    pub(super) fn of(login: &Login) -> Self {
        let path = match login {
            Login::Password {
                keep: Some(keep), ..
            } => Some(keep.beside("console.json")),
            _ => None,
        };
        Self(path)
    }

    /// What was kept. A file that cannot be read is as good as none.
    pub(super) fn read(&self) -> Sorts {
        let read = || {
            let path = self.0.as_ref()?;
            let length = std::fs::metadata(path).ok()?.len();
            let text = (length <= BYTES_MAX).then(|| std::fs::read_to_string(path).ok())??;
            Some(Sorts::read(&text))
        };
        read().unwrap_or_default()
    }

    /// Keeps it, whole or not at all; that it cannot is no reason to trouble
    /// anybody.
    pub(super) async fn write(&self, text: &str) {
        let Some(path) = self.0.clone() else { return };
        let text = text.to_owned();
        let write = move || write_private(&path, text.as_bytes());
        let _ = tokio::task::spawn_blocking(write).await;
    }
}

/// Writes a new file in the current folder, readable by its owner only.
pub(super) async fn save(name: &str, text: &str) -> Result<String, String> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let write = async {
        let mut file = options.open(name).await?;
        file.write_all(text.as_bytes()).await?;
        file.sync_all().await
    };
    let written: io::Result<()> = write.await;
    written
        .map(|()| name.to_owned())
        .map_err(|error| format!("{name}: {error}"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::Keep;

    #[tokio::test]
    async fn what_is_kept_is_beside_the_session_and_read_again() {
        let folder = std::env::temp_dir().join(format!("countersign-kept-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let login = Login::Password {
            email: String::new(),
            password: countersign_openapi::Secret::new(""),
            totp_secret: None,
            keep: Some(Keep::at(&folder.join("prod.session.json"))),
        };
        let memory = Memory::of(&login);
        assert_eq!(memory.read(), Sorts::default());
        let sorts = Sorts::read("{\"keys\":\"-state\"}");
        memory.write(&sorts.text()).await;
        assert_eq!(memory.read(), sorts);
        let path = folder.join("prod.session.console.json");
        let mode = std::fs::metadata(&path)
            .expect("a file")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        // Whatever lies there is not read without end.
        let long = format!("{}{}", " ".repeat(5_000), sorts.text());
        std::fs::write(&path, long).expect("written");
        assert_eq!(memory.read(), Sorts::default());
        std::fs::remove_dir_all(&folder).expect("removed");
        let token = Login::Token(countersign_openapi::Secret::new("t"));
        let nowhere = Memory::of(&token);
        nowhere.write("{}").await;
        assert_eq!(nowhere.read(), Sorts::default());
    }
}
