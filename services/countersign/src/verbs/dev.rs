//! `countersign dev`: everything on this machine, in one directory.

use std::fs;
use std::path::{Path, PathBuf};

use countersign_api::{App, Clock, Denied, EmailAddress, TotpSeed};
use countersign_events::ClientId;
use countersign_log::{KeyEncryptionKey, random};
use countersign_openapi::{ClientProfile, Secret};
use countersign_projector::Projector;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use crate::demo::{self, Book, Demo, Person};
use crate::mail;
use crate::parts::{self, Failure};
use crate::settings::Settings;
use crate::stack::{Pids, Stack, StackConfig};
use crate::stopping;

/// What `dev` is told on the command line.
pub struct Dev {
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// Whether acknowledged writes survive a power cut.
    pub durable: bool,
    /// Steps a second of people who do not exist, if there are any.
    pub demo_rate: Option<u32>,
}

/// The operator that `dev` makes at first start.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Operator {
    email: String,
    password: String,
    /// The seed of the operator's authenticator app, in base32; none for one
    /// that was made before there were any.
    totp_secret: Option<String>,
}

/// The client that `dev` makes at first start.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct ExampleClient {
    id: ClientId,
    secret: Secret,
}

/// `dev.json`: how programs on this machine find the deployment.
#[derive(Serialize)]
struct DevFile<'a> {
    url: &'a str,
    nats_url: &'a str,
    postgres_url: &'a str,
    operator: &'a Operator,
    client: &'a ExampleClient,
    pids: DevPids,
}

#[derive(Serialize)]
struct DevPids {
    nats: u32,
    postgres: u32,
}

/// Runs until told to stop.
pub async fn dev(mut settings: Settings, dev: Dev) -> Result<(), Failure> {
    let server = parts::bind(&settings)?;
    let address = server.local_addr();
    note(&format!("data in {}", dev.data_dir.display()));
    note("starting nats-server and Postgres ...");
    let stack = Stack::start(StackConfig {
        data_dir: dev.data_dir.clone(),
        durable: dev.durable,
        max_connections: 100,
    })
    .await?;
    if !dev.durable {
        note(
            "acknowledged writes survive crashes of processes, not of the machine (--durable changes that)",
        );
    }
    let outcome = run(&mut settings, &dev, &stack, server, address).await;
    note("stopping ...");
    stack.stop().await;
    outcome
}

async fn run(
    settings: &mut Settings,
    dev: &Dev,
    stack: &Stack,
    server: countersign_api::http::Server,
    address: std::net::SocketAddr,
) -> Result<(), Failure> {
    let endpoints = stack.endpoints().clone();
    let kek = own_file(&dev.data_dir.join("kek"), || {
        Ok(KeyEncryptionKey::generate()?.to_string())
    })?;
    settings.suggest("kek", kek.trim());
    settings.suggest("nats_url", endpoints.nats_url.expose_secret());
    settings.suggest("postgres_url", endpoints.postgres_url.expose_secret());
    let checkpoint = dev.data_dir.join("checkpoint");
    settings.suggest("checkpoint_file", &checkpoint.to_string_lossy());

    let mails = dev.data_dir.join("mail");
    settings.suggest("mail_transport", &mails.to_string_lossy());

    if dev.demo_rate.is_some() {
        // The people of the demonstration say where they are.
        let proxies = format!("127.0.0.1, ::1, {}", address.ip());
        settings.suggest("trusted_proxies", &proxies);
    }
    let clock = Clock::system();
    let log = parts::log(settings).await?;
    let options = parts::projector(settings, &log, &clock).await?;
    let projector = Projector::start(log.clone(), parts::postgres(settings)?, options);
    let url = format!("http://{address}");
    let stop = stopping::signal();
    let mut stop = std::pin::pin!(stop);
    let starting = async {
        let app = parts::app(settings, &log, clock.clone(), address).await?;
        log.gate().decided().await;
        let mailer = mail::start(settings, &log, &clock, &app.config.issuer).await?;
        let operator = operator(&app, &dev.data_dir).await?;
        let client = example_client(&app, &dev.data_dir).await?;
        let demo = match dev.demo_rate {
            Some(rate) => Some((demo_people(&app, &dev.data_dir).await?, rate)),
            None => None,
        };
        Ok::<_, Failure>((app, mailer, operator, client, demo))
    };
    let (app, mailer, operator, client, demo) = tokio::select! {
        started = starting => started?,
        () = &mut stop => {
            projector.stop().await;
            return Ok(());
        }
    };
    let mut pids = stack.pids();
    let file = dev.data_dir.join("dev.json");
    let write = |pids: Pids| {
        let content = DevFile {
            url: &url,
            nats_url: endpoints.nats_url.expose_secret(),
            postgres_url: endpoints.postgres_url.expose_secret(),
            operator: &operator,
            client: &client,
            pids: DevPids {
                nats: pids.nats,
                postgres: pids.postgres,
            },
        };
        let text = serde_json::to_string_pretty(&content).map_err(Failure::other)?;
        write_private(&file, &(text + "\n"))
    };
    write(*pids.borrow_and_update())?;
    let shell = parts::shell(settings)?;
    let (ending, ended) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(countersign_api::serve(server, app, shell, async {
        let _ = ended.await;
    }));
    note(&format!(
        "operator  {}  password  {}  authenticator seed  {}",
        operator.email,
        operator.password,
        operator.totp_secret.as_deref().unwrap_or("none")
    ));
    note(&format!("mails are not sent but listed at {url}/dev/mail"));
    note(&format!(
        "documentation at {url}/docs, everything a program needs in {}",
        file.display()
    ));
    let demo = demo.map(|(book, rate)| {
        note(&format!(
            "demonstration: people who do not exist come and go, {rate} steps a second"
        ));
        let url = url.clone();
        tokio::spawn(demonstrate(Demo {
            url,
            book,
            rate,
            clock,
        }))
    });
    crate::say(&format!("countersign ready {url}"));
    loop {
        tokio::select! {
            () = &mut stop => break,
            changed = pids.changed() => {
                if changed.is_err() {
                    break;
                }
                write(*pids.borrow_and_update())?;
            }
        }
    }
    if let Some(demo) = demo {
        demo.abort();
        let _ = demo.await;
    }
    let _ = ending.send(());
    serving.await.map_err(Failure::other)??;
    mailer.stop().await;
    projector.stop().await;
    Ok(())
}

/// The operator's login, made once and kept beside the data.
async fn operator(app: &App, data_dir: &Path) -> Result<Operator, Failure> {
    let path = data_dir.join("operator.json");
    let text = own_file(&path, || {
        let operator = Operator {
            email: "operator@countersign.test".into(),
            password: readable_password()?,
            totp_secret: Some(TotpSeed::draw()?.to_base32().to_string()),
        };
        serde_json::to_string(&operator).map_err(Failure::other)
    })?;
    let operator: Operator = serde_json::from_str(&text).map_err(Failure::other)?;
    let email = EmailAddress::parse(&operator.email).map_err(Failure::other)?;
    let seed = operator.totp_secret.as_deref();
    let seed = seed.map(TotpSeed::from_base32).transpose();
    let seed = seed.map_err(Failure::other)?;
    let roles = ["user", "operator"];
    match app
        .bootstrap(&email, &operator.password, &roles, seed.as_ref())
        .await
    {
        Ok(_) | Err(Denied::EmailTaken) => Ok(operator),
        Err(error) => Err(error.into()),
    }
}

/// Who comes and goes, and an operator among them, made once.
async fn demo_people(app: &App, data_dir: &Path) -> Result<Book, Failure> {
    let mut book = Book::open(data_dir.join("demo.json"), || {
        Person::operator(Secret::new(TotpSeed::draw()?.to_base32().as_str()))
    })?;
    let (email, password, seed) = book.operator().credentials()?;
    let seed = seed.map(|seed| TotpSeed::from_base32(seed.expose()));
    let seed = seed.transpose().map_err(Failure::other)?;
    let roles = ["user", "operator"];
    let made = app.bootstrap(&email, password.expose(), &roles, seed.as_ref());
    match made.await {
        Ok(_) | Err(Denied::EmailTaken) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(book)
}

/// Nothing else depends on it: if it fails, that is said.
async fn demonstrate(demo: Demo) {
    if let Err(failure) = demo::run(demo).await {
        note(&format!("the demonstration ended: {failure}"));
    }
}

/// A client that may follow the revocation feed and accepts the deployment's
/// tokens, made once and kept beside the data.
async fn example_client(app: &App, data_dir: &Path) -> Result<ExampleClient, Failure> {
    let path = data_dir.join("client.json");
    if let Ok(text) = fs::read_to_string(&path)
        && let Ok(client) = serde_json::from_str::<ExampleClient>(&text)
        && app.knows_client(client.id).await?
    {
        return Ok(client);
    }
    let audience = app.config.audience.clone();
    let made = app
        .make_client(ClientProfile {
            name: "example".into(),
            serves: vec![audience.clone()],
            audiences: vec![audience],
            scopes: vec!["revocations:read".into()],
        })
        .await?;
    let client = ExampleClient {
        id: made.id,
        secret: made.secret,
    };
    let text = serde_json::to_string(&client).map_err(Failure::other)?;
    write_private(&path, &text)?;
    Ok(client)
}

/// 100 bits in groups of five, without letters that look alike.
pub(crate) fn readable_password() -> Result<String, Failure> {
    const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";
    let bytes = random::<20>()?;
    let letters: Vec<u8> = bytes
        .iter()
        .map(|byte| LETTERS[usize::from(byte % 32)])
        .collect();
    let groups: Vec<_> = letters.chunks(5).map(String::from_utf8_lossy).collect();
    Ok(groups.join("-"))
}

/// The content of a private file, which is made if it is not there.
fn own_file(
    path: &Path,
    make: impl FnOnce() -> Result<String, Failure>,
) -> Result<String, Failure> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let text = make()?;
            write_private(path, &text)?;
            Ok(text)
        }
        Err(error) => Err(Failure::io(path.display().to_string())(error)),
    }
}

/// The same for one that is written again.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), Failure> {
    let written = countersign_tui::write_private(path, text.as_bytes());
    written.map_err(Failure::io(path.display().to_string()))
}

/// A line for the person who started it.
fn note(line: &str) {
    crate::tell(line);
}
