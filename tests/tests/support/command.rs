//! Commands put to the log without a request.

use countersign_domain::{AccountCommand, EmailCommand};
use countersign_events::{AccountId, Actor, EmailId, MessageId};
use countersign_log::{Meta, random};
use uuid::Uuid;

use super::World;

impl World {
    /// The circumstances of a command about `account`, decided now.
    pub(crate) fn meta(&self, account: Option<AccountId>) -> Meta {
        let now = self.now();
        Meta {
            message: MessageId::generate(now, random().expect("randomness")),
            now,
            actor: Actor::System,
            account,
            correlation: Uuid::nil(),
            causation: None,
            trace_parent: None,
        }
    }

    /// Appends a message to a shard that the dice choose.
    pub(crate) async fn append_something(&self) {
        let bytes = random::<16>().expect("randomness");
        let id = EmailId::from_uuid(Uuid::from_bytes(bytes));
        let command = EmailCommand::Reserve {
            account: self.new_account_id(),
        };
        let meta = self.meta(None);
        let done = self.app.emails.execute(id, &meta, &command);
        done.await.expect("appended");
    }

    pub(crate) fn new_account_id(&self) -> AccountId {
        AccountId::generate(self.now(), random().expect("randomness"))
    }

    /// Changes a name without a request, for one more event of the account.
    pub(crate) async fn rename_quietly(&self, account: AccountId) {
        let command = AccountCommand::SetDisplayName { display_name: None };
        let meta = self.meta(None);
        let done = self.app.accounts.execute(account, &meta, &command);
        done.await.expect("appended");
    }
}
