//! Reading HTTP messages the simple way.

use std::io::{self, Read};

/// A message as it arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Start line and fields, without the empty line.
    pub head: String,
    /// The body without framing.
    pub body: Vec<u8>,
    /// Trailer fields, if the body was chunked.
    pub trailers: String,
}

impl Message {
    /// The first line.
    #[must_use]
    pub fn start_line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    /// The status code of a response.
    ///
    /// # Panics
    /// If it is not a response.
    #[must_use]
    pub fn status(&self) -> u16 {
        let code = self.start_line().split(' ').nth(1).unwrap_or_default();
        code.parse()
            .unwrap_or_else(|_| panic!("not a response: {:?}", self.head))
    }

    /// The values of a field.
    #[must_use]
    pub fn all(&self, name: &str) -> Vec<&str> {
        let fields = self
            .head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(':'));
        fields
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.trim())
            .collect()
    }

    /// The value of a field that is there at most once.
    ///
    /// # Panics
    /// If it is there more than once.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() <= 1, "{name} is repeated in {}", self.head);
        all.first().copied()
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Reads messages from a stream, remembering what it read too much.
pub struct Reader<R> {
    stream: R,
    ahead: Vec<u8>,
}

impl<R: Read> Reader<R> {
    /// A reader with nothing read.
    pub fn new(stream: R) -> Self {
        Self {
            stream,
            ahead: Vec::new(),
        }
    }

    /// The stream.
    pub fn stream(&mut self) -> &mut R {
        &mut self.stream
    }

    /// Reads once more; false at the end.
    fn more(&mut self) -> io::Result<bool> {
        let mut part = [0; 65536];
        let count = self.stream.read(&mut part)?;
        self.ahead.extend_from_slice(&part[..count]);
        Ok(count > 0)
    }

    fn line(&mut self) -> io::Result<Vec<u8>> {
        self.until(b"\r\n")
    }

    fn until(&mut self, end: &[u8]) -> io::Result<Vec<u8>> {
        loop {
            if let Some(at) = self.ahead.windows(end.len()).position(|part| part == end) {
                let mut taken: Vec<u8> = self.ahead.drain(..at + end.len()).collect();
                taken.truncate(at);
                return Ok(taken);
            }
            if !self.more()? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Reads `count` bytes.
    ///
    /// # Errors
    /// `UnexpectedEof` when the stream ends before.
    pub fn bytes(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.ahead.len() < count {
            if !self.more()? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(self.ahead.drain(..count).collect())
    }

    /// What was read and not yet asked for.
    pub fn take_ahead(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.ahead)
    }

    /// Reads until the stream ends.
    ///
    /// # Errors
    /// Those of the stream.
    pub fn to_end(&mut self) -> io::Result<Vec<u8>> {
        while self.more()? {}
        Ok(std::mem::take(&mut self.ahead))
    }

    /// Reads a head; `None` if the stream ends before one begins.
    ///
    /// # Errors
    /// `UnexpectedEof` when the stream ends inside it.
    pub fn head(&mut self) -> io::Result<Option<Message>> {
        if self.ahead.is_empty() && !self.more()? {
            return Ok(None);
        }
        let head = self.until(b"\r\n\r\n")?;
        Ok(Some(Message {
            head: String::from_utf8_lossy(&head).into_owned(),
            ..Message::default()
        }))
    }

    /// Reads the body that the head announces. `ends_with_stream` is how a response without a length ends.
    ///
    /// # Errors
    /// `UnexpectedEof` when the stream ends before the body does.
    pub fn body(&mut self, message: &mut Message, ends_with_stream: bool) -> io::Result<()> {
        if message.get("transfer-encoding") == Some("chunked") {
            return self.chunks(message);
        }
        match message.get("content-length") {
            Some(length) => {
                let length = length.parse().map_err(io::Error::other)?;
                message.body = self.bytes(length)?;
            }
            None if ends_with_stream => message.body = self.to_end()?,
            None => {}
        }
        Ok(())
    }

    fn chunks(&mut self, message: &mut Message) -> io::Result<()> {
        loop {
            let line = String::from_utf8_lossy(&self.line()?).into_owned();
            let size = usize::from_str_radix(&line, 16).map_err(io::Error::other)?;
            if size == 0 {
                break;
            }
            let data = self.bytes(size)?;
            message.body.extend(data);
            assert_eq!(self.bytes(2)?, b"\r\n", "a chunk ends with CR LF");
        }
        loop {
            let line = String::from_utf8_lossy(&self.line()?).into_owned();
            if line.is_empty() {
                return Ok(());
            }
            message.trailers.push_str(&line);
            message.trailers.push('\n');
        }
    }
}
