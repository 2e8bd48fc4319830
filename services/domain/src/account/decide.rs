//! The rules of an account.

use countersign_events::{
    Abandoned, AccountEvent, CredentialId, CredentialKind, CredentialSet, DeviceAdded,
    EmailChangeRequested, EmailChanged, EmailVerified, EndReason, Erased, Noted,
    PasswordResetRequested, ProfileChanged, Registered, Reinstated, RolesChanged, Sealed,
    SessionsEnded, Suspended, Timestamp, VerificationRequested,
};

use super::{Account, AccountCommand, AccountRefusal, NewDevice, Request, Stage, factors};

type Decision = Result<Vec<AccountEvent>, AccountRefusal>;

pub(super) fn decide(account: &Account, command: &AccountCommand) -> Decision {
    if let AccountCommand::AsOwner { epoch, command } = command {
        if *epoch < account.min_epoch {
            return Err(AccountRefusal::Fenced);
        }
        return decide(account, command);
    }
    match account.stage {
        Stage::Absent => unborn(command),
        Stage::Abandoned => match command {
            AccountCommand::Abandon => Ok(Vec::new()),
            AccountCommand::Register { .. } => Err(AccountRefusal::Abandoned),
            _ => Err(AccountRefusal::Unknown),
        },
        Stage::Erased => match command {
            AccountCommand::Erase => Ok(Vec::new()),
            AccountCommand::Register { .. } | AccountCommand::Abandon => {
                Err(AccountRefusal::Exists)
            }
            _ => Err(AccountRefusal::Erased),
        },
        Stage::Suspended => suspended(account, command),
        Stage::Active => active(account, command),
    }
}

fn unborn(command: &AccountCommand) -> Decision {
    match command {
        AccountCommand::Register {
            email,
            display_name,
            roles,
            password,
            verification,
            device,
        } => {
            let mut events = vec![
                Registered {
                    email: email.clone(),
                    display_name: display_name.clone(),
                    roles: roles.clone(),
                }
                .into(),
                set_password(*password),
            ];
            events.push(match verification {
                Some(request) => VerificationRequested {
                    request: request.id,
                    expires_at: request.expires_at,
                }
                .into(),
                None => EmailVerified {}.into(),
            });
            events.extend(device.as_ref().map(added));
            Ok(events)
        }
        AccountCommand::Abandon => Ok(vec![Abandoned {}.into()]),
        _ => Err(AccountRefusal::Unknown),
    }
}

/// A suspended person can do nothing; operators can.
fn suspended(account: &Account, command: &AccountCommand) -> Decision {
    match command {
        AccountCommand::Suspend { .. } => Ok(Vec::new()),
        AccountCommand::Reinstate { note } => Ok(vec![Reinstated { note: note.clone() }.into()]),
        AccountCommand::SetRoles { .. }
        | AccountCommand::Erase
        | AccountCommand::EndSessions { .. }
        | AccountCommand::Register { .. }
        | AccountCommand::Abandon
        | AccountCommand::Factor(
            super::FactorCommand::Reset { .. } | super::FactorCommand::Disable { .. },
        ) => active(account, command),
        _ => Err(AccountRefusal::Suspended),
    }
}

fn active(account: &Account, command: &AccountCommand) -> Decision {
    match command {
        AccountCommand::AsOwner { .. } => decide(account, command),
        AccountCommand::Register { .. } | AccountCommand::Abandon => Err(AccountRefusal::Exists),
        AccountCommand::Rehash { replaces, password } => {
            if account.password != Some(*replaces) || account.password_disabled {
                return Ok(Vec::new());
            }
            Ok(vec![set_password(*password)])
        }
        AccountCommand::ChangePassword { replaces, password } => {
            if account.password != Some(*replaces) {
                return Err(AccountRefusal::Changed);
            }
            Ok(vec![
                set_password(*password),
                end_sessions(EndReason::PasswordChanged),
            ])
        }
        AccountCommand::RequestReset(request) => Ok(vec![
            PasswordResetRequested {
                request: request.id,
                expires_at: request.expires_at,
            }
            .into(),
        ]),
        AccountCommand::ResetPassword {
            request,
            now,
            password,
        } => {
            open(account.reset.as_ref(), *request, *now)?;
            let mut events = vec![
                set_password(*password),
                end_sessions(EndReason::PasswordReset),
            ];
            // Who got the mail has the address.
            if !account.email_verified {
                events.push(EmailVerified {}.into());
            }
            Ok(events)
        }
        AccountCommand::RequestVerification(_) if account.email_verified => Ok(Vec::new()),
        AccountCommand::RequestVerification(request) => Ok(vec![
            VerificationRequested {
                request: request.id,
                expires_at: request.expires_at,
            }
            .into(),
        ]),
        AccountCommand::VerifyEmail { request, now } => {
            open(account.verification.as_ref(), *request, *now)?;
            Ok(vec![EmailVerified {}.into()])
        }
        AccountCommand::RequestEmailChange { request, email } => Ok(vec![
            EmailChangeRequested {
                request: request.id,
                email: email.clone(),
                expires_at: request.expires_at,
            }
            .into(),
        ]),
        AccountCommand::ChangeEmail {
            request,
            now,
            email,
            previous,
        } => {
            let asked = account.email_change.as_ref().map(|change| &change.request);
            open(asked, *request, *now)?;
            Ok(vec![
                EmailChanged {
                    email: email.clone(),
                    previous: previous.clone(),
                }
                .into(),
            ])
        }
        // Sealing is randomised, so whether a name is the same one cannot be
        // seen here; every request to change it is an event.
        AccountCommand::SetDisplayName { display_name } => Ok(vec![
            ProfileChanged {
                display_name: display_name.clone(),
            }
            .into(),
        ]),
        AccountCommand::Factor(command) => factors::decide(account, command),
        AccountCommand::AddDevice(device) => Ok(vec![added(device)]),
        AccountCommand::EndSessions { reason, note } => {
            let mut events = noted(note.as_ref());
            events.push(end_sessions(*reason));
            Ok(events)
        }
        AccountCommand::Suspend { note } => Ok(vec![
            Suspended { note: note.clone() }.into(),
            end_sessions(EndReason::Suspended),
        ]),
        AccountCommand::Reinstate { .. } => Ok(Vec::new()),
        AccountCommand::SetRoles { roles, .. } if *roles == account.roles => Ok(Vec::new()),
        AccountCommand::SetRoles { roles, note } => Ok(vec![
            RolesChanged {
                roles: roles.clone(),
                note: note.clone(),
            }
            .into(),
            end_sessions(EndReason::RolesChanged),
        ]),
        AccountCommand::Erase => Ok(vec![Erased {}.into(), end_sessions(EndReason::Erased)]),
    }
}

/// Whether a token that names `request` still opens something.
fn open(
    asked: Option<&Request>,
    request: CredentialId,
    now: Timestamp,
) -> Result<(), AccountRefusal> {
    match asked {
        Some(asked) if asked.id == request && now < asked.expires_at => Ok(()),
        _ => Err(AccountRefusal::RequestClosed),
    }
}

fn added(device: &NewDevice) -> AccountEvent {
    DeviceAdded {
        session: device.session,
        ip: device.ip.clone(),
        user_agent: device.user_agent.clone(),
    }
    .into()
}

fn set_password(credential: CredentialId) -> AccountEvent {
    CredentialSet {
        kind: CredentialKind::Password,
        credential,
    }
    .into()
}

pub(super) fn noted(note: Option<&Sealed>) -> Vec<AccountEvent> {
    let noted = |note: &Sealed| Noted { note: note.clone() }.into();
    note.map(noted).into_iter().collect()
}

pub(super) fn end_sessions(reason: EndReason) -> AccountEvent {
    SessionsEnded { reason }.into()
}
