//! The terminal, and giving it back as it was.
//!
//! Raw mode, the alternate screen, bracketed paste, the mouse and the hidden
//! cursor are undone on every way out: when the guard is dropped, before the
//! process is stopped, and by a hook before a panic is told.

use std::io::{self, BufWriter, Stdout, Write};
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::clipboard::CopyToClipboard;
use crossterm::cursor::Show;
use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture, Event,
    KeyEventKind, MouseEventKind,
};
use crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{execute, queue};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

use super::message::Message;

/// Bytes that a frame is gathered in before it is written.
const FRAME_BYTES: usize = 64 * 1_024;

/// Where frames are drawn.
pub(super) type Screen = Terminal<CrosstermBackend<BufWriter<Stdout>>>;

/// Whether there is something to undo.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// Whether something panicked while the terminal was taken.
static PANICKED: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

/// The terminal is taken while this is there.
pub(super) struct TermGuard {
    mouse: bool,
}

impl TermGuard {
    /// Takes the terminal.
    pub(super) fn take() -> io::Result<Self> {
        HOOK.call_once(|| {
            let before = panic::take_hook();
            panic::set_hook(Box::new(move |what| {
                if give_back() {
                    PANICKED.store(true, Ordering::SeqCst);
                }
                before(what);
            }));
        });
        let guard = Self { mouse: false };
        guard.enter()?;
        Ok(guard)
    }

    /// An empty screen to draw on. It asks the terminal nothing, for an answer
    /// would come as keys.
    pub(super) fn screen() -> io::Result<Screen> {
        execute!(io::stdout(), Clear(ClearType::All))?;
        let out = BufWriter::with_capacity(FRAME_BYTES, io::stdout());
        Terminal::new(CrosstermBackend::new(out))
    }

    /// Whether this program is who the terminal listens to now; a program in
    /// the background leaves it alone.
    pub(super) fn is_ours() -> bool {
        let Ok(foreground) = rustix::termios::tcgetpgrp(io::stdin()) else {
            return true;
        };
        foreground == rustix::process::getpgrp()
    }

    fn enter(&self) -> io::Result<()> {
        TAKEN.store(true, Ordering::SeqCst);
        enable_raw_mode()?;
        execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste)?;
        if self.mouse {
            execute!(io::stdout(), EnableMouseCapture)?;
        }
        Ok(())
    }

    /// Gives it back, for a while.
    pub(super) fn leave() {
        give_back();
    }

    /// Takes it again.
    pub(super) fn again(&self) -> io::Result<()> {
        self.enter()
    }

    /// Listens to the mouse, or leaves it to the terminal.
    pub(super) fn mouse(&mut self, on: bool) -> io::Result<()> {
        self.mouse = on;
        if on {
            execute!(io::stdout(), EnableMouseCapture)
        } else {
            execute!(io::stdout(), DisableMouseCapture)
        }
    }
}

impl Drop for TermGuard {
    fn drop(&mut self) {
        give_back();
    }
}

/// Puts a text on the clipboard of whoever looks at the terminal (OSC 52). It
/// is encoded in base64, so nothing in it reaches the terminal itself.
pub(super) fn copy(text: &str) -> io::Result<()> {
    execute!(io::stdout(), CopyToClipboard::to_clipboard_from(text))
}

/// Whether something panicked meanwhile; the terminal was given back then.
pub(super) fn has_panicked() -> bool {
    PANICKED.load(Ordering::SeqCst)
}

/// Draws, unless the terminal was given back. Who gives it back meanwhile waits
/// until the frame is written.
pub(super) fn while_taken(draw: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let _out = io::stdout().lock();
    if TAKEN.load(Ordering::SeqCst) {
        draw()?;
    }
    Ok(())
}

/// Undoes everything, once; whether there was something to undo. Nobody is
/// left to tell of an error.
fn give_back() -> bool {
    // Whoever panics while it draws holds this already, and may again.
    let mut out = io::stdout().lock();
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return false;
    }
    let _ = queue!(
        out,
        DisableMouseCapture,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        Show
    );
    let _ = out.flush();
    let _ = disable_raw_mode();
    true
}

/// What an event of the terminal means.
pub(super) fn message(event: Event) -> Option<Message> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => Some(Message::Key(key)),
        Event::Paste(text) => Some(Message::Paste(text)),
        Event::Resize(columns, rows) => Some(Message::Resize(columns, rows)),
        Event::Mouse(mouse) => match mouse.kind {
            MouseEventKind::ScrollDown => Some(Message::Wheel(3)),
            MouseEventKind::ScrollUp => Some(Message::Wheel(-3)),
            _ => None,
        },
        _ => None,
    }
}
