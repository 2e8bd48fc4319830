//! The rules of an account.

use countersign_events::{
    Abandoned, AccountEvent, CredentialKind, CredentialSet, ProfileChanged, Registered,
    SessionsEnded,
};

use super::{Account, AccountCommand, AccountRefusal, Stage};

pub(super) fn decide(
    account: &Account,
    command: &AccountCommand,
) -> Result<Vec<AccountEvent>, AccountRefusal> {
    match (account.stage, command) {
        (
            Stage::Absent,
            AccountCommand::Register {
                email,
                display_name,
                roles,
                password,
            },
        ) => Ok(vec![
            Registered {
                email: email.clone(),
                display_name: display_name.clone(),
                roles: roles.clone(),
            }
            .into(),
            CredentialSet {
                kind: CredentialKind::Password,
                credential: *password,
            }
            .into(),
        ]),
        (Stage::Absent, AccountCommand::Abandon) => Ok(vec![Abandoned {}.into()]),
        (Stage::Abandoned, AccountCommand::Abandon) => Ok(Vec::new()),
        (Stage::Abandoned, AccountCommand::Register { .. }) => Err(AccountRefusal::Abandoned),
        (Stage::Absent | Stage::Abandoned, _) => Err(AccountRefusal::Unknown),

        (Stage::Active, AccountCommand::Register { .. } | AccountCommand::Abandon) => {
            Err(AccountRefusal::Exists)
        }
        (Stage::Active, AccountCommand::SetPassword { replaces, password }) => {
            if account.password != Some(*replaces) {
                return Ok(Vec::new());
            }
            Ok(vec![
                CredentialSet {
                    kind: CredentialKind::Password,
                    credential: *password,
                }
                .into(),
            ])
        }
        // Sealing is randomised, so whether a name is the same one cannot be
        // seen here; every request to change it is an event.
        (Stage::Active, AccountCommand::SetDisplayName { display_name }) => Ok(vec![
            ProfileChanged {
                display_name: display_name.clone(),
            }
            .into(),
        ]),
        (Stage::Active, AccountCommand::EndSessions { reason }) => {
            Ok(vec![SessionsEnded { reason: *reason }.into()])
        }
    }
}
