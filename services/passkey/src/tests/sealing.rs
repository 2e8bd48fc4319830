use countersign_events::{SessionId, Timestamp};
use uuid::Uuid;

use crate::tests::{account, passkeys, registered};
use crate::{BadChallenge, Challenge, Challenges, MAX_CHALLENGE_BYTES, PasskeyError, Purpose};

const SECRET: [u8; 32] = [7; 32];

fn challenges() -> Challenges {
    Challenges::new(&SECRET).expect("a secret")
}

fn challenge() -> Challenge {
    let now = Timestamp::from_millis(1_800_000_000_000);
    Challenge {
        id: Uuid::from_u128(5),
        purpose: Purpose::StepUp,
        account: Some(account(1)),
        session: Some(SessionId::generate(account(1), now, [3; 10])),
        expires_at: now,
        state: vec![0, 1, 2, 255],
    }
}

#[test]
fn a_challenge_survives_the_way_to_the_client_and_back() {
    let token = challenges().seal(&challenge()).unwrap();
    assert!(token.starts_with("csc_"), "{token}");
    assert_eq!(challenges().open(&token), Ok(challenge()));

    let nobody = Challenge {
        purpose: Purpose::SignIn,
        account: None,
        session: None,
        state: Vec::new(),
        ..challenge()
    };
    let token = challenges().seal(&nobody).unwrap();
    assert_eq!(challenges().open(&token), Ok(nobody));
}

#[test]
fn no_two_sealed_challenges_are_alike() {
    let (one, other) = (
        challenges().seal(&challenge()),
        challenges().seal(&challenge()),
    );
    assert_ne!(one.unwrap()[..24], other.unwrap()[..24]);
}

#[test]
fn a_challenge_with_any_character_changed_does_not_open() {
    let token = challenges().seal(&challenge()).unwrap();
    for place in 0..token.len() {
        for other in [b'A', b'_', b'z'] {
            let mut bytes = token.clone().into_bytes();
            if bytes[place] == other {
                continue;
            }
            bytes[place] = other;
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(challenges().open(&changed), Err(BadChallenge), "at {place}");
        }
    }
}

#[test]
fn a_challenge_with_any_bit_flipped_does_not_open() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let token = challenges().seal(&challenge()).unwrap();
    let sealed = URL_SAFE_NO_PAD.decode(&token[4..]).unwrap();
    for bit in 0..sealed.len() * 8 {
        let mut bytes = sealed.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let changed = format!("csc_{}", URL_SAFE_NO_PAD.encode(bytes));
        assert_eq!(challenges().open(&changed), Err(BadChallenge), "bit {bit}");
    }
}

#[test]
fn a_cut_or_lengthened_challenge_does_not_open() {
    let token = challenges().seal(&challenge()).unwrap();
    for length in 0..token.len() {
        assert_eq!(
            challenges().open(&token[..length]),
            Err(BadChallenge),
            "{length}"
        );
    }
    for more in ["A", "AAAA", "=", " ", "\n"] {
        assert_eq!(
            challenges().open(&format!("{token}{more}")),
            Err(BadChallenge)
        );
    }
    assert_eq!(challenges().open(&token[4..]), Err(BadChallenge));
    assert_eq!(challenges().open(&"csc_".repeat(9_000)), Err(BadChallenge));
}

#[test]
fn another_secret_opens_nothing() {
    let token = challenges().seal(&challenge()).unwrap();
    let mut secret = SECRET;
    secret[31] ^= 1;
    assert_eq!(
        Challenges::new(&secret).unwrap().open(&token),
        Err(BadChallenge)
    );
}

#[test]
fn a_short_secret_and_a_large_state_are_errors() {
    assert_eq!(
        Challenges::new(&[7; 31]).err(),
        Some(PasskeyError::ShortSecret)
    );
    let large = Challenge {
        state: vec![0; MAX_CHALLENGE_BYTES],
        ..challenge()
    };
    assert_eq!(challenges().seal(&large), Err(PasskeyError::LargeChallenge));
}

#[test]
fn the_state_of_an_authentication_with_many_keys_stays_small() {
    let passkeys = passkeys();
    let keys: Vec<_> = (0..20)
        .map(|_| registered(&passkeys, account(1)).1)
        .collect();
    let (_, state) = passkeys.start_authentication(&keys).unwrap();
    let token = challenges()
        .seal(&Challenge {
            state: state.to_vec(),
            ..challenge()
        })
        .unwrap();
    assert!(token.len() < 1_024, "{} characters", token.len());
}

#[test]
fn what_is_shown_of_a_challenge_leaves_out_its_state() {
    let shown = format!("{:?} {:?}", challenge(), challenges());
    assert!(!shown.contains("255"), "{shown}");
}
