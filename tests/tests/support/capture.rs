//! What the process logs.

use std::io::{self, Write};
use std::sync::{Mutex, Once, PoisonError};

use tracing_subscriber::fmt::MakeWriter;

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Starts keeping everything that is logged from here on, by any test of the
/// process; what is told to nobody is told to the console below.
pub(crate) fn logged() -> Logged {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing_subscriber::fmt()
            .with_env_filter("debug,hyper=info,h2=info,reqwest=info,hyper_util=info")
            .with_ansi(false)
            .with_writer(Keep)
            .init();
    });
    let from = LINES.lock().unwrap_or_else(PoisonError::into_inner).len();
    Logged { from }
}

/// What was logged since.
pub(crate) struct Logged {
    from: usize,
}

impl Logged {
    /// All of it, byte for byte.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
        lines[self.from..].to_vec()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }
}

#[derive(Clone, Copy)]
struct Keep;

impl Write for Keep {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
        lines.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Keep {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        *self
    }
}
