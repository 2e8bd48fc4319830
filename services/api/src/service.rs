//! The service as a whole: shell, routes and parts put together.

use std::net::IpAddr;
use std::sync::Arc;

use countersign_domain::{AccountCommand, FactorCommand};
use countersign_events::{AccountId, Actor, FactorKind, SignalKind};
use countersign_log::random;
use countersign_openapi::ProblemCode;
use poem::http::Method;
use poem::{Endpoint, EndpointExt, Request};
use uuid::Uuid;

use crate::access::AccessTable;
use crate::account_pages;
use crate::app::App;
use crate::circumstances::{self, Circumstances};
use crate::denied::Denied;
use crate::dev_mail::with_dev_mail;
use crate::email::EmailAddress;
use crate::factor::TotpSeed;
use crate::factor::recovery;
use crate::http::origin::cross_site;
use crate::http::pages::Pages;
use crate::http::spec;
use crate::http::{
    self, Limits, RequestIds, Server, ServerReport, Shell, ShellConfig, TrustedProxies,
};
use crate::janitor::Janitor;
use crate::keys::Rotation;
use crate::password::Password;
use crate::revocation::Runner;
use crate::routes::auth::{Registration, create_account};
use crate::routes::{problems, service};

/// What the shell is told beside the rules of the service.
#[derive(Debug, Clone, Default)]
pub struct ShellSettings {
    /// The proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: TrustedProxies,
    /// The bounds of connections and requests.
    pub limits: Limits,
}

/// The OpenAPI document of the service.
pub fn document() -> Result<String, spec::SpecError> {
    let table = problems();
    let table: Vec<(&str, &[ProblemCode])> = table
        .iter()
        .map(|(operation, codes)| (*operation, codes.as_slice()))
        .collect();
    spec::finish(&service().spec(), &table)
}

/// Serves until `stop` is ready, then finishes what is under way.
pub async fn serve(
    server: Server,
    app: Arc<App>,
    settings: ShellSettings,
    stop: impl Future<Output = ()>,
) -> Result<ServerReport, Denied> {
    let broken = |error: &dyn std::fmt::Display| Denied::Broken(error.to_string());
    let document = document().map_err(|error| broken(&error))?;
    let pages = Pages::new(document.clone())
        .with_docs(&document, service().swagger_ui_html())
        .map_err(|error| broken(&error))?;
    let pages = account_pages::add_to(pages);
    let clock = app.clock.clone();
    let seed = random::<16>()?;
    let (high, low) = Uuid::from_bytes(seed).as_u64_pair();
    let millis = move || u64::try_from(clock.now().as_millis()).unwrap_or_default();
    let config = ShellConfig {
        https: app.config.issuer.starts_with("https://"),
        trusted_proxies: settings.trusted_proxies,
        ids: RequestIds::new(Box::new(millis), [high, low]),
        limits: settings.limits,
        pages,
        observe: None,
    };
    let endpoint = service()
        .around(guarded)
        .around(with_dev_mail)
        .data(Arc::clone(&app))
        .map_to_response();
    let shell = Arc::new(Shell::new(endpoint, &document, config));
    let runner = Runner::start(&app).await?;
    let janitor = Janitor::start(&app);
    let rotation = Rotation::start(&app);
    let closing = app.closing.clone();
    let stop = async move {
        stop.await;
        closing.cancel();
    };
    let report = server.serve(shell, stop).await;
    rotation.stop().await;
    runner.stop().await;
    janitor.stop().await;
    app.feed.stop().await;
    Ok(report)
}

/// Lets nothing that writes pass that comes from another site's page, or while
/// the log must not be appended to. Asked here, before anything is looked up:
/// what a damaged log has lost must not come out as a wrong password or a
/// forged token.
async fn guarded<E: Endpoint>(endpoint: Arc<E>, request: Request) -> poem::Result<E::Output> {
    if !request.method().is_safe() {
        let app = request.data::<Arc<App>>();
        let app = app.ok_or_else(|| Denied::Broken("a request came without the service".into()))?;
        if cross_site(request.method(), request.headers(), &app.origins).is_err() {
            let circumstances = Circumstances::from(circumstances::of(&request)?);
            let kind = SignalKind::CrossSite;
            app.observe(&circumstances, kind, None).await;
            return Err(Denied::CrossSite.into());
        }
        // Verifiers have to know where they stand, and may ask, also of a log
        // that cannot be written: neither is written to it.
        let writes =
            !["/v1/revocations/report", "/oauth2/introspect"].contains(&request.uri().path());
        if writes {
            app.log.gate().check().map_err(Denied::from)?;
        }
    }
    endpoint.call(request).await
}

/// What every operation of the document asks of its caller.
pub(crate) fn access() -> Result<AccessTable, Denied> {
    let broken = |error: &dyn std::fmt::Display| Denied::Broken(error.to_string());
    let document: serde_json::Value =
        serde_json::from_str(&service().spec()).map_err(|error| broken(&error))?;
    let operations = http::operations(&document);
    let parsed = operations.map(|(method, pattern, id)| {
        let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes());
        method.map(|method| (method, pattern, id))
    });
    let parsed: Result<Vec<_>, _> = parsed.collect();
    let parsed = parsed.map_err(|error| broken(&error))?;
    AccessTable::new(parsed.into_iter())
}

impl App {
    /// Makes an account without a request: the first operator of a deployment.
    /// Its password follows the same rules as everybody's. With `seed`, the
    /// account has an authenticator app with this seed from the start.
    pub async fn bootstrap(
        &self,
        email: &EmailAddress,
        password: &str,
        roles: &[&str],
        seed: Option<&TotpSeed>,
    ) -> Result<Uuid, Denied> {
        let typed = Password::new(password);
        self.password_policy.check(&typed, &[email.as_str()])?;
        let hash = self.hashing.hash(typed).await?;
        let request = Circumstances {
            now: self.clock.now(),
            correlation: Uuid::from_bytes(random()?),
            trace_parent: None,
            ip: IpAddr::from([127, 0, 0, 1]),
            network: "bootstrap".into(),
            user_agent: None,
        };
        let registration = Registration::of(email.clone(), Some("Operator".into()));
        let (id, _) = create_account(self, &request, &registration, &hash, roles).await?;
        if let Some(seed) = seed {
            self.give_totp(&request, id, seed.bytes()).await?;
        }
        Ok(id.uuid())
    }

    /// Makes a seed that its owner has been given otherwise a second factor.
    async fn give_totp(
        &self,
        request: &Circumstances,
        id: AccountId,
        seed: &[u8],
    ) -> Result<(), Denied> {
        let (credential, _) = self
            .offer(request, id, FactorKind::Totp, seed, |command| command)
            .await?;
        let (set, _) = self.draw_codes(request, id).await?;
        let meta = request.meta(Actor::System, None)?;
        let command = AccountCommand::Factor(FactorCommand::Confirm {
            credential,
            now: request.now,
            name: None,
            recovery_codes: (set, recovery::CODES),
        });
        self.accounts.execute(id, &meta, &command).await?;
        Ok(())
    }
}
