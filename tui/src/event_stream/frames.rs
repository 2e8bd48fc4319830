//! Server-sent events as frames, bounded.

/// Most bytes of a frame's data, and of a line. A message of the log is
/// smaller, and its events as JSON are not much larger.
pub(super) const FRAME_BYTES_MAX: usize = 4 * 1_024 * 1_024;

/// One frame.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Frame {
    /// The last `id` of the stream; it stays until another comes.
    pub(super) id: String,
    /// The kind (`event`), empty unless named.
    pub(super) kind: String,
    /// The data, its lines joined by line feeds.
    pub(super) data: String,
}

/// Takes bytes and gives whole frames.
#[derive(Debug, Default)]
pub(super) struct Frames {
    line: Vec<u8>,
    /// Whether the last byte was a carriage return, which a line feed may
    /// follow without being a line of its own.
    after_return: bool,
    /// Whether the first line, which may begin with a mark, is over.
    begun: bool,
    /// Whether the frame has data, which may be empty.
    has_data: bool,
    frame: Frame,
}

impl Frames {
    /// Takes the next byte; the frame that it completes, if it does.
    pub(super) fn take(&mut self, byte: u8) -> Result<Option<Frame>, &'static str> {
        let is_second_half = byte == b'\n' && self.after_return;
        self.after_return = byte == b'\r';
        match byte {
            b'\n' if is_second_half => Ok(None),
            b'\n' | b'\r' => self.end_of_line(),
            _ if self.line.len() + self.frame.data.len() >= FRAME_BYTES_MAX => {
                Err("a frame that is too long")
            }
            _ => {
                self.line.push(byte);
                Ok(None)
            }
        }
    }

    fn end_of_line(&mut self) -> Result<Option<Frame>, &'static str> {
        let bytes = std::mem::take(&mut self.line);
        let line = std::str::from_utf8(&bytes).map_err(|_| "text that is not UTF-8")?;
        let line = if self.begun {
            line
        } else {
            self.begun = true;
            line.strip_prefix('\u{feff}').unwrap_or(line)
        };
        if line.is_empty() {
            return Ok(self.end_of_frame());
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => {
                if self.has_data {
                    self.frame.data.push('\n');
                }
                self.has_data = true;
                self.frame.data.push_str(value);
            }
            "event" => value.clone_into(&mut self.frame.kind),
            "id" if !value.contains('\0') => value.clone_into(&mut self.frame.id),
            // A comment has no field; `retry` says nothing here.
            _ => {}
        }
        Ok(None)
    }

    fn end_of_frame(&mut self) -> Option<Frame> {
        let next = Frame {
            id: self.frame.id.clone(),
            ..Frame::default()
        };
        let frame = std::mem::replace(&mut self.frame, next);
        std::mem::take(&mut self.has_data).then_some(frame)
    }
}
