//! As whom the children run, and that they die with us.
//!
//! `setpriv` (util-linux) asks the kernel to kill a child when the thread that
//! started it ends, which covers a parent that is killed without warning.
//! Postgres refuses to run as root, so for root it is run as another user; how
//! depends on whether that user can reach the data directory and the binaries,
//! which is found out by trying.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, chown, lchown};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;

use super::StackError;
use super::binaries::{PostgresBinaries, helper};
use super::folder::{create_private, let_others_pass};

/// How long a trial of one way may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(20);

/// Writes into the folder, reads the binary, and lets `initdb` look for its
/// companions, as the user that Postgres is to run as.
const PROBE: &str = r#"set -e
echo probe > "$1/.probe"
rm -f "$1/.probe"
test -r "$2"
"$2" --version
"$3" --show -D "$1/.probe""#;

/// A user and group, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Account {
    uid: u32,
    gid: u32,
}

/// What to put before a program so that it runs as it should.
#[derive(Clone, Debug, Default)]
pub(super) struct Launcher {
    /// How this way is called in errors and logs.
    what: &'static str,
    /// The program and its first arguments, which end by running ours.
    prefix: Vec<OsString>,
    /// Change to this user without the help of a program.
    switch: Option<Account>,
    /// Who the files of the program have to belong to, if not to us.
    owner: Option<Account>,
    libraries: Option<PathBuf>,
}

/// The helper programs that work here.
#[derive(Clone, Debug)]
pub(super) struct Helpers {
    setpriv: Option<PathBuf>,
    unshare: Option<PathBuf>,
}

impl Helpers {
    /// Looks for them. A `setpriv` that cannot set the signal (BusyBox has
    /// such a one) is of no use here.
    pub(super) async fn find() -> Self {
        let mut setpriv = None;
        if let Some(found) = helper("setpriv") {
            let mut command = Command::new(&found);
            command.args(["--pdeathsig", "KILL", "--", "true"]);
            if run(command).await.is_ok() {
                setpriv = Some(found);
            }
        }
        if setpriv.is_none() {
            tracing::warn!("no setpriv: the servers would outlive this process if it were killed");
        }
        Self {
            setpriv,
            unshare: helper("unshare"),
        }
    }

    /// Whether a child can be made to die with us.
    #[cfg(test)]
    pub(super) fn can_die_with_us(&self) -> bool {
        self.setpriv.is_some()
    }

    /// As we are ourselves, and dying with us where that is possible.
    pub(super) fn as_we_are(&self) -> Launcher {
        let what = "as we are";
        Launcher {
            what,
            prefix: words(self.setpriv.as_deref(), &[], true),
            ..Launcher::default()
        }
    }

    /// The ways in which root can run Postgres as `account`, best first.
    fn as_another(&self, account: Account) -> Vec<Launcher> {
        let Account { uid, gid } = account;
        let (user, group) = (format!("--reuid={uid}"), format!("--regid={gid}"));
        let switch = [user.as_str(), group.as_str(), "--clear-groups"];
        let mut ways = Vec::new();
        if let Some(setpriv) = self.setpriv.as_deref() {
            ways.push(Launcher {
                what: "another user",
                prefix: words(Some(setpriv), &switch, true),
                owner: Some(account),
                ..Launcher::default()
            });
            // Keeps one capability across the change of user: to pass folders
            // that only root may enter. Without the secure bit `access(2)`,
            // by which Postgres looks for its own files, would ignore it.
            let keep = [
                "--inh-caps=-all,+dac_override",
                "--ambient-caps=-all,+dac_override",
                "--securebits=+no_setuid_fixup",
            ];
            let arguments: Vec<&str> = switch.iter().chain(&keep).copied().collect();
            ways.push(Launcher {
                what: "another user that keeps the right to pass folders",
                prefix: words(Some(setpriv), &arguments, true),
                owner: Some(account),
                ..Launcher::default()
            });
        } else {
            ways.push(Launcher {
                what: "another user",
                switch: Some(account),
                owner: Some(account),
                ..Launcher::default()
            });
        }
        if let Some(unshare) = self.unshare.as_deref() {
            // We stay who we are, but it looks like another user from inside.
            let map = [
                "-U",
                &format!("--map-user={uid}"),
                &format!("--map-group={gid}"),
            ];
            let mut prefix = words(Some(unshare), &map, false);
            prefix.extend(words(self.setpriv.as_deref(), &[], true));
            ways.push(Launcher {
                what: "a user namespace",
                prefix,
                ..Launcher::default()
            });
        }
        ways
    }
}

impl Launcher {
    /// Finds out how to run Postgres with its files in `folder`, which is
    /// created.
    pub(super) async fn for_postgres(
        helpers: &Helpers,
        root: &Path,
        folder: &Path,
        binaries: &PostgresBinaries,
    ) -> Result<Self, StackError> {
        create_private(folder)?;
        let ways = if rustix::process::geteuid().is_root() {
            let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
            let account = account_of(&users, "postgres").or_else(|| account_of(&users, "nobody"));
            account.map_or_else(Vec::new, |account| helpers.as_another(account))
        } else {
            vec![helpers.as_we_are()]
        };
        let mut tried = Vec::new();
        for mut way in ways {
            way.libraries = binaries.libraries();
            match way.probe(root, folder, binaries).await {
                Ok(()) => {
                    tracing::debug!(way = way.what, "Postgres can be run");
                    return Ok(way);
                }
                Err(why) => tried.push(format!("  {}: {why}", way.what)),
            }
        }
        if tried.is_empty() {
            tried.push("  there is neither a user `postgres` nor a user `nobody`".to_owned());
        }
        Err(StackError::Privileges {
            tried: tried.join("\n"),
        })
    }

    /// The command that runs `program` this way, with a small environment of
    /// its own: what is meant for us (`PGPORT`, `LD_PRELOAD`) is not for it.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = match self.prefix.split_first() {
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
            None => Command::new(program),
        };
        command
            .env_clear()
            .env(
                "PATH",
                "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            )
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .process_group(0)
            .kill_on_drop(true);
        if let Some(libraries) = &self.libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        if let Some(Account { uid, gid }) = self.switch {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Gives a file, or a folder with all that is in it, to the user that the
    /// program runs as. Costs one look when it is that user's already.
    pub(super) fn give(&self, path: &Path) -> io::Result<()> {
        let owner = self.owner.unwrap_or_else(us);
        let metadata = fs::symlink_metadata(path)?;
        if metadata.uid() == owner.uid && metadata.gid() == owner.gid {
            return Ok(());
        }
        // What is inside goes first, so that an interrupted walk is resumed.
        if metadata.is_dir() {
            for entry in fs::read_dir(path)? {
                self.give(&entry?.path())?;
            }
        }
        lchown(path, Some(owner.uid), Some(owner.gid))
    }

    async fn probe(
        &self,
        root: &Path,
        folder: &Path,
        binaries: &PostgresBinaries,
    ) -> Result<(), String> {
        if let Some(Account { uid, gid }) = self.owner {
            let_others_pass(root).map_err(|error| format!("{}: {error}", root.display()))?;
            chown(folder, Some(uid), Some(gid))
        } else {
            let Account { uid, gid } = us();
            chown(folder, Some(uid), Some(gid))
        }
        .map_err(|error| format!("{}: {error}", folder.display()))?;
        let mut command = self.command(Path::new("/bin/sh"));
        command.args(["-c", PROBE, "sh"]).arg(folder);
        command
            .arg(binaries.postgres())
            .arg(binaries.initdb())
            .current_dir(folder);
        run(command).await.map(drop)
    }
}

/// The words that come before a program, if the helper is there.
fn words(helper: Option<&Path>, arguments: &[&str], die_with_us: bool) -> Vec<OsString> {
    let Some(helper) = helper else {
        return Vec::new();
    };
    let mut words = vec![helper.as_os_str().to_owned()];
    words.extend(arguments.iter().map(OsString::from));
    if die_with_us {
        words.extend(["--pdeathsig", "KILL"].map(OsString::from));
    }
    words.push("--".into());
    words
}

/// Runs a short command; what it complained about is the error.
async fn run(mut command: Command) -> Result<Output, String> {
    command.stdin(Stdio::null()).kill_on_drop(true);
    match tokio::time::timeout(PROBE_TIMEOUT, command.output()).await {
        Ok(Ok(output)) if output.status.success() => Ok(output),
        Ok(Ok(output)) => {
            let complaint = String::from_utf8_lossy(&output.stderr);
            let last = complaint.lines().rfind(|line| !line.trim().is_empty());
            Err(format!(
                "{} ({})",
                last.unwrap_or("it said nothing"),
                output.status
            ))
        }
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no end after {} s", PROBE_TIMEOUT.as_secs())),
    }
}

fn us() -> Account {
    let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
    Account {
        uid: uid.as_raw(),
        gid: gid.as_raw(),
    }
}

/// Finds a user in the text of `/etc/passwd`.
fn account_of(users: &str, name: &str) -> Option<Account> {
    let line = users
        .lines()
        .find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    let uid = fields.next()?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    (uid != 0).then_some(Account { uid, gid })
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &str = "root:x:0:0:root:/root:/bin/bash\n\
        nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n\
        postgresql:x:9:9::/:/bin/sh\n\
        postgres:x:101:104:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash\n\
        toor:x:0:0::/root:/bin/sh\n";

    fn line_of(launcher: &Launcher) -> String {
        let command = launcher.command(Path::new("/bin/postgres"));
        let command = command.as_std();
        let mut line = command.get_program().to_string_lossy().into_owned();
        for argument in command.get_args() {
            line.push(' ');
            line.push_str(&argument.to_string_lossy());
        }
        line
    }

    #[test]
    fn users_are_found_by_their_whole_name_and_are_never_root() {
        let (uid, gid) = (101, 104);
        assert_eq!(account_of(USERS, "postgres"), Some(Account { uid, gid }));
        assert_eq!(account_of(USERS, "nobody").map(|it| it.uid), Some(65534));
        assert_eq!(account_of(USERS, "toor"), None);
        assert_eq!(account_of("", "postgres"), None);
    }

    #[test]
    fn every_way_but_the_last_resort_dies_with_us() {
        let helpers = Helpers {
            setpriv: Some("/usr/bin/setpriv".into()),
            unshare: Some("/usr/bin/unshare".into()),
        };
        let ways = helpers.as_another(Account { uid: 101, gid: 104 });
        let lines: Vec<String> = ways.iter().map(line_of).collect();
        assert_eq!(
            lines[0],
            "/usr/bin/setpriv --reuid=101 --regid=104 --clear-groups --pdeathsig KILL -- \
             /bin/postgres"
        );
        assert!(
            lines[1].contains("--ambient-caps=-all,+dac_override"),
            "{}",
            lines[1]
        );
        assert_eq!(
            lines[2],
            "/usr/bin/unshare -U --map-user=101 --map-group=104 -- /usr/bin/setpriv --pdeathsig \
             KILL -- /bin/postgres"
        );
        assert_eq!(
            line_of(
                &Helpers {
                    setpriv: None,
                    unshare: None
                }
                .as_we_are()
            ),
            "/bin/postgres"
        );
    }
}
