//! `countersign replay` and `countersign repair`

use crate::Exit;
use crate::parts::Failure;
use crate::settings::Settings;

pub async fn replay(_settings: &Settings) -> Result<Exit, Failure> { Ok(Exit::Done) }
pub async fn verify(_settings: &Settings) -> Result<Exit, Failure> { Ok(Exit::Done) }
pub async fn switch_back(_settings: &Settings) -> Result<Exit, Failure> { Ok(Exit::Done) }
pub async fn repair(_settings: &Settings, _shard: Option<u8>) -> Result<Exit, Failure> { Ok(Exit::Done) }
