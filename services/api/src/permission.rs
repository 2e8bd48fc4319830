//! What roles permit.

/// Something an operator may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Permission {
    /// See sessions and the numbers about them.
    SessionsRead,
    /// End anybody's session.
    SessionsRevoke,
    /// See accounts.
    AccountsRead,
    /// Suspend, reinstate, give roles, reset factors.
    AccountsWrite,
    /// Forget people.
    AccountsErase,
    /// Read the log.
    EventsRead,
    /// See the state of the read models.
    ProjectionsRead,
    /// Have projections try again, and have the read models made anew.
    ProjectionsWrite,
    /// See the signing keys.
    KeysRead,
    /// Let other keys sign, and revoke keys.
    KeysRotate,
    /// See the verifiers, and read what they are told.
    VerifiersRead,
    /// See clients.
    ClientsRead,
    /// Register and change clients, and give them secrets and keys.
    ClientsWrite,
}

impl Permission {
    /// Every permission.
    pub(crate) const ALL: [Self; 13] = [
        Self::SessionsRead,
        Self::SessionsRevoke,
        Self::AccountsRead,
        Self::AccountsWrite,
        Self::AccountsErase,
        Self::EventsRead,
        Self::ProjectionsRead,
        Self::ProjectionsWrite,
        Self::KeysRead,
        Self::KeysRotate,
        Self::VerifiersRead,
        Self::ClientsRead,
        Self::ClientsWrite,
    ];
}

/// The roles there are, each with what it permits.
pub(crate) const ROLES: [&str; 4] = ["user", "support", "operator", "admin"];

/// What a role permits. An unknown role permits nothing.
pub(crate) fn permissions_of(role: &str) -> &'static [Permission] {
    use Permission::{AccountsRead, SessionsRead, SessionsRevoke};
    match role {
        "admin" | "operator" => &Permission::ALL,
        "support" => &[SessionsRead, AccountsRead, SessionsRevoke],
        _ => &[],
    }
}

/// Whether any of these roles permits it.
pub(crate) fn permitted<R: AsRef<str>>(roles: &[R], permission: Permission) -> bool {
    roles
        .iter()
        .any(|role| permissions_of(role.as_ref()).contains(&permission))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_and_unknown_roles_permit_nothing() {
        for roles in [
            vec![],
            vec!["user"],
            vec!["Admin"],
            vec!["admin "],
            vec!["", "root"],
        ] {
            assert!(
                Permission::ALL
                    .into_iter()
                    .all(|permission| !permitted(&roles, permission)),
                "{roles:?}"
            );
        }
    }

    #[test]
    fn support_reads_people_and_ends_sessions_but_not_the_log() {
        assert!(permitted(&["user", "support"], Permission::SessionsRevoke));
        assert!(!permitted(&["support"], Permission::EventsRead));
        assert!(
            Permission::ALL
                .into_iter()
                .all(|permission| permitted(&["operator"], permission))
        );
    }
}
