//! Versions, as programs tell them.

/// A version as far as it is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(pub(super) u32, pub(super) u32, pub(super) u32);

/// The first word that looks like a version, as in `nats-server: v2.15.1` or
/// `postgres (PostgreSQL) 18beta1`.
pub(super) fn version_in(text: &str) -> Option<Version> {
    let word = text
        .split_whitespace()
        .map(|word| word.trim_start_matches('v'))
        .find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
    let mut parts = word.split('.').map(|part| {
        let end = part
            .find(|digit: char| !digit.is_ascii_digit())
            .unwrap_or(part.len());
        part[..end].parse().unwrap_or(0)
    });
    let mut next = || parts.next().unwrap_or(0);
    Some(Version(next(), next(), next()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_the_programs_write_them() {
        let version = |text| version_in(text).map(|Version(a, b, c)| (a, b, c));
        assert_eq!(version("nats-server: v2.15.1\n"), Some((2, 15, 1)));
        assert_eq!(version("nats-server: v2.12.0-RC.1\n"), Some((2, 12, 0)));
        assert_eq!(
            version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"),
            Some((15, 18, 0))
        );
        assert_eq!(version("postgres (PostgreSQL) 19devel\n"), Some((19, 0, 0)));
        assert_eq!(version("initdb (PostgreSQL) 18beta1"), Some((18, 0, 0)));
        assert_eq!(version("command not found"), None);
        assert!(Version(2, 9, 25) < Version(2, 12, 0) && Version(14, 22, 0) < Version(15, 0, 0));
    }
}
