//! The part with a terminal, a clock and a network.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::EventStream;
use futures_util::StreamExt;
use rustix::process::{Signal, kill_current_process_group};
use time::OffsetDateTime;
use tokio::signal::unix::{Signal as Signals, SignalKind, signal};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::AbortHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::Deployment;
use super::job::Job;
use super::memory::{self, Memory};
use super::message::{Answer, Effect, Message, Query};
use super::model::Model;
use super::order::Failed;
use super::remote::Remote;
use super::screens::draw;
use super::term::{self, Screen, TermGuard};
use super::theme::Looks;
use super::update::update;
use crate::{ClientError, Context, EventsQuery, Login};

/// How often time goes by.
pub(super) const TICK: Duration = Duration::from_millis(250);
/// The least time between two frames that no key asked for.
const FRAME: Duration = Duration::from_millis(33);
/// Messages that wait for the console at most.
const MESSAGES_MAX: usize = 64;
/// Questions under way at once.
const QUESTIONS_MAX: usize = 8;
/// How long the console waits for the shell to stop it.
const STOPPING: Duration = Duration::from_secs(1);
/// How long it takes to say goodbye to the service at most.
const LEAVING: Duration = Duration::from_secs(2);

/// Why the console ended early.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// The terminal.
    #[error("the terminal: {0}")]
    Terminal(#[from] io::Error),
    /// The service.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A fault of the console's own; what is known was told before.
    #[error("the console failed; the terminal was given back")]
    Panicked,
}

/// Runs the console until somebody leaves it or a signal ends it. The
/// terminal is given back whatever happens.
pub async fn run(
    context: &Context,
    deployment: Deployment,
    looks: Looks,
) -> Result<(), ConsoleError> {
    let remote = Remote::new(context)?;
    let mut endings = Endings::new()?;
    let guard = TermGuard::take()?;
    let screen = TermGuard::screen()?;
    let size = screen.size()?;
    let (mut model, effects) = Model::start(now(), (size.width, size.height), looks, deployment);
    model.has_seed = matches!(
        &context.login,
        Login::Password {
            totp_secret: Some(_),
            ..
        }
    );
    let memory = Memory::of(&context.login);
    model.sorts = memory.read();
    let (sender, receiver) = mpsc::channel(MESSAGES_MAX);
    let mut console = Console {
        model,
        remote: remote.clone(),
        guard,
        screen,
        sender,
        questions: Arc::new(Semaphore::new(QUESTIONS_MAX)),
        continued: signal(SignalKind::from_raw(Signal::CONT.as_raw()))?,
        following: None,
        memory,
    };
    let outcome = console.follow(effects, receiver, &mut endings).await;
    drop(console);
    let _ = timeout(LEAVING, remote.leave()).await;
    outcome
}

/// The signals that end the console.
struct Endings {
    terminate: Signals,
    hang_up: Signals,
    quit: Signals,
    interrupt: Signals,
}

impl Endings {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            quit: signal(SignalKind::quit())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn any(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
            _ = self.quit.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

struct Console {
    model: Model,
    remote: Remote,
    guard: TermGuard,
    screen: Screen,
    sender: mpsc::Sender<Message>,
    questions: Arc<Semaphore>,
    continued: Signals,
    /// The stream that is followed.
    following: Option<AbortHandle>,
    memory: Memory,
}

impl Drop for Console {
    fn drop(&mut self) {
        self.unfollow();
    }
}

impl Console {
    async fn follow(
        &mut self,
        effects: Vec<Effect>,
        mut receiver: mpsc::Receiver<Message>,
        endings: &mut Endings,
    ) -> Result<(), ConsoleError> {
        let mut input = EventStream::new();
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut frames = interval(FRAME);
        frames.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut dirty = false;
        self.carry_out(effects).await?;
        self.draw()?;
        loop {
            if term::has_panicked() {
                return Err(ConsoleError::Panicked);
            }
            let mut at_once = false;
            let message = tokio::select! {
                biased;
                () = endings.any() => return Ok(()),
                event = input.next() => {
                    let Some(event) = event else { return Ok(()) };
                    at_once = true;
                    term::message(event?)
                }
                _ = self.continued.recv() => {
                    if TermGuard::is_ours() {
                        self.guard.again()?;
                        self.screen = TermGuard::screen()?;
                    }
                    None
                }
                // Before what the service says, which may come without a pause.
                _ = frames.tick(), if dirty => {
                    self.draw()?;
                    dirty = false;
                    continue;
                }
                _ = ticks.tick() => Some(Message::Tick),
                message = receiver.recv() => message,
            };
            dirty = true;
            if let Some(message) = message {
                let effects = update(&mut self.model, now(), message);
                // What a key did is seen before anything is waited for.
                if at_once {
                    self.draw()?;
                    dirty = false;
                }
                if self.carry_out(effects).await? {
                    return Ok(());
                }
            }
        }
    }

    fn draw(&mut self) -> io::Result<()> {
        if !TermGuard::is_ours() {
            return Ok(());
        }
        let (screen, model) = (&mut self.screen, &self.model);
        term::while_taken(|| screen.draw(|frame| draw(model, frame)).map(drop))
    }

    /// Carries effects out, or has tasks do it; whether to leave.
    async fn carry_out(&mut self, effects: Vec<Effect>) -> io::Result<bool> {
        for effect in effects {
            let remote = self.remote.clone();
            match effect {
                Effect::Quit => return Ok(true),
                Effect::Redraw => self.screen = TermGuard::screen()?,
                Effect::Mouse(on) => self.guard.mouse(on)?,
                Effect::Copy(text) => term::copy(&text)?,
                Effect::Disarm => remote.disarm(),
                Effect::Suspend => self.suspend().await?,
                Effect::Enter => self.task(async move { remote.enter().await }),
                Effect::SignIn { email, password } => {
                    self.task(async move { remote.sign_in(email, password).await });
                }
                Effect::Code(code) => self.task(async move { remote.code(code).await }),
                Effect::Prove(code) => self.task(async move {
                    // Before it is asked, so that nothing lasts longer here
                    // than there.
                    let at = now();
                    match remote.prove(code).await {
                        Ok(()) => Message::Proved(at),
                        Err(failed) => Message::NotProved(failed.told()),
                    }
                }),
                Effect::Ask { ticket, query } => self.ask(ticket, query),
                Effect::Follow {
                    ticket,
                    query,
                    after,
                } => self.follow_log(ticket, query, after),
                Effect::Unfollow => self.unfollow(),
                Effect::Remember(text) => {
                    let memory = self.memory.clone();
                    // It is short, and nobody waits for it.
                    tokio::spawn(async move { memory.write(&text).await });
                }
                Effect::Act { arms, job, orders } => {
                    let job = Job::new(remote, self.sender.clone(), job);
                    tokio::spawn(job.carry_out(arms, orders));
                }
                Effect::Preview {
                    arms,
                    ticket,
                    predicate,
                } => self.task(async move {
                    let outcome = if arms.hold(now()) {
                        remote.preview(*predicate).await.map(Box::new)
                    } else {
                        Err(Failed::Disarmed)
                    };
                    Message::Previewed { ticket, outcome }
                }),
                Effect::Save { name, text } => {
                    self.task(async move { Message::Saved(memory::save(&name, &text).await) });
                }
            }
        }
        Ok(false)
    }

    fn task(&self, work: impl Future<Output = Message> + Send + 'static) {
        let sender = self.sender.clone();
        // It ends with its work; a console that is gone hears nothing.
        tokio::spawn(async move { sender.send(work.await).await });
    }

    /// Follows the log in a task of its own, one at a time.
    fn follow_log(&mut self, ticket: u64, query: EventsQuery, after: Option<String>) {
        self.unfollow();
        let (remote, sender) = (self.remote.clone(), self.sender.clone());
        let follows = tokio::spawn(async move {
            remote
                .follow(ticket, &query, after.as_deref(), &sender)
                .await;
        });
        self.following = Some(follows.abort_handle());
    }

    fn unfollow(&mut self) {
        if let Some(following) = self.following.take() {
            following.abort();
        }
    }

    fn ask(&self, ticket: u64, query: Query) {
        let (remote, questions) = (self.remote.clone(), self.questions.clone());
        self.task(async move {
            // The semaphore is never closed.
            let _permit = questions.acquire_owned().await;
            let outcome = remote.ask(&query).await;
            Message::Answer(Answer {
                ticket,
                query,
                outcome,
            })
        });
    }

    /// Gives the terminal back and stops, until the shell goes on.
    async fn suspend(&mut self) -> io::Result<()> {
        TermGuard::leave();
        kill_current_process_group(Signal::TSTP)?;
        // A process that nobody watches is not stopped at all.
        let _ = timeout(STOPPING, self.continued.recv()).await;
        self.guard.again()?;
        self.screen = TermGuard::screen()?;
        Ok(())
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the edge: every message is stamped here"
)]
pub(super) fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}
