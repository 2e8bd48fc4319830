//! Ending all that fits a filter: counted first, by the service.

use countersign_openapi::{RevocationPredicate, RevocationPreview};
use time::OffsetDateTime;
use uuid::Uuid;

use super::orders;
use crate::console::confirm::{Confirm, Far, Target};
use crate::console::filter::Filter;
use crate::console::message::Effect;
use crate::console::model::{Layer, Model};
use crate::console::order::{Failed, Filtered, Verb};
use crate::console::text::{many, short};
use crate::console::theme::Tone;

/// Sessions of a preview that are named in the dialog.
const SHOWN: usize = 3;

/// What a filter says, as the service takes it; or why it cannot.
pub(super) fn predicate(
    filter: &Filter,
    now: OffsetDateTime,
) -> Result<RevocationPredicate, &'static str> {
    if filter.text().is_empty() {
        return Err("narrow the list down with / first");
    }
    if filter.field("user").is_some() {
        return Err("user: is a part of a name; open the account and end all of its sessions");
    }
    if filter.excludes() {
        return Err("!word is no part of an order; take it out of the filter");
    }
    if matches!(filter.field("state"), Some("expired" | "revoked")) {
        return Err("already ended");
    }
    let (started_after, started_before) = filter.began(now);
    let predicate = RevocationPredicate {
        account: filter
            .field("account")
            .and_then(|id| Uuid::try_parse(id).ok()),
        client: filter.field("client").map(str::to_owned),
        network: filter.field("ip").map(str::to_owned),
        started_after,
        started_before,
        ..RevocationPredicate::default()
    };
    if predicate == RevocationPredicate::default() {
        return Err("the filter says nothing that an order can: ip: client: account: age");
    }
    Ok(predicate)
}

/// Has it counted.
pub(super) fn start(model: &mut Model, effects: &mut Vec<Effect>) {
    if model.past.is_some() || !orders::is_armed(model, "press R again") {
        return;
    }
    let now = model.now;
    let Some(arms) = model.arming.arms(now) else {
        return;
    };
    match predicate(&model.session_filter, now) {
        Ok(predicate) => {
            let ticket = model.ticket();
            let said = model.session_filter.text().to_owned();
            model.counting = Some((ticket, said, predicate.clone()));
            model.say("counting what fits ...", Tone::Plain);
            let predicate = Box::new(predicate);
            effects.push(Effect::Preview {
                arms,
                ticket,
                predicate,
            });
        }
        Err(reason) => model.say(reason, Tone::Warn),
    }
}

/// It was counted, or not.
pub(super) fn counted(
    model: &mut Model,
    ticket: u64,
    outcome: Result<Box<RevocationPreview>, Failed>,
    effects: &mut Vec<Effect>,
) {
    super::answer::link(model, outcome.as_ref().err(), effects);
    let is_waited_for =
        model.layer.is_none() && matches!(&model.counting, Some((waited, ..)) if *waited == ticket);
    let Some((_, said, predicate)) = model.counting.take().filter(|_| is_waited_for) else {
        return;
    };
    match outcome {
        Ok(preview) if preview.matched == 0 => model.say("no active session fits", Tone::Good),
        Ok(preview) => open(model, &said, predicate, &preview),
        Err(failed) => {
            model.say(failed.told(), Tone::Danger);
            model.note_error(format!("counting {said}: {}", failed.told()));
        }
    }
}

fn open(
    model: &mut Model,
    said: &str,
    predicate: RevocationPredicate,
    preview: &RevocationPreview,
) {
    let target = Target {
        id: String::new(),
        label: format!("Everything that fits  {said}"),
        own: false,
    };
    let as_number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let mut facts = vec![format!(
        "{} of {} at {}.",
        many(as_number(preview.matched), "active session"),
        many(as_number(preview.accounts), "account"),
        many(as_number(preview.clients), "client"),
    )];
    if preview.includes_own {
        facts.push("Your own session fits, too, and is spared.".to_owned());
    }
    let shown = preview.sample.iter().take(SHOWN);
    facts.extend(shown.map(|session| {
        let email = session.email.as_deref().unwrap_or("unknown");
        let ip = session.ip.as_deref().unwrap_or("no address");
        format!(
            "for example {email} {ip}, session {}",
            short(session.id, "...")
        )
    }));
    let mut confirm = Confirm::new(Verb::RevokeFiltered, vec![target], facts, model.now);
    confirm.filtered = Some(Box::new(Filtered {
        predicate,
        matched: preview.matched,
        as_of: preview.as_of.clone(),
    }));
    model.toast = None;
    model.layer = Some(Layer::Confirm(Box::new(confirm)));
}

/// The service is so far.
pub(super) fn progressed(model: &mut Model, job: u64, far: Far) {
    if let Some(Layer::Confirm(confirm)) = &mut model.layer
        && confirm.job == Some(job)
    {
        confirm.far = Some(far);
    }
}
