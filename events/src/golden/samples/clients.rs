//! Clients, their grants, keys that end, and orders to end sessions.

use uuid::uuid;

use super::{ACCOUNT, CLIENT, KID, OPERATOR, SIGNING_KEY, at, bare, sealed, stored};
use crate::{
    Actor, ClientChanged, ClientDisabled, ClientEnabled, ClientEvent, ClientProfile,
    ClientRegistered, Envelope, GrantEvent, GrantId, GrantRevoked, KeyEvent, KeyRetired,
    KeyRevoked, KeyringId, KeysSet, RevocationCancelled, RevocationCompleted, RevocationCounted,
    RevocationEvent, RevocationId, RevocationRequested, RotationRequested, SecretAdded,
    SecretRemoved, TokensEnded,
};

const GRANT: GrantId = GrantId::from_uuid(uuid!("019e7044-8800-7a88-8001-0000000000a3"));
const ORDER: RevocationId = RevocationId::from_uuid(uuid!("019e7044-8800-7a99-8001-0000000000b4"));
const JWKS: &str = r#"{"keys":[]}"#;

/// By the operator, with what is sealed in it sealed under their data key.
fn operated<E>(envelope: Envelope<E>) -> Envelope<E> {
    Envelope {
        account: Some(OPERATOR),
        actor: Actor::Account(OPERATOR),
        ..envelope
    }
}

fn profile(name: &str, scopes: &[&str]) -> ClientProfile {
    ClientProfile {
        name: name.into(),
        serves: vec!["https://orders.example".into()],
        audiences: vec!["countersign".into(), "https://stock.example".into()],
        scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
    }
}

pub(super) fn all() -> Vec<(&'static str, Vec<u8>)> {
    [clients(), grants(), keys(), orders()].concat()
}

fn clients() -> Vec<(&'static str, Vec<u8>)> {
    let one = |n: u8, event: ClientEvent| {
        operated(bare(
            n,
            CLIENT,
            3_000 + i64::from(n),
            Actor::System,
            vec![event],
        ))
    };
    let added = |expires_at| SecretAdded {
        secret: SIGNING_KEY,
        expires_at,
    };
    let ended = |note| TokensEnded { note };
    vec![
        stored(
            "client.registered.v1.json",
            one(
                80,
                ClientRegistered {
                    profile: profile("orders", &["revocations:read"]),
                }
                .into(),
            ),
        ),
        stored(
            "client.changed.v1.json",
            one(
                81,
                ClientChanged {
                    profile: profile("orders 2", &[]),
                }
                .into(),
            ),
        ),
        stored(
            "client.secret_added.v1.json",
            one(82, added(Some(at(9_000))).into()),
        ),
        stored(
            "client.secret_added.v1.min.json",
            one(83, added(None).into()),
        ),
        stored(
            "client.secret_removed.v1.json",
            one(
                84,
                SecretRemoved {
                    secret: SIGNING_KEY,
                }
                .into(),
            ),
        ),
        stored(
            "client.keys_set.v1.json",
            one(85, KeysSet { jwks: JWKS.into() }.into()),
        ),
        stored(
            "client.tokens_ended.v1.json",
            one(86, ended(Some(sealed("incident 312"))).into()),
        ),
        stored(
            "client.tokens_ended.v1.min.json",
            one(87, ended(None).into()),
        ),
        stored("client.disabled.v1.json", one(88, ClientDisabled {}.into())),
        stored("client.enabled.v1.json", one(89, ClientEnabled {}.into())),
    ]
}

fn grants() -> Vec<(&'static str, Vec<u8>)> {
    let revoked = GrantEvent::from(GrantRevoked {
        client: CLIENT,
        forget_at: at(90_000),
    });
    vec![stored(
        "grant.revoked.v1.json",
        bare(90, GRANT, 3_100, Actor::Client(CLIENT), vec![revoked]),
    )]
}

fn keys() -> Vec<(&'static str, Vec<u8>)> {
    let retired = KeyEvent::from(KeyRetired { kid: KID.into() });
    let revoked = |note| {
        KeyEvent::from(KeyRevoked {
            kid: KID.into(),
            note,
        })
    };
    let wanted = |note| {
        KeyEvent::from(RotationRequested {
            kid: KID.into(),
            note,
        })
    };
    let by_operator =
        |n, second, event| operated(bare(n, KeyringId::ONLY, second, Actor::System, vec![event]));
    vec![
        stored(
            "key.rotation_requested.v1.json",
            by_operator(112, 3_121, wanted(Some(sealed("yearly")))),
        ),
        stored(
            "key.rotation_requested.v1.min.json",
            by_operator(113, 3_122, wanted(None)),
        ),
        stored(
            "key.retired.v1.json",
            bare(91, KeyringId::ONLY, 3_101, Actor::System, vec![retired]),
        ),
        stored(
            "key.revoked.v1.json",
            operated(bare(
                92,
                KeyringId::ONLY,
                3_102,
                Actor::System,
                vec![revoked(Some(sealed("incident 313")))],
            )),
        ),
        stored(
            "key.revoked.v1.min.json",
            bare(
                93,
                KeyringId::ONLY,
                3_103,
                Actor::Account(ACCOUNT),
                vec![revoked(None)],
            ),
        ),
    ]
}

fn orders() -> Vec<(&'static str, Vec<u8>)> {
    let requested = |note| {
        RevocationEvent::from(RevocationRequested {
            predicate: sealed(r#"{"network":"203.0.113.0/24"}"#),
            fence: vec![12, 0, 4_211],
            note,
        })
    };
    let one = |n: u8, event: RevocationEvent| {
        operated(bare(
            n,
            ORDER,
            3_200 + i64::from(n),
            Actor::System,
            vec![event],
        ))
    };
    vec![
        stored(
            "revocation.requested.v1.json",
            one(94, requested(Some(sealed("stuffing")))),
        ),
        stored("revocation.requested.v1.min.json", one(95, requested(None))),
        stored(
            "revocation.counted.v1.json",
            one(96, RevocationCounted { matched: 212 }.into()),
        ),
        stored(
            "revocation.completed.v1.json",
            one(
                97,
                RevocationCompleted {
                    ended: 209,
                    already_over: 2,
                    failed: 1,
                }
                .into(),
            ),
        ),
        stored(
            "revocation.cancelled.v1.json",
            one(98, RevocationCancelled { ended: 12 }.into()),
        ),
    ]
}
