//! Verbs to what they do.

use super::Verb;
use crate::parts::Failure;
use crate::settings::Settings;
use crate::{Exit, stopping, tell, verbs};

/// What a verb does that waits for something.
pub(super) async fn perform(verb: Verb, settings: Settings) -> Result<Exit, Failure> {
    if goes_on(&verb) {
        return begin(verb, settings).await;
    }
    tokio::select! {
        // Signals are listened for before anything is done or said.
        biased;
        () = stopping::signal() => {
            tell("countersign: given up; what was asked for may have been done");
            Ok(Exit::Cancelled)
        }
        outcome = begin(verb, settings) => outcome,
    }
}

/// Whether it goes on until Ctrl-C, which is then a good end.
fn goes_on(verb: &Verb) -> bool {
    matches!(
        verb,
        Verb::Dev { .. }
            | Verb::Serve
            | Verb::Project
            | Verb::Console(_)
            | Verb::Events {
                what: verbs::Events::Tail { .. },
                ..
            }
    )
}

async fn begin(verb: Verb, settings: Settings) -> Result<Exit, Failure> {
    match verb {
        Verb::Dev {
            data_dir,
            durable,
            demo,
            demo_rate,
        } => {
            let demo_rate = demo.then_some(demo_rate);
            let dev = verbs::Dev {
                data_dir,
                durable,
                demo_rate,
            };
            verbs::dev(settings, dev).await?;
            Ok(Exit::Done)
        }
        Verb::Serve => verbs::serve(&settings).await.map(|()| Exit::Done),
        Verb::Project => verbs::project(&settings).await.map(|()| Exit::Done),
        Verb::Replay {
            verify,
            back,
            data_dir,
            format,
        } => {
            let settings = verbs::of_dev(settings, data_dir)?;
            match (verify, back) {
                (true, _) => verbs::verify(&settings, format.output).await,
                (false, true) => verbs::switch_back(&settings, format.output).await,
                (false, false) => verbs::replay(&settings, format.output).await,
            }
        }
        Verb::Repair {
            shard,
            data_dir,
            format,
        } => {
            let settings = verbs::of_dev(settings, data_dir)?;
            verbs::repair(&settings, shard, format.output).await
        }
        Verb::Bootstrap {
            email,
            totp,
            format,
        } => {
            verbs::bootstrap(&settings, &email, totp, format.output).await?;
            Ok(Exit::Done)
        }
        Verb::Console(options) => verbs::console(options).await,
        Verb::Sessions { what, operate } => verbs::sessions(what, &operate).await,
        Verb::Revocations { what, operate } => verbs::revocations(what, &operate).await,
        Verb::Accounts { what, operate } => verbs::accounts(what, &operate).await,
        Verb::Events { what, operate } => verbs::events(what, &operate).await,
        Verb::Projections { what, operate } => verbs::projections(what, &operate).await,
        Verb::Clients { what, operate } => verbs::clients(what, &operate).await,
        Verb::Keys { what, operate } => verbs::keys(what, &operate).await,
        Verb::Verifiers { what, operate } => verbs::verifiers(what, &operate).await,
        Verb::Openapi | Verb::Config { .. } | Verb::Completions { .. } | Verb::Man { .. } => {
            Err(Failure::other("a document waits for nothing"))
        }
    }
}
