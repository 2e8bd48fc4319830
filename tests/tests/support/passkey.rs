//! People with a passkey, and the places where it is shown.

use serde_json::{Value, json};

use super::{Answer, Authenticator, Call, Client, ISSUER, SignedIn, World, email};

/// A challenge that was handed out.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) token: String,
    pub(crate) options: Value,
}

impl Asked {
    #[track_caller]
    fn of(answer: &Answer) -> Self {
        let body = answer.json();
        assert_eq!(body["expires_in"], 300, "{body}");
        assert_eq!(answer.header("cache-control"), "no-store");
        Self {
            token: body["challenge_token"].as_str().expect("text").to_owned(),
            options: body["options"].clone(),
        }
    }

    /// What goes into a body when this device has signed.
    pub(crate) fn signed(&self, device: &mut Authenticator) -> Value {
        json!({ "challenge_token": self.token, "credential": device.assert(&self.options) })
    }
}

/// The places where a passkey is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// A login with nothing else.
    SignIn,
    /// The second step of a login.
    SecondFactor,
    /// A session that is raised.
    StepUp,
}

impl Door {
    pub(crate) const ALL: [Self; 3] = [Self::SignIn, Self::SecondFactor, Self::StepUp];

    /// What somebody brings to this door: for the second step the token of a
    /// first one that is made now, for a step-up the access token of `session`.
    pub(crate) async fn approach(self, client: &Client, email: &str, session: &SignedIn) -> Way {
        let with = match self {
            Self::SignIn => String::new(),
            Self::SecondFactor => client.begin_login(email).await,
            Self::StepUp => session.access.clone(),
        };
        Way { door: self, with }
    }

    /// What it says to whom it does not let in.
    pub(crate) fn refusal(self) -> &'static str {
        match self {
            Self::SignIn => "invalid_credentials",
            Self::SecondFactor | Self::StepUp => "mfa_invalid",
        }
    }
}

/// A door, and what is brought to it beside the passkey.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    pub(crate) door: Door,
    with: String,
}

impl Way {
    /// Asks for a challenge.
    pub(crate) fn options(&self, client: &Client) -> Call {
        let path = "/v1/auth/passkey/options";
        match self.door {
            Door::SignIn => client.post(path, &json!({})),
            Door::SecondFactor => client.post(path, &json!({ "mfa_token": self.with })),
            Door::StepUp => client.post(path, &json!({})).by(&self.with),
        }
    }

    pub(crate) async fn ask(&self, client: &Client) -> Asked {
        Asked::of(&self.options(client).send().await.expect(200))
    }

    /// Shows what was signed.
    pub(crate) fn show(&self, client: &Client, signed: &Value) -> Call {
        match self.door {
            Door::SignIn => client.post("/v1/auth/passkey", signed),
            Door::SecondFactor => {
                let form =
                    json!({ "mfa_token": self.with, "method": "passkey", "passkey": signed });
                client.post("/v1/auth/mfa", &form)
            }
            Door::StepUp => {
                let form = json!({ "method": "passkey", "passkey": signed });
                client.post("/v1/auth/step-up", &form).by(&self.with)
            }
        }
    }

    /// Asks, signs and shows.
    pub(crate) async fn pass(&self, client: &Client, device: &mut Authenticator) -> Answer {
        let signed = self.ask(client).await.signed(device);
        self.show(client, &signed).send().await
    }

    /// The same, which must not be let in.
    pub(crate) async fn refuses(&self, client: &Client, signed: &Value, why: &str) {
        let answer = self.show(client, signed).send().await;
        let told = (answer.status, answer.code());
        let expected = (401, self.door.refusal().to_owned());
        assert_eq!(
            told,
            expected,
            "{why} at {:?}: {}",
            self.door,
            answer.text()
        );
        assert!(answer.cookies().is_empty());
    }
}

/// Somebody with one passkey and no other factor.
pub(crate) struct Keyed {
    pub(crate) email: String,
    pub(crate) device: Authenticator,
    pub(crate) factor: String,
    pub(crate) recovery_codes: Vec<String>,
    /// The session in which it was added, raised by that.
    pub(crate) session: SignedIn,
}

impl Keyed {
    /// Registers and adds a passkey.
    pub(crate) async fn new(world: &World, name: &str) -> Self {
        Self::with(world, name, Authenticator::new(ISSUER)).await
    }

    pub(crate) async fn with(world: &World, name: &str, mut device: Authenticator) -> Self {
        let email = email(name);
        let session = world.register(&email).await;
        let confirmed = world.add_passkey(&session.access, &mut device).await;
        let body = confirmed.json();
        let codes = body["recovery_codes"].as_array().expect("codes").iter();
        Self {
            factor: body["factor"]["id"].as_str().expect("an id").to_owned(),
            recovery_codes: codes
                .map(|code| code.as_str().expect("a code").to_owned())
                .collect(),
            session: SignedIn {
                access: access_of(&confirmed),
                position: confirmed.position(),
                ..session
            },
            email,
            device,
        }
    }

    pub(crate) async fn way(&self, client: &Client, door: Door) -> Way {
        door.approach(client, &self.email, &self.session).await
    }

    /// A login with the passkey alone.
    pub(crate) async fn sign_in(&mut self, client: &Client) -> Answer {
        let way = self.way(client, Door::SignIn).await;
        way.pass(client, &mut self.device).await
    }
}

/// The access token of an answer.
#[track_caller]
pub(crate) fn access_of(answer: &Answer) -> String {
    let body = answer.json();
    let token = body["access_token"].as_str();
    token.unwrap_or_else(|| panic!("{body}")).to_owned()
}

impl Client {
    pub(crate) fn offer_passkey(&self, access: &str) -> Call {
        self.post("/v1/me/factors/passkeys", &json!({})).by(access)
    }

    /// Confirms an offer with what the device has made of it.
    pub(crate) fn confirm_passkey(&self, access: &str, offer: &Value, made: &Value) -> Call {
        let form = json!({ "id": offer["id"], "credential": made, "name": "laptop" });
        self.post("/v1/me/factors/passkeys/confirm", &form)
            .by(access)
    }

    /// Both, which must work.
    pub(crate) async fn add_passkey(&self, access: &str, device: &mut Authenticator) -> Answer {
        let offer = self.offer_passkey(access).send().await.expect(200).json();
        let made = device.register(&offer["options"]);
        let confirm = self.confirm_passkey(access, &offer, &made);
        confirm.send().await.expect(200)
    }

    /// The second factors of whoever has the token.
    pub(crate) async fn factors(&self, access: &str) -> Vec<Value> {
        self.get("/v1/me/factors").by(access).send().await.items()
    }
}
