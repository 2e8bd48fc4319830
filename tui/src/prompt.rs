//! Asking somebody at a terminal, for what a command was not told.

use std::io::{self, IsTerminal, Write};

use countersign_openapi::{Secret, display_safe};
use crossterm::event::{Event, EventStream, KeyCode, KeyEventKind, KeyModifiers};
use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use futures_util::StreamExt;
use tokio::signal::unix::{SignalKind, signal};
use zeroize::Zeroizing;

use crate::ClientError;

/// Most bytes of an answer.
const ANSWER_BYTES_MAX: usize = 1_024;

/// Who can be asked for what is missing. Without a terminal that is nobody,
/// and nothing waits for an answer.
#[derive(Debug, Clone, Default)]
pub struct Prompt {
    is_terminal: bool,
    code: Option<Secret>,
}

impl Prompt {
    /// Whoever sits at the terminal, if stdin and stderr are one. `code` is
    /// given in place of the first second factor that would be asked for.
    pub fn new(code: Option<Secret>) -> Self {
        Self {
            is_terminal: io::stdin().is_terminal() && io::stderr().is_terminal(),
            code,
        }
    }

    /// Whether anybody can be asked.
    pub fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Asks for something that may be seen. Nothing without a terminal.
    pub async fn line(&self, question: &str) -> Result<Option<String>, ClientError> {
        self.ask(question, true)
            .await
            .map(|answer| answer.map(|text| text.to_string()))
    }

    /// Asks for something that nobody may see.
    pub(crate) async fn hidden(&self, question: &str) -> Result<Option<Secret>, ClientError> {
        self.ask(question, false)
            .await
            .map(|answer| answer.map(|text| Secret::new(text.as_str())))
    }

    /// A second factor: the one that was given, or else whoever is there is
    /// asked.
    pub(crate) async fn code(&mut self) -> Result<Secret, ClientError> {
        if let Some(code) = self.code.take() {
            return Ok(code);
        }
        let asked = self.hidden("Code of the authenticator app, or a recovery code: ");
        asked.await?.ok_or(ClientError::SecondFactor)
    }

    async fn ask(
        &self,
        question: &str,
        is_shown: bool,
    ) -> Result<Option<Zeroizing<String>>, ClientError> {
        if !self.is_terminal {
            return Ok(None);
        }
        let answer = read(question, is_shown).await;
        answer
            .map_err(ClientError::Terminal)?
            .map_or(Err(ClientError::Cancelled), |answer| Ok(Some(answer)))
    }
}

/// The terminal tells every key at once while this is there.
struct Raw;

impl Raw {
    fn take() -> io::Result<Self> {
        enable_raw_mode()?;
        Ok(Self)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // Nobody is left to tell of a failure.
        let _ = disable_raw_mode();
        let _ = writeln!(io::stderr());
    }
}

/// What is typed until Enter; nothing if it was given up.
async fn read(question: &str, is_shown: bool) -> io::Result<Option<Zeroizing<String>>> {
    let show = |text: &str| {
        let mut err = io::stderr();
        err.write_all(text.as_bytes()).and_then(|()| err.flush())
    };
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let _raw = Raw::take()?;
    show(&display_safe(question))?;
    let mut events = EventStream::new();
    let mut answer = Zeroizing::new(String::with_capacity(ANSWER_BYTES_MAX));
    loop {
        let event = tokio::select! {
            event = events.next() => event,
            _ = terminate.recv() => return Ok(None),
            _ = hang_up.recv() => return Ok(None),
        };
        let Some(event) = event.transpose()? else {
            return Ok(None);
        };
        match edit(&mut answer, &event) {
            Edit::Done => return Ok(Some(answer)),
            Edit::GivenUp => return Ok(None),
            Edit::Added(character) if is_shown => {
                show(&display_safe(character.encode_utf8(&mut [0; 4])))?;
            }
            // The same, whatever is taken away: one column.
            Edit::Removed if is_shown => show("\u{8} \u{8}")?,
            Edit::Added(_) | Edit::Removed | Edit::Nothing => {}
        }
    }
}

/// What a key did to an answer.
#[derive(Debug, PartialEq, Eq)]
enum Edit {
    Added(char),
    Removed,
    Nothing,
    Done,
    GivenUp,
}

fn edit(answer: &mut String, event: &Event) -> Edit {
    let Event::Key(key) = event else {
        return Edit::Nothing;
    };
    if key.kind == KeyEventKind::Release {
        return Edit::Nothing;
    }
    let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Enter => Edit::Done,
        KeyCode::Esc => Edit::GivenUp,
        KeyCode::Char('c' | 'd') if is_control => Edit::GivenUp,
        KeyCode::Backspace => answer.pop().map_or(Edit::Nothing, |_| Edit::Removed),
        KeyCode::Char(character)
            if !is_control && answer.len() + character.len_utf8() <= ANSWER_BYTES_MAX =>
        {
            answer.push(character);
            Edit::Added(character)
        }
        _ => Edit::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyEvent;

    use super::*;

    fn key(code: KeyCode) -> Event {
        Event::Key(KeyEvent::new(code, KeyModifiers::NONE))
    }

    #[test]
    fn an_answer_is_typed_corrected_and_given() {
        let mut answer = String::new();
        for letter in "vel\u{e9}x".chars() {
            let typed = edit(&mut answer, &key(KeyCode::Char(letter)));
            assert_eq!(typed, Edit::Added(letter));
        }
        assert_eq!(edit(&mut answer, &key(KeyCode::Backspace)), Edit::Removed);
        assert_eq!(edit(&mut answer, &key(KeyCode::Enter)), Edit::Done);
        assert_eq!(answer, "vel\u{e9}");
        assert_eq!(edit(&mut answer, &key(KeyCode::Esc)), Edit::GivenUp);
        let control = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(edit(&mut answer, &Event::Key(control)), Edit::GivenUp);
    }

    #[test]
    fn an_answer_has_an_end() {
        let mut answer = "x".repeat(ANSWER_BYTES_MAX - 1);
        let wide = edit(&mut answer, &key(KeyCode::Char('\u{e9}')));
        assert_eq!(wide, Edit::Nothing);
        edit(&mut answer, &key(KeyCode::Char('y')));
        let more = edit(&mut answer, &key(KeyCode::Char('z')));
        assert_eq!((more, answer.len()), (Edit::Nothing, ANSWER_BYTES_MAX));
        let mut none = String::new();
        assert_eq!(edit(&mut none, &key(KeyCode::Backspace)), Edit::Nothing);
    }

    #[tokio::test]
    async fn without_a_terminal_nobody_is_asked() {
        let mut prompt = Prompt {
            is_terminal: false,
            code: Some(Secret::new("123456")),
        };
        assert!(prompt.line("Email: ").await.expect("no fault").is_none());
        assert_eq!(prompt.code().await.expect("given").expose(), "123456");
        let second = prompt.code().await.expect_err("used up");
        assert!(matches!(second, ClientError::SecondFactor));
        assert!(second.to_string().contains("COUNTERSIGN_CODE"), "{second}");
    }
}
