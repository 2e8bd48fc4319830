//! The anchors as a signed text file, for another disk or another person.
//!
//! A C2SP signed note: lines of text, an empty line, a signature line.
//!
//! ```text
//! countersign/cs
//! 0 8412 <base64 of the head> <base64 of the leaf>
//! 1 7790 <base64 of the head> <base64 of the leaf>
//!
//! — countersign/cs <base64 of 4 bytes of key id and the Ed25519 signature>
//! ```

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_events::Position;
use countersign_views::checkpoint::Anchor;

use super::Hash;

/// The signature type byte of Ed25519 in C2SP key ids.
const ED25519_KIND: u8 = 1;

/// A checkpoint file of 64 shards has about 8 KiB.
const BYTES_MAX: u64 = 64 * 1024;

/// The bytes are no Ed25519 key in PKCS#8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the checkpoint key is not an Ed25519 key in PKCS#8")]
pub struct KeyError;

/// Signs checkpoint files.
pub struct Signer(Ed25519KeyPair);

impl core::fmt::Debug for Signer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Signer")
    }
}

impl Signer {
    /// From an Ed25519 key in PKCS#8, version 1 or 2.
    pub fn from_pkcs8(bytes: &[u8]) -> Result<Self, KeyError> {
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(bytes)
            .map(Self)
            .map_err(|_| KeyError)
    }

    /// The public half, 32 bytes.
    pub fn public_key(&self) -> [u8; 32] {
        let mut key = [0; 32];
        key.copy_from_slice(self.0.public_key().as_ref());
        key
    }
}

/// Why a checkpoint file cannot be believed.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointFileError {
    /// It cannot be read or written.
    #[error("the checkpoint file: {0}")]
    Io(#[from] io::Error),
    /// It is not what [`CheckpointFile::write`] writes.
    #[error("the checkpoint file is malformed in line {0}")]
    Malformed(usize),
    /// It belongs to another deployment.
    #[error("the checkpoint file belongs to another deployment")]
    Origin,
    /// It was changed, or signed with another key.
    #[error("the checkpoint file is not signed with this key")]
    Signature,
}

/// The newest anchor of each shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointFile {
    /// The log's prefix, which names the deployment.
    pub prefix: String,
    /// In shard order, each shard at most once.
    pub anchors: Vec<Anchor>,
}

fn origin(prefix: &str) -> String {
    format!("countersign/{prefix}")
}

/// The first four bytes of `SHA-256(name | 0x0A | kind | public key)`.
fn key_id(name: &str, public_key: &[u8; 32]) -> [u8; 4] {
    let bytes = [name.as_bytes(), b"\n", &[ED25519_KIND], public_key].concat();
    let mut id = [0; 4];
    id.copy_from_slice(&digest(&SHA256, &bytes).as_ref()[..4]);
    id
}

impl CheckpointFile {
    fn body(&self) -> String {
        let mut body = origin(&self.prefix);
        body.push('\n');
        for anchor in &self.anchors {
            let Position { shard, sequence } = anchor.position;
            let (head, leaf) = (STANDARD.encode(anchor.head), STANDARD.encode(anchor.leaf));
            let _ = writeln!(body, "{shard} {sequence} {head} {leaf}");
        }
        body
    }

    /// The signed text.
    pub fn sign(&self, signer: &Signer) -> String {
        let body = self.body();
        let name = origin(&self.prefix);
        let mut signature = key_id(&name, &signer.public_key()).to_vec();
        signature.extend_from_slice(signer.0.sign(body.as_bytes()).as_ref());
        format!("{body}\n\u{2014} {name} {}\n", STANDARD.encode(signature))
    }

    /// Reads a signed text of the deployment `prefix`. Signatures of others
    /// beside ours are allowed, as on any signed note.
    pub fn verify(
        text: &str,
        prefix: &str,
        public_key: &[u8; 32],
    ) -> Result<Self, CheckpointFileError> {
        let (body, signatures) = text
            .split_once("\n\n")
            .ok_or(CheckpointFileError::Malformed(1))?;
        let name = origin(prefix);
        if body.lines().next() != Some(name.as_str()) {
            return Err(CheckpointFileError::Origin);
        }
        let signed = &text[..=body.len()];
        let id = key_id(&name, public_key);
        let key = UnparsedPublicKey::new(&ED25519, public_key);
        let good = signatures.lines().any(|line| {
            line.strip_prefix("\u{2014} ")
                .and_then(|rest| rest.strip_prefix(name.as_str()))
                .and_then(|rest| STANDARD.decode(rest.trim_start()).ok())
                .and_then(|bytes| bytes.strip_prefix(&id).map(<[u8]>::to_vec))
                .is_some_and(|signature| key.verify(signed.as_bytes(), &signature).is_ok())
        });
        if !good {
            return Err(CheckpointFileError::Signature);
        }
        let anchors = body
            .lines()
            .enumerate()
            .skip(1)
            .map(|(index, line)| parse(line).ok_or(CheckpointFileError::Malformed(index + 1)))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            prefix: prefix.to_owned(),
            anchors,
        })
    }

    /// Reads and verifies a file; none if there is no file. Blocks.
    pub fn read(
        path: &Path,
        prefix: &str,
        public_key: &[u8; 32],
    ) -> Result<Option<Self>, CheckpointFileError> {
        match fs::metadata(path) {
            Ok(found) if found.len() > BYTES_MAX => return Err(CheckpointFileError::Malformed(1)),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        let text = fs::read_to_string(path)?;
        Self::verify(&text, prefix, public_key).map(Some)
    }

    /// Replaces the file as one step that survives a power cut. Blocks.
    pub fn write(&self, path: &Path, signer: &Signer) -> Result<(), CheckpointFileError> {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.tmp", std::process::id()));
        let temporary = folder.join(name);
        let mut file = File::create(&temporary)?;
        file.write_all(self.sign(signer).as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        File::open(folder)?.sync_all()?;
        Ok(())
    }

    /// Takes in newer anchors, shard by shard; true if anything changed. An
    /// anchor is never replaced by an older one: two heads for one history
    /// must not both be signed.
    pub fn advance(&mut self, newer: &[Anchor]) -> bool {
        let mut changed = false;
        for anchor in newer {
            let shard = anchor.position.shard;
            match self
                .anchors
                .binary_search_by_key(&shard, |known| known.position.shard)
            {
                Ok(index) => {
                    let known = &mut self.anchors[index];
                    if known.position.sequence < anchor.position.sequence {
                        *known = *anchor;
                        changed = true;
                    }
                }
                Err(index) => {
                    self.anchors.insert(index, *anchor);
                    changed = true;
                }
            }
        }
        changed
    }
}

fn parse(line: &str) -> Option<Anchor> {
    let mut words = line.split(' ');
    let shard = words.next()?.parse().ok()?;
    let sequence = words.next()?.parse().ok()?;
    let head = hash(words.next()?)?;
    let leaf = hash(words.next()?)?;
    words.next().is_none().then_some(Anchor {
        position: Position { shard, sequence },
        head,
        leaf,
    })
}

fn hash(text: &str) -> Option<Hash> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests;
