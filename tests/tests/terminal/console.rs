//! Somebody who opens the console: who they are, where they sit, what they
//! type.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use countersign_api::{EmailAddress, TotpSeed};
use countersign_tui::console::DEAD;

use super::pty::{ENTER, TAB, Terminal};
use crate::support::{PASSWORD, World, email};

/// The size that everything is promised for.
pub(super) const SIZE: (u16, u16) = (80, 24);

/// A program that was built beside this test.
pub(super) fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("this test knows its own file");
    let profile = test.ancestors().nth(2).expect("a profile's folder");
    let path = profile.join(name);
    assert!(path.is_file(), "{} is missing: make test", path.display());
    path
}

/// An operator and their authenticator app.
pub(super) struct Operator {
    pub(super) email: String,
    seed: TotpSeed,
}

impl Operator {
    pub(super) async fn new(world: &World) -> Self {
        let email = email("operator");
        let seed = TotpSeed::draw().expect("randomness");
        let address = EmailAddress::parse(&email).expect("an address");
        let roles = ["user", "operator"];
        let made = world.app.bootstrap(&address, PASSWORD, &roles, Some(&seed));
        made.await.expect("an account");
        Self { email, seed }
    }

    /// A code that was not used yet: the clock of the service goes on.
    pub(super) fn code(&self, world: &World) -> String {
        world.later(Duration::from_secs(30));
        self.seed.code_at(world.seconds()).to_string()
    }
}

/// A home folder with one context, `here`; removed at the end.
pub(super) struct Home(PathBuf);

impl Home {
    /// For a service at this URL.
    pub(super) fn new(url: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("countersign-terminal-{}-{number}", std::process::id());
        let home = std::env::temp_dir().join(name);
        let config = home.join("config/countersign");
        fs::create_dir_all(&config).expect("a folder");
        let context = format!("[here]\nurl = \"{url}\"\nproduction = false\n");
        fs::write(config.join("contexts.toml"), context).expect("a file");
        Self(home)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Opens the console.
    pub(super) fn console(&self) -> Terminal {
        self.start("countersign", SIZE)
    }

    /// Opens a program that takes the arguments of the console.
    pub(super) fn start(&self, program: &str, size: (u16, u16)) -> Terminal {
        self.run(&built(program), size, &["console", "--context", "here"])
    }

    pub(super) fn run(&self, program: &Path, size: (u16, u16), arguments: &[&str]) -> Terminal {
        let text = |path: PathBuf| path.to_str().expect("ASCII").to_owned();
        let (config, state) = (text(self.0.join("config")), text(self.0.join("state")));
        let home = text(self.0.clone());
        let environment = [
            ("HOME", home.as_str()),
            ("XDG_CONFIG_HOME", config.as_str()),
            ("XDG_STATE_HOME", state.as_str()),
        ];
        Terminal::start(size, program, arguments, &environment)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Opens the console of a world and types an operator's way in.
pub(super) async fn signed_in(world: &World, operator: &Operator, home: &Home) -> Terminal {
    let mut terminal = home.console();
    sign_in(&mut terminal, world, operator).await;
    terminal
}

/// Types an operator's way in.
pub(super) async fn sign_in(terminal: &mut Terminal, world: &World, operator: &Operator) {
    terminal.shows("Password").await;
    terminal.press(&operator.email);
    terminal.shows(&operator.email).await;
    terminal.press(TAB);
    terminal.press(PASSWORD);
    terminal.press(ENTER);
    terminal.shows("The code of your authenticator app").await;
    terminal.press(&operator.code(world));
    terminal.press(ENTER);
    terminal.shows("READ-ONLY").await;
    terminal.shows("q quit").await;
}

/// Becomes able to act.
pub(super) async fn arm(terminal: &mut Terminal, world: &World, operator: &Operator) {
    terminal.press(":");
    terminal.shows("Every action").await;
    terminal.press("arm");
    opens(terminal, "\r9", "Code of your authenticator app", "[9").await;
    terminal.press(&operator.code(world));
    terminal.press(ENTER);
    terminal.shows("ARMED").await;
}

/// Opens a dialog with another key typed ahead: for a moment it takes none, so
/// that what was not meant for it does nothing. Returns when that is over;
/// `sign` is what would be seen if it had been taken.
pub(super) async fn opens(terminal: &mut Terminal, keys: &str, title: &str, sign: &str) {
    terminal.press(keys);
    terminal.shows(title).await;
    let moment = Duration::try_from(DEAD).expect("positive") + Duration::from_millis(50);
    let took = terminal.comes(moment, |screen| screen.contains(sign)).await;
    assert!(!took, "typed ahead and taken:\n{}", terminal.screen());
}

/// Goes to the sessions of a person, or of all whose addresses hold that. The
/// operator's own, which is the newest, is not among them.
pub(super) async fn find(terminal: &mut Terminal, person: &str) {
    terminal.press("2");
    terminal.shows(person).await;
    terminal.press("/");
    terminal.shows("Filter Sessions").await;
    terminal.press(person);
    terminal.press(ENTER);
    let found = |screen: &str| {
        let mut lines = screen.lines();
        lines.any(|line| line.contains('\u{25b6}') && line.contains(person))
    };
    terminal
        .until("the sessions that were looked for", found)
        .await;
    terminal.hides("Filter Sessions").await;
}
