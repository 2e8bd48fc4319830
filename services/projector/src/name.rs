//! What a process calls itself in the control schema.

use std::sync::atomic::{AtomicU32, Ordering};

/// `<verb>/<host>:<process>`, and a number after it for all but the first of a
/// process.
pub(crate) fn name(verb: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname");
    let host = host.unwrap_or_else(|_| "host".into());
    let (host, process) = (host.trim(), std::process::id());
    match NEXT.fetch_add(1, Ordering::Relaxed) {
        0 => format!("{verb}/{host}:{process}"),
        number => format!("{verb}/{host}:{process}.{number}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_of_a_process_have_two_names() {
        assert_ne!(name("project"), name("project"));
        assert!(name("replay").starts_with("replay/"));
    }
}
