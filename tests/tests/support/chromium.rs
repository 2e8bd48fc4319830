//! A real browser, spoken to in the DevTools protocol over a pipe.

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::{PATIENCE, soon, stack};

/// Where distributions put it.
const PROGRAMS: [&str; 3] = [
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
];

/// The browser reads from descriptor 3 and writes to 4. Its own standard
/// streams say nothing of interest.
const PIPES: &str = "exec \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null";

/// A browser with one page. It ends with the pipe to it.
pub(crate) struct Chromium {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    folder: PathBuf,
    session: Option<String>,
    next: u64,
    /// What was asked for and what was answered, by request, of those of
    /// which only one is known yet: the browser tells of them in any order.
    half: HashMap<String, Value>,
    /// `POST http://..` for what was asked, `403 http://..` for the answers.
    pub(crate) traffic: Vec<String>,
    /// What the browser complains of, as of a policy that was broken.
    pub(crate) complaints: Vec<String>,
}

impl Chromium {
    /// Where every name leads to `address`. `None` on a machine without a
    /// browser, where stories that need one have nothing to tell.
    pub(crate) async fn start(address: SocketAddr) -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let program = PROGRAMS.iter().find(|path| Path::new(path).exists())?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = stack().folder.join(format!("chromium-{number}"));
        fs::create_dir_all(&folder).expect("a folder");
        let mut child = Command::new("/bin/sh")
            .args(["-c", PIPES, "sh", program, "--headless"])
            .args(["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
            .args(["--no-first-run", "--no-proxy-server"])
            .args([
                "--disable-component-update",
                "--disable-background-networking",
            ])
            .args(["--disable-features=HttpsUpgrades"])
            .arg("--remote-debugging-pipe")
            .arg(format!("--user-data-dir={}", folder.display()))
            .arg(format!("--host-resolver-rules=MAP * {address}"))
            .env("HOME", &folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("it starts");
        let input = child.stdin.take().expect("a pipe");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut browser = Self {
            child,
            input,
            output,
            folder,
            session: None,
            next: 0,
            half: HashMap::new(),
            traffic: Vec::new(),
            complaints: Vec::new(),
        };
        let blank = json!({ "url": "about:blank" });
        let target = browser.command("Target.createTarget", blank).await;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = browser.command("Target.attachToTarget", attach).await;
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Log.enable", "Network.enable", "Page.enable"] {
            browser.command(domain, json!({})).await;
        }
        Some(browser)
    }

    /// Sends a command and reads until its result.
    async fn command(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let mut message = json!({ "id": self.next, "method": method, "params": params });
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.input.write_all(&bytes).await.expect("it is there");
        loop {
            let message = soon(self.message()).await;
            if message["id"] == self.next {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].clone();
            }
            self.note(&message);
        }
    }

    async fn message(&mut self) -> Value {
        let mut bytes = Vec::new();
        self.output
            .read_until(0, &mut bytes)
            .await
            .expect("it speaks");
        assert_eq!(bytes.pop(), Some(0), "the browser has gone");
        serde_json::from_slice(&bytes).expect("JSON")
    }

    fn note(&mut self, event: &Value) {
        let params = &event["params"];
        let line = |a: &Value, b: &Value| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            format!("{} {}", text(a), text(b))
        };
        match event["method"].as_str() {
            Some("Network.requestWillBeSent") => {
                let request = &params["request"];
                self.traffic.push(line(&request["method"], &request["url"]));
                self.pair(&params["requestId"], &request["url"]);
            }
            // Of every answer, also of one that the page is not shown.
            Some("Network.responseReceivedExtraInfo") => {
                self.pair(&params["requestId"], &params["statusCode"]);
            }
            Some("Log.entryAdded") => {
                let entry = &params["entry"];
                self.complaints.push(line(&entry["source"], &entry["text"]));
            }
            _ => {}
        }
    }

    /// Half of an exchange, and the whole of it if the other half is known.
    fn pair(&mut self, request: &Value, half: &Value) {
        let Some(other) = self.half.remove(&request.to_string()) else {
            self.half.insert(request.to_string(), half.clone());
            return;
        };
        let (status, url) = if half.is_number() {
            (half, &other)
        } else {
            (&other, half)
        };
        let url = url.as_str().unwrap_or_default();
        self.traffic.push(format!("{status} {url}"));
    }

    /// Goes to a page and waits until it is there.
    pub(crate) async fn open(&mut self, url: &str) {
        let went = self.command("Page.navigate", json!({ "url": url })).await;
        assert!(went["errorText"].is_null(), "{url}: {went}");
        self.until("document.readyState === 'complete'").await;
    }

    /// Lets the page's scripts do what its policy forbids, as those of an
    /// attacker's page may do what they like.
    pub(crate) async fn lift_policy(&mut self) {
        let lifted = json!({ "enabled": true });
        self.command("Page.setBypassCSP", lifted).await;
    }

    /// The value of an expression in the page, a promise's too.
    pub(crate) async fn eval(&mut self, expression: &str) -> Value {
        let params =
            json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let result = self.command("Runtime.evaluate", params).await;
        let fault = &result["exceptionDetails"];
        assert!(fault.is_null(), "{expression}: {fault}");
        result["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    pub(crate) async fn until(&mut self, condition: &str) {
        let looking = format!(
            "new Promise((yes) => {{ const look = () => ({condition}) ? yes(true) : \
             setTimeout(look, 5); look(); }})"
        );
        self.eval(&looking).await;
    }

    /// Waits until a line is in the traffic.
    pub(crate) async fn sees(&mut self, line: &str) {
        while !self.traffic.iter().any(|known| known == line) {
            let message = timeout(PATIENCE, self.message()).await;
            let message = message.unwrap_or_else(|_| panic!("no {line}: {:?}", self.traffic));
            self.note(&message);
        }
    }

    /// Types into whatever has the focus.
    pub(crate) async fn text(&mut self, text: &str) {
        self.command("Input.insertText", json!({ "text": text }))
            .await;
    }

    /// Presses a key, as `Tab` or `Enter`.
    pub(crate) async fn press(&mut self, key: &str) {
        let (code, name, text) = match key {
            "Tab" => (9, "Tab", ""),
            "Enter" => (13, "Enter", "\r"),
            "Space" => (32, " ", " "),
            other => panic!("{other} is no known key"),
        };
        let mut event = json!({
            "type": "keyDown", "key": name, "code": key, "windowsVirtualKeyCode": code,
        });
        let mut up = event.clone();
        up["type"] = "keyUp".into();
        if !text.is_empty() {
            event["text"] = text.into();
        }
        self.command("Input.dispatchKeyEvent", event).await;
        self.command("Input.dispatchKeyEvent", up).await;
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // Whatever it still writes goes with the folder of all tests.
        let _ = self.child.start_kill();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
