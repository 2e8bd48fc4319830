//! `countersign dev` for a user who is not root.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::dev::Dev;
use super::process::{Scratch, binary, command};
use super::wait::note;

/// `nobody`, on every Linux.
const NOBODY: u32 = 65_534;

const SWITCH: [&str; 3] = ["--reuid=65534", "--regid=65534", "--clear-groups"];

/// Where `make tools` put nats-server and Postgres.
fn tools() -> Option<PathBuf> {
    let named = std::env::var_os("COUNTERSIGN_TOOLS").map(PathBuf::from);
    let binary = binary();
    let mut beside = binary.ancestors().map(|folder| folder.join(".tools"));
    named.or_else(|| beside.find(|folder| folder.is_dir()))
}

/// The program, and a folder of tools if it needs one, where `nobody` can
/// reach them: a checkout may be in a folder that only its owner can enter.
fn reachable(scratch: &Path) -> Command {
    let direct = command(&binary(), &SWITCH).arg("--version").output();
    let tools = tools();
    let seen = tools.as_ref().is_none_or(|tools| {
        let probe = command(&tools.join("nats-server"), &SWITCH)
            .arg("--version")
            .output();
        probe.is_ok_and(|output| output.status.success())
    });
    if seen && direct.is_ok_and(|output| output.status.success()) {
        return command(&binary(), &SWITCH);
    }
    note("the checkout is out of reach for nobody, so the program is copied");
    let copy = scratch.join("countersign");
    fs::copy(binary(), &copy).expect("the program is copied");
    let mut moved = command(&copy, &SWITCH);
    if let Some(tools) = tools {
        let target = scratch.join("tools");
        let copied = Command::new("cp")
            .arg("-rL")
            .args([&tools, &target])
            .status();
        assert!(
            copied.is_ok_and(|status| status.success()),
            "the tools are copied"
        );
        moved.env("COUNTERSIGN_TOOLS", target);
    }
    moved
}

#[tokio::test(flavor = "multi_thread")]
async fn dev_works_for_a_user_who_is_not_root() {
    if !rustix::process::geteuid().is_root() {
        note("not root: the other tests of dev are this one");
        return;
    }
    let scratch = Scratch::new("dev-user");
    let place = scratch.path().join("place");
    fs::create_dir(&place).expect("a folder");
    chown(&place, Some(NOBODY), Some(NOBODY)).expect("it is theirs");
    let dir = place.join("data");
    let mut program = reachable(scratch.path());
    program.current_dir(&place).env("HOME", &place);
    let mut dev = Dev::with(program, &dir, scratch.path()).await;
    for pid in [dev.process.pid()].into_iter().chain(dev.pids()) {
        let owner = fs::metadata(format!("/proc/{pid}")).expect("it runs").uid();
        assert_eq!(owner, NOBODY, "{pid}");
    }
    assert_eq!(
        fs::metadata(dir.join("dev.json")).expect("dev.json").uid(),
        NOBODY
    );
    dev.operator_works().await;
    dev.service.register("user@example.com").await;
    dev.process.stop().await;
}
