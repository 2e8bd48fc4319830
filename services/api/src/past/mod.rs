//! What was: sessions and accounts as of a moment.
//!
//! A row of the read models carries the position that last wrote it, so one
//! that was not written since the moment *is* what was. Every other entity is
//! folded from its messages in the log, at the cost of these and no others
//! (ADR 19). An answer about one entity is always folded, for then every field
//! has its cause.

mod account;
mod causes;
mod page;
mod session;
mod story;

use countersign_events::AccountId;
use tokio::sync::SemaphorePermit;

use crate::app::App;
use crate::denied::Denied;

impl App {
    /// A place among the few questions about what was that are answered at the
    /// same time; it is held until the answer is made.
    ///
    /// # Errors
    ///
    /// [`Denied::Overloaded`] if every place is taken.
    pub fn place_for_past(&self) -> Result<SemaphorePermit<'_>, Denied> {
        self.past.try_acquire().map_err(|_| Denied::Overloaded)
    }

    /// Refuses to tell of a person who is forgotten by now, as the lists leave
    /// them out. The log is asked, after all that is to be told was read: so no
    /// answer is half of before and half of after.
    async fn not_forgotten(&self, account: AccountId) -> Result<(), Denied> {
        let now = self.accounts.current(account).await?;
        if now.state.is_erased() {
            return Err(Denied::NotFound);
        }
        Ok(())
    }
}
