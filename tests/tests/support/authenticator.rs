//! An authenticator made of software: one device with one passkey, and the
//! browser in front of it. It does what `WebAuthn` asks for, unless its
//! [`Quirks`] say otherwise.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const BACKUP_ELIGIBLE: u8 = 0x08;
const BACKED_UP: u8 = 0x10;
const HAS_KEY: u8 = 0x40;

/// Ways to misbehave. Without any, all is as it should be.
#[derive(Debug, Clone, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one flag of the protocol, set alone"
)]
pub(crate) struct Quirks {
    /// The page is of another origin: another site, or another port.
    pub(crate) origin: Option<String>,
    /// The page sits in a frame of another site.
    pub(crate) cross_origin: bool,
    /// The hash of another relying party is signed.
    pub(crate) rp_id: Option<String>,
    /// Another challenge is signed, in base64url.
    pub(crate) challenge: Option<String>,
    /// Nobody touches the device (UP = 0).
    pub(crate) absent: bool,
    /// The device does not verify its user (UV = 0).
    pub(crate) unverified: bool,
    /// The key may be copied to other devices (BE = 1).
    pub(crate) backup_eligible: bool,
    /// The key was copied to other devices (BS = 1).
    pub(crate) backed_up: bool,
    /// The signature is made over something else.
    pub(crate) wrong_signature: bool,
    /// The assertion does not say whom the passkey belongs to.
    pub(crate) nameless: bool,
    /// The assertion names this user handle instead of its owner's.
    pub(crate) user_handle: Option<Vec<u8>>,
}

/// A device with one passkey.
pub(crate) struct Authenticator {
    key: EcdsaKeyPair,
    origin: String,
    /// The id of its credential.
    pub(crate) id: Vec<u8>,
    /// Whom the passkey belongs to: known since its registration.
    user_handle: Option<Vec<u8>>,
    /// How many signatures it says it has made. The next says one more; a test
    /// that sets it back has made a copy of the device.
    pub(crate) counter: u32,
    /// Whether it counts at all; one that shares its keys says 0 for ever.
    pub(crate) counts: bool,
    /// What it does wrong.
    pub(crate) quirks: Quirks,
}

impl Authenticator {
    /// A new device, in a browser that shows a page of `origin`.
    pub(crate) fn new(origin: &str) -> Self {
        let mut id = vec![0; 32];
        aws_lc_rs::rand::fill(&mut id).expect("random bytes");
        Self {
            key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key"),
            origin: origin.to_owned(),
            id,
            user_handle: None,
            counter: 0,
            counts: true,
            quirks: Quirks::default(),
        }
    }

    /// `navigator.credentials.create`: the response to these options, as the
    /// browser's `toJSON` writes it.
    pub(crate) fn register(&mut self, options: &Value) -> Value {
        let options = public_key(options);
        let handle = text(options, "/user/id");
        self.user_handle = Some(URL_SAFE_NO_PAD.decode(handle).expect("a user handle"));
        let data = self.data(text(options, "/rp/id"), HAS_KEY, &self.attested());
        json!({
            "id": base64(&self.id),
            "rawId": base64(&self.id),
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": { "credProps": { "rk": true } },
            "response": {
                "attestationObject": base64(&attestation_object(&data)),
                "clientDataJSON": base64(&self.client_data("webauthn.create", options)),
                "transports": ["internal"],
            },
        })
    }

    /// `navigator.credentials.get`: the response to these options.
    pub(crate) fn assert(&mut self, options: &Value) -> Value {
        let options = public_key(options);
        if self.counts {
            self.counter += 1;
        }
        let data = self.data(text(options, "/rpId"), 0, &[]);
        let client_data = self.client_data("webauthn.get", options);
        let mut signed = [&data, digest(&SHA256, &client_data).as_ref()].concat();
        if self.quirks.wrong_signature {
            signed.push(0);
        }
        let signature = self
            .key
            .sign(&SystemRandom::new(), &signed)
            .expect("a signature");
        let other = self.quirks.user_handle.as_ref();
        let handle = other.or(self.user_handle.as_ref());
        let mut response = json!({
            "authenticatorData": base64(&data),
            "clientDataJSON": base64(&client_data),
            "signature": base64(signature.as_ref()),
        });
        if let Some(handle) = handle.filter(|_| !self.quirks.nameless) {
            response["userHandle"] = json!(base64(handle));
        }
        json!({
            "id": base64(&self.id),
            "rawId": base64(&self.id),
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": response,
        })
    }

    /// What the browser says it has shown (`CollectedClientData`).
    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        let challenge = match &self.quirks.challenge {
            Some(other) => other,
            None => text(options, "/challenge"),
        };
        json!({
            "type": kind,
            "challenge": challenge,
            "origin": self.quirks.origin.as_ref().unwrap_or(&self.origin),
            "crossOrigin": self.quirks.cross_origin,
        })
        .to_string()
        .into_bytes()
    }

    /// Authenticator data: relying party, flags, counter, and what follows.
    fn data(&self, rp_id: &str, flags: u8, rest: &[u8]) -> Vec<u8> {
        let quirks = &self.quirks;
        let rp_id = quirks.rp_id.as_deref().unwrap_or(rp_id);
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        let flags = flags
            | flag(!quirks.absent, USER_PRESENT)
            | flag(!quirks.unverified, USER_VERIFIED)
            | flag(quirks.backup_eligible, BACKUP_ELIGIBLE)
            | flag(quirks.backed_up, BACKED_UP);
        let mut data = digest(&SHA256, rp_id.as_bytes()).as_ref().to_vec();
        data.push(flags);
        data.extend(self.counter.to_be_bytes());
        data.extend(rest);
        data
    }

    /// Attested credential data: no model, the id, and the public key in COSE.
    fn attested(&self) -> Vec<u8> {
        let length = u16::try_from(self.id.len()).expect("a short id");
        // The point is uncompressed: one byte that says so, then x and y.
        let point = self.key.public_key().as_ref();
        let (x, y) = point[1..].split_at(32);
        // {1: 2 (EC2), 3: -7 (ES256), -1: 1 (P-256), -2: x, -3: y}
        let cose_head = [0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01];
        let mut data = vec![0; 16];
        data.extend(length.to_be_bytes());
        data.extend(&self.id);
        data.extend(cose_head);
        data.extend([0x21, 0x58, 0x20]);
        data.extend(x);
        data.extend([0x22, 0x58, 0x20]);
        data.extend(y);
        data
    }
}

/// `{"fmt": "none", "attStmt": {}, "authData": data}` in CBOR.
fn attestation_object(data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).expect("short data");
    let mut object = vec![0xa3, 0x63];
    object.extend(b"fmt");
    object.push(0x64);
    object.extend(b"none");
    object.push(0x67);
    object.extend(b"attStmt");
    object.push(0xa0);
    object.push(0x68);
    object.extend(b"authData");
    object.push(0x59);
    object.extend(length.to_be_bytes());
    object.extend(data);
    object
}

/// The options, with or without the member that wraps them.
fn public_key(options: &Value) -> &Value {
    options.get("publicKey").unwrap_or(options)
}

fn text<'a>(options: &'a Value, pointer: &str) -> &'a str {
    options
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("no {pointer} in the options"))
}

fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
