//! The service as a whole: shell, routes and parts put together.

use std::net::IpAddr;
use std::sync::Arc;

use countersign_log::random;
use countersign_openapi::ProblemCode;
use poem::{Endpoint, EndpointExt, Request, Route};
use uuid::Uuid;

use crate::app::App;
use crate::circumstances::Circumstances;
use crate::denied::Denied;
use crate::email::EmailAddress;
use crate::http::pages::Pages;
use crate::http::spec;
use crate::http::{Limits, RequestIds, Server, ServerReport, Shell, ShellConfig, TrustedProxies};
use crate::password::Password;
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
    let endpoint = Route::new()
        .nest("/", service().around(writable))
        .data(Arc::clone(&app))
        .map_to_response();
    let shell = Arc::new(Shell::new(endpoint, &document, config));
    let report = server.serve(shell, stop).await;
    app.feed.stop().await;
    Ok(report)
}

/// Lets nothing that writes pass while the log must not be appended to. Asked
/// here, before anything is looked up: what a damaged log has lost must not
/// come out as a wrong password or a forged token.
async fn writable<E: Endpoint>(endpoint: Arc<E>, request: Request) -> poem::Result<E::Output> {
    if !request.method().is_safe() {
        let app = request.data::<Arc<App>>();
        let app = app.ok_or_else(|| Denied::Broken("a request came without the service".into()))?;
        app.log.gate().check().map_err(Denied::from)?;
    }
    endpoint.call(request).await
}

impl App {
    /// Makes an account without a request: the first operator of a deployment.
    /// Its password follows the same rules as everybody's.
    pub async fn bootstrap(
        &self,
        email: &EmailAddress,
        password: &str,
        roles: &[&str],
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
        let id = create_account(self, &request, &registration, &hash, roles).await?;
        Ok(id.uuid())
    }
}
