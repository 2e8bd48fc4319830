//! What is sealed of a person, opened for who may see it.

use std::collections::BTreeSet;

use countersign_domain::{Account, SealedIn};
use countersign_events::AccountId;
use countersign_log::DataKey;
use countersign_openapi as wire;

use crate::app::App;
use crate::denied::Denied;
use crate::email::EmailAddress;

impl App {
    /// The data key of an account that exists.
    pub(crate) async fn data_key(&self, account: AccountId) -> Result<DataKey, Denied> {
        self.log
            .vault()
            .data_key(account)
            .await?
            .ok_or(Denied::Erased)
    }

    /// The address of an account.
    pub(crate) async fn address(
        &self,
        id: AccountId,
        account: &Account,
    ) -> Result<EmailAddress, Denied> {
        let sealed = account.email.as_ref().ok_or(Denied::Erased)?;
        let key = self.data_key(id).await?;
        let text = key.open(&sealed.value, id, sealed.message, "email")?;
        EmailAddress::parse(&text).map_err(|_| Denied::Broken("a stored address is not one".into()))
    }

    /// How an account is shown to its owner.
    pub(crate) async fn show_account(
        &self,
        id: AccountId,
        account: &Account,
    ) -> Result<wire::Account, Denied> {
        let key = self.data_key(id).await?;
        let open = |sealed: &SealedIn, field| key.open(&sealed.value, id, sealed.message, field);
        let email = account.email.as_ref().map(|email| open(email, "email"));
        let name = account
            .display_name
            .as_ref()
            .map(|name| open(name, "display_name"));
        Ok(wire::Account {
            id: id.uuid(),
            email: email.transpose()?.unwrap_or_default(),
            display_name: name.transpose()?,
            email_verified: account.email_verified,
            roles: account.roles.clone(),
            created_at: account.created_at.to_datetime(),
            state: if account.is_suspended() {
                wire::AccountState::Suspended
            } else {
                wire::AccountState::Active
            },
            mfa: account.needs_factor(),
            factors: {
                let kinds = account.factors.iter().map(|factor| factor.kind.to_string());
                kinds.collect::<BTreeSet<_>>().into_iter().collect()
            },
            sessions_active: None,
            noted: None,
            causes: None,
        })
    }
}
