//! What a process calls itself in the control schema.

use std::sync::atomic::{AtomicU32, Ordering};

use uuid::Uuid;

/// `<verb>/<host>:<process>-<digits>`, with a number before the digits for all
/// but the first of a process. The digits are drawn: in containers, hosts may
/// have one name and processes one number.
pub(crate) fn name(verb: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname");
    let host = host.unwrap_or_else(|_| "host".into());
    let (host, process) = (host.trim(), std::process::id());
    // All bits of these are drawn (RFC 9562 section 5.4).
    let [first, second, ..] = Uuid::new_v4().into_bytes();
    match NEXT.fetch_add(1, Ordering::Relaxed) {
        0 => format!("{verb}/{host}:{process}-{first:02x}{second:02x}"),
        number => format!("{verb}/{host}:{process}.{number}-{first:02x}{second:02x}"),
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

    #[test]
    fn what_is_drawn_is_at_the_end() {
        let drawn = || {
            let name = name("project");
            let (_, digits) = name.rsplit_once('-').expect("digits");
            assert_eq!(digits.len(), 4, "{name}");
            u16::from_str_radix(digits, 16).expect("digits")
        };
        let first = drawn();
        assert!((0..20).any(|_| drawn() != first));
    }
}
