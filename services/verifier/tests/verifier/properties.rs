//! No mutation of a token is believed, and no text makes the verifier fall
//! over.

use crate::support::{
    AUDIENCE, ISSUER, NOW, claims, es256_header, given_signed_with, key, signed, verifier,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_verifier::{
    Algorithm, Audience, Claims, KeySet, PublicKey, Refusal, SigningKey, bearer,
};
use proptest::prelude::*;
use uuid::Uuid;

#[derive(Debug, Clone)]
enum Mutation {
    Replace(usize, char),
    Insert(usize, char),
    Remove(usize),
    Swap(usize, usize),
    Truncate(usize),
    Repeat(usize, usize),
}

/// Mostly what a token consists of, sometimes anything.
fn character() -> impl Strategy<Value = char> {
    prop_oneof![8 => "[A-Za-z0-9_.-]".prop_map(|c| c.chars().next().unwrap_or('A')), 1 => any::<char>()]
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let at = 0..1000_usize;
    prop_oneof![
        (at.clone(), character()).prop_map(|(at, c)| Mutation::Replace(at, c)),
        (at.clone(), character()).prop_map(|(at, c)| Mutation::Insert(at, c)),
        at.clone().prop_map(Mutation::Remove),
        (at.clone(), at.clone()).prop_map(|(a, b)| Mutation::Swap(a, b)),
        at.clone().prop_map(Mutation::Truncate),
        (at.clone(), at).prop_map(|(a, b)| Mutation::Repeat(a, b)),
    ]
}

fn mutated(token: &str, mutations: &[Mutation]) -> String {
    let mut chars: Vec<char> = token.chars().collect();
    for mutation in mutations {
        let length = chars.len().max(1);
        if chars.is_empty() {
            break;
        }
        match *mutation {
            Mutation::Replace(at, c) => chars[at % length] = c,
            Mutation::Insert(at, c) => chars.insert(at % length, c),
            Mutation::Remove(at) => drop(chars.remove(at % length)),
            Mutation::Swap(a, b) => chars.swap(a % length, b % length),
            Mutation::Truncate(at) => chars.truncate(at % length),
            Mutation::Repeat(a, b) => {
                let (from, to) = ((a % length).min(b % length), (a % length).max(b % length));
                chars.extend_from_within(from..to);
            }
        }
    }
    chars.into_iter().collect()
}

fn algorithm() -> impl Strategy<Value = Algorithm> {
    prop_oneof![
        Just(Algorithm::Es256),
        Just(Algorithm::EdDsa),
        Just(Algorithm::Rs256)
    ]
}

fn any_claims() -> impl Strategy<Value = Claims> {
    let text = || ".{0,20}";
    let name = || ".{1,20}";
    let ids = (any::<u128>(), any::<u128>());
    let person = (
        proptest::option::of(text()),
        prop::collection::vec(text(), 0..4),
        proptest::option::of(any::<u64>()),
    );
    let others = (
        name(),
        name(),
        any::<u64>(),
        text(),
        prop::collection::vec(text(), 0..4),
    );
    (ids, person, others, prop::collection::vec(name(), 0..3)).prop_map(
        |((sub, sid), (acr, amr, auth_time), (jti, client_id, epoch, scope, roles), mut aud)| {
            aud.push(AUDIENCE.into());
            Claims {
                iss: ISSUER.into(),
                sub: Uuid::from_u128(sub),
                sid: Uuid::from_u128(sid),
                aud: Audience::several(aud).expect("there is one"),
                jti,
                client_id,
                epoch,
                scope,
                roles,
                acr,
                amr,
                auth_time,
                ..claims()
            }
        },
    )
}

proptest! {
    #[test]
    fn a_mutated_token_is_never_believed(
        algorithm in algorithm(),
        mutations in prop::collection::vec(mutation(), 1..4),
    ) {
        let given = given_signed_with(algorithm);
        let token = given.token();
        let mutated = mutated(&token, &mutations);
        prop_assume!(mutated != token);
        prop_assert!(given.verifier.check(&mutated, NOW).is_err());
    }

    #[test]
    fn one_flipped_bit_is_never_believed(algorithm in algorithm(), at in any::<usize>(), bit in 0..8_u8) {
        let given = given_signed_with(algorithm);
        let token = given.token();
        let decoded: Vec<Vec<u8>> = token
            .split('.')
            .map(|part| URL_SAFE_NO_PAD.decode(part).expect("it is base64url"))
            .collect();
        let mut bytes = decoded.concat();
        let at = at % bytes.len();
        bytes[at] ^= 1_u8 << bit;
        let (header, rest) = bytes.split_at(decoded[0].len());
        let (payload, signature) = rest.split_at(decoded[1].len());
        let flipped = [header, payload, signature].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
        prop_assert!(given.verifier.check(&flipped, NOW).is_err());
    }

    #[test]
    fn any_text_is_refused_without_a_panic(text in ".*", parts in prop::array::uniform3(any::<Vec<u8>>())) {
        let verifier = verifier();
        prop_assert!(verifier.check(&text, NOW).is_err());
        let encoded = parts.each_ref().map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
        prop_assert!(verifier.check(&encoded, NOW).is_err());
        let _ = bearer(Some(&text));
        let _ = KeySet::from_jwks(&text);
        let _ = serde_json::from_str::<Claims>(&text);
        for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256] {
            let _ = PublicKey::from_raw(algorithm, &parts[0]);
            let _ = PublicKey::from_base64url(algorithm, &text);
            let _ = SigningKey::from_pkcs8(algorithm, &parts[1]);
        }
    }

    #[test]
    fn whatever_the_issuer_signs_there_is_no_panic(payload in any::<Vec<u8>>(), header in ".*", now in any::<u64>()) {
        let es256 = key(Algorithm::Es256);
        let payload = String::from_utf8_lossy(&payload);
        let signed_payload = signed(es256, &es256_header(), &payload);
        prop_assert!(verifier().check(&signed_payload, now).is_err());
        prop_assert!(verifier().check(&signed(es256, &header, &payload), now).is_err());
    }

    #[test]
    fn what_is_minted_is_read_back_the_same(claims in any_claims(), algorithm in algorithm()) {
        let token = key(algorithm).mint(&claims).expect("it can mint");
        prop_assert_eq!(verifier().check(&token, NOW), Ok(claims));
    }

    #[test]
    fn times_are_checked_without_overflow(
        exp in edge(), iat in edge(), nbf in edge(), now in edge(), leeway in edge(),
    ) {
        let claims = Claims { exp, iat, nbf, ..claims() };
        let token = key(Algorithm::EdDsa).mint(&claims).expect("it can mint");
        let verifier = verifier().with_leeway_seconds(leeway);
        let leeway = u128::from(leeway.min(120));
        let [e, i, n, t] = [exp, iat, nbf, now].map(u128::from);
        // The same rules in numbers that cannot overflow; at the end of u64
        // the sums stop, which only refuses more.
        let good = t < e + leeway && n <= t + leeway && i <= t + 60 && e <= i + 1800;
        match verifier.check(&token, now) {
            Ok(_) => prop_assert!(good),
            Err(Refusal::Expired | Refusal::NotYetValid | Refusal::IssuedInFuture | Refusal::LifetimeTooLong) =>
                prop_assert!(!good || now > u64::MAX - 120),
            Err(other) => prop_assert!(false, "{:?}", other),
        }
    }
}

/// Times around now and around the ends of the range.
fn edge() -> impl Strategy<Value = u64> {
    prop_oneof![
        NOW - 2000..NOW + 2000,
        0..200_u64,
        u64::MAX - 200..=u64::MAX,
        any::<u64>(),
    ]
}
