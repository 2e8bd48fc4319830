use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Metadata, Subscriber, dispatcher};

use crate::tests::{account, passkeys, registered, start_registration};

/// Listens to everything and counts it.
#[derive(Clone, Default)]
struct Count(Arc<AtomicUsize>);

impl Subscriber for Count {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        self.0.fetch_add(1, Ordering::Relaxed);
        Id::from_u64(1)
    }

    fn event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[test]
fn the_library_logs_nothing_of_a_response() {
    let passkeys = passkeys();
    let count = Count::default();
    dispatcher::with_default(&Dispatch::new(count.clone()), || {
        tracing::info!("somebody listens");
        let (mut device, key) = registered(&passkeys, account(1));
        let keys = [key];
        let (options, state) = passkeys.start_authentication(&keys).unwrap();
        let good = device.assert(&options);
        let mut bad = good.clone();
        bad["response"]["authenticatorData"] = json!("AAAA");
        for response in [bad, good] {
            let _ = passkeys.finish_authentication(&state, &response, &keys);
        }
        let (options, state) = start_registration(&passkeys, account(1), &[]);
        let mut response = device.register(&options);
        response["response"]["attestationObject"] = json!("AAAA");
        assert!(passkeys.finish_registration(&state, &response).is_err());
    });
    assert_eq!(count.0.load(Ordering::Relaxed), 1, "only this test's line");
}
