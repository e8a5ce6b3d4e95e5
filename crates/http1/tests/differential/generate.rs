//! Requests that are almost right.

use crate::words::{
    CHUNK_ENDS, CODING_NAMES, CODINGS, DAMAGE, EMPTY_LINES, FIELDS, HOSTS, KEEP_ALIVES,
    LAST_CHUNKS, LENGTH_NAMES, LENGTHS, LINE_ENDS, METHODS, SIZE_PREFIXES, SIZE_SUFFIXES, TARGETS,
    TRAILERS, VERSIONS,
};

/// Makes two or three pipelined requests, and says in pieces of what size they are to be read.
pub(crate) fn generate(seed: u64) -> (Vec<u8>, usize) {
    let mut generator = Generator {
        rng: fastrand::Rng::with_seed(seed),
        out: Vec::new(),
    };
    generator.rarely(24, EMPTY_LINES, b"");
    for _ in 0..generator.rng.usize(1..3) {
        generator.request();
    }
    // The last one is right: whoever is out of step reads it as something else.
    let last = b"POST /last HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nlast";
    generator.out.extend_from_slice(last);
    if generator.one_in(12) {
        generator.damage();
    }
    let piece = if generator.rng.bool() {
        usize::MAX
    } else {
        generator.rng.usize(1..40)
    };
    (generator.out, piece)
}

/// What is odd is rare, or the first oddity of a request would hide all the others.
struct Generator {
    rng: fastrand::Rng,
    out: Vec<u8>,
}

impl Generator {
    fn one_in(&mut self, count: u32) -> bool {
        self.rng.u32(..count) == 0
    }

    fn pick(&mut self, words: &[&'static [u8]]) -> &'static [u8] {
        words[self.rng.usize(..words.len())]
    }

    /// Writes one of `words` in one of `count` cases, else `usual`.
    fn rarely(
        &mut self,
        count: u32,
        words: &[&'static [u8]],
        usual: &'static [u8],
    ) -> &'static [u8] {
        let word = if self.one_in(count) {
            self.pick(words)
        } else {
            usual
        };
        self.out.extend_from_slice(word);
        word
    }

    fn line_end(&mut self) {
        self.rarely(400, LINE_ENDS, b"\r\n");
    }

    fn request(&mut self) {
        let method = self.rarely(8, METHODS, b"GET");
        self.out.push(b' ');
        let target: &[u8] = if method == b"CONNECT" {
            b"a:443"
        } else {
            b"/a?b"
        };
        self.rarely(16, TARGETS, target);
        let version = self.rarely(24, VERSIONS, b" HTTP/1.1");
        self.line_end();

        let len = self.rng.usize(..40);
        // Bytes that might be mistaken for framing.
        let data: Vec<u8> = (0..len)
            .map(|_| self.rng.choice(*b"\r\n\r\n05aG: ").unwrap_or(0))
            .collect();
        let framing = self.rng.u32(..16);
        let has_length = framing < 7;
        let is_chunked = (6..15).contains(&framing);
        // The lines come in any order.
        let mut lines = [0, 1, 2, 3, 4];
        self.rng.shuffle(&mut lines);
        for line in lines {
            let start = self.out.len();
            match line {
                0 => {
                    self.rarely(20, HOSTS, b"Host: a");
                }
                1 => {
                    self.rarely(8, FIELDS, b"");
                }
                2 if version == b" HTTP/1.0" => {
                    self.rarely(2, KEEP_ALIVES, b"");
                }
                3 if has_length => {
                    self.rarely(16, LENGTH_NAMES, b"Content-Length: ");
                    let value = if self.one_in(5) {
                        self.pick(LENGTHS)
                    } else {
                        b"#"
                    };
                    for byte in value {
                        match byte {
                            b'#' => self
                                .out
                                .extend_from_slice(data.len().to_string().as_bytes()),
                            other => self.out.push(*other),
                        }
                    }
                }
                4 if is_chunked => {
                    self.rarely(16, CODING_NAMES, b"Transfer-Encoding: ");
                    self.rarely(8, CODINGS, b"chunked");
                }
                _ => {}
            }
            if self.out.len() > start {
                self.line_end();
            }
        }
        self.line_end();

        if is_chunked {
            self.chunks(&data);
        } else if has_length {
            self.out.extend_from_slice(&data);
        }
    }

    fn chunks(&mut self, data: &[u8]) {
        let mut rest = data;
        while !rest.is_empty() {
            let (chunk, after) = rest.split_at(self.rng.usize(1..=rest.len()));
            rest = after;
            self.rarely(48, SIZE_PREFIXES, b"");
            let mut size = format!("{:x}", chunk.len());
            if self.rng.bool() {
                size.make_ascii_uppercase();
            }
            self.out.extend_from_slice(size.as_bytes());
            self.rarely(24, SIZE_SUFFIXES, b"");
            if self.one_in(300) {
                // Around the longest extension that this crate takes.
                self.out
                    .extend_from_slice(&[b';'; 300][..self.rng.usize(250..265)]);
            }
            self.line_end();
            self.out.extend_from_slice(chunk);
            self.rarely(64, CHUNK_ENDS, b"\r\n");
        }
        self.rarely(32, LAST_CHUNKS, b"0");
        self.line_end();
        self.rarely(8, TRAILERS, b"");
        if self.one_in(100) {
            // Longer than either side takes, shorter than both, or between them.
            let value = "x".repeat(1 << self.rng.usize(12..15));
            self.out
                .extend_from_slice(format!("A: {value}\r\n").as_bytes());
        }
        self.line_end();
    }

    /// Puts in, takes out or writes over a byte or two.
    fn damage(&mut self) {
        for _ in 0..self.rng.usize(1..3) {
            let at = self.rng.usize(..self.out.len());
            let byte = DAMAGE[self.rng.usize(..DAMAGE.len())];
            match self.rng.u8(..3) {
                0 => self.out[at] = byte,
                1 => self.out.insert(at, byte),
                _ => drop(self.out.remove(at)),
            }
        }
    }
}
