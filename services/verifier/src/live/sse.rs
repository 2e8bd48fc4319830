//! Server-sent events (the WHATWG HTML standard, section 9.2.6), bounded.

/// A longer event, or line, is an error.
pub(crate) const MAX_EVENT_BYTES: usize = 1024 * 1024;

/// One event of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Event {
    /// The last `id` the stream has named; it stays until another comes.
    pub(crate) id: String,
    /// The type (`event`), empty unless named.
    pub(crate) kind: String,
    /// The data, its lines joined by line feeds.
    pub(crate) data: String,
}

/// The event has more than [`MAX_EVENT_BYTES`], or is not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the event stream is malformed")]
pub(crate) struct Malformed;

/// Takes bytes as they come and gives whole events.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    line: Vec<u8>,
    /// Whether the last byte was a carriage return, which a line feed may
    /// follow.
    after_cr: bool,
    is_started: bool,
    has_data: bool,
    event: Event,
}

impl Parser {
    /// Takes the next bytes and hands every event they complete to `take`.
    pub(crate) fn feed(
        &mut self,
        bytes: &[u8],
        mut take: impl FnMut(Event),
    ) -> Result<(), Malformed> {
        for &byte in bytes {
            let is_second_half = self.after_cr && byte == b'\n';
            self.after_cr = byte == b'\r';
            match byte {
                b'\n' if is_second_half => {}
                b'\n' | b'\r' => {
                    if let Some(event) = self.end_line()? {
                        take(event);
                    }
                }
                _ => {
                    if self.line.len() + self.event.data.len() >= MAX_EVENT_BYTES {
                        return Err(Malformed);
                    }
                    self.line.push(byte);
                }
            }
        }
        Ok(())
    }

    fn end_line(&mut self) -> Result<Option<Event>, Malformed> {
        let line = std::mem::take(&mut self.line);
        let mut line = std::str::from_utf8(&line).map_err(|_| Malformed)?;
        if !std::mem::replace(&mut self.is_started, true) {
            line = line.strip_prefix('\u{feff}').unwrap_or(line);
        }
        if line.is_empty() {
            return Ok(self.end_event());
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "event" => value.clone_into(&mut self.event.kind),
            "data" => {
                if self.has_data {
                    self.event.data.push('\n');
                }
                self.has_data = true;
                self.event.data.push_str(value);
            }
            "id" if !value.contains('\0') => value.clone_into(&mut self.event.id),
            // A comment has no name; `retry` and all others say nothing here.
            _ => {}
        }
        Ok(None)
    }

    fn end_event(&mut self) -> Option<Event> {
        let id = self.event.id.clone();
        let event = std::mem::replace(
            &mut self.event,
            Event {
                id,
                ..Event::default()
            },
        );
        std::mem::take(&mut self.has_data).then_some(event)
    }
}

#[cfg(test)]
mod tests;
