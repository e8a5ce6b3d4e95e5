//! Words, `;`, `{` and `}` of an nginx configuration, each with its place (ngx_conf_read_token).

use crate::import::source::{Characters, Mistake, Place};

/// Longest word. nginx's own limit is a buffer of 4 KiB; Lua blocks and long `map`s come close.
const LONGEST: usize = 64 << 10;

/// A piece of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Word(String),
    /// `;`
    End,
    /// `{`
    Open,
    /// `}`
    Close,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) place: Place,
}

pub(super) struct Lexer<'t> {
    text: Characters<'t>,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(file: u16, text: &'t str) -> Self {
        Self {
            text: Characters::new(file, text),
        }
    }

    /// Where the next character stands.
    pub(super) fn place(&self) -> Place {
        self.text.place()
    }

    /// The next token; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Token>, Mistake> {
        self.skip();
        let place = self.text.place();
        let kind = match self.text.peek() {
            None => return Ok(None),
            Some(';') => self.single(Kind::End),
            Some('{') => self.single(Kind::Open),
            Some('}') => self.single(Kind::Close),
            Some(quote @ ('"' | '\'')) => self.quoted(quote, place)?,
            Some(_) => self.word(place)?,
        };
        Ok(Some(Token { kind, place }))
    }

    /// The next character, whatever it means: for code in another language.
    pub(super) fn next_character(&mut self) -> Option<char> {
        self.text.next()
    }

    fn single(&mut self, kind: Kind) -> Kind {
        self.text.next();
        kind
    }

    /// White space and comments.
    fn skip(&mut self) {
        while let Some(character) = self.text.peek() {
            if character == '#' {
                while self.text.peek().is_some_and(|c| c != '\n') {
                    self.text.next();
                }
            } else if character.is_ascii_whitespace() {
                self.text.next();
            } else {
                return;
            }
        }
    }

    fn quoted(&mut self, quote: char, start: Place) -> Result<Kind, Mistake> {
        self.text.next();
        let mut text = String::new();
        loop {
            match self.text.next() {
                None => {
                    let what = format!("the quote {quote} is never closed");
                    return Err(Mistake::new(start, what, "add the missing quote"));
                }
                Some('\\') => self.escape(&mut text),
                Some(character) if character == quote => break,
                Some(character) => text.push(character),
            }
            check(&text, start)?;
        }
        let follows = self.text.peek();
        let is_end =
            follows.is_none_or(|c| c.is_ascii_whitespace() || matches!(c, ';' | '{' | ')'));
        if !is_end {
            let what = "a space or `;` is missing behind the quote";
            let help = "nginx refuses this, too";
            return Err(Mistake::new(self.text.place(), what, help));
        }
        Ok(Kind::Word(text))
    }

    fn word(&mut self, start: Place) -> Result<Kind, Mistake> {
        let mut text = String::new();
        while let Some(character) = self.text.peek() {
            if character.is_ascii_whitespace() || matches!(character, ';' | '{') {
                break;
            }
            self.text.next();
            match character {
                '\\' => self.escape(&mut text),
                '$' if self.text.peek() == Some('{') => {
                    text.push('$');
                    self.variable(&mut text, start)?;
                }
                _ => text.push(character),
            }
            check(&text, start)?;
        }
        Ok(Kind::Word(text))
    }

    /// `{name}` of `${name}`: these braces open no block.
    fn variable(&mut self, text: &mut String, start: Place) -> Result<(), Mistake> {
        while let Some(character) = self.text.next() {
            text.push(character);
            check(text, start)?;
            if character == '}' {
                return Ok(());
            }
        }
        let what = "`${` is never closed";
        Err(Mistake::new(start, what, "add the missing `}`"))
    }

    /// What stands for itself keeps no backslash; all others, as those of regular expressions, keep theirs.
    fn escape(&mut self, text: &mut String) {
        match self.text.next() {
            Some(character @ ('"' | '\'' | '\\')) => text.push(character),
            Some('t') => text.push('\t'),
            Some('r') => text.push('\r'),
            Some('n') => text.push('\n'),
            Some(character) => {
                text.push('\\');
                text.push(character);
            }
            None => text.push('\\'),
        }
    }
}

fn check(text: &str, place: Place) -> Result<(), Mistake> {
    if text.len() > LONGEST {
        let what = format!("a word is longer than {} KiB", LONGEST >> 10);
        let help = "a quote or a `;` may be missing before";
        return Err(Mistake::new(place, what, help));
    }
    match text.chars().next_back() {
        Some('\0') => Err(Mistake::new(
            place,
            "there is a NUL character: this is no text",
            "is this the right file?",
        )),
        Some(char::REPLACEMENT_CHARACTER) => Err(Mistake::new(
            place,
            "there is a character that is not UTF-8",
            "convert the file: iconv -f latin1 -t utf-8",
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Result<Vec<String>, (u32, u32, String)> {
        let mut lexer = Lexer::new(0, text);
        let mut all = Vec::new();
        loop {
            match lexer.next() {
                Ok(None) => return Ok(all),
                Ok(Some(token)) => all.push(match token.kind {
                    Kind::Word(text) => text,
                    Kind::End => ";".into(),
                    Kind::Open => "{".into(),
                    Kind::Close => "}".into(),
                }),
                Err(mistake) => {
                    return Err((mistake.place.line, mistake.place.column, mistake.what));
                }
            }
        }
    }

    #[test]
    fn words_and_quotes() {
        let cases: [(&str, &[&str]); 7] = [
            ("a b; # c {\nd{}", &["a", "b", ";", "d", "{", "}"]),
            (r#"a "b c" 'd;e';"#, &["a", "b c", "d;e", ";"]),
            (r#"a "b\"c" \.php$;"#, &["a", "b\"c", r"\.php$", ";"]),
            ("a ${b}c;", &["a", "${b}c", ";"]),
            ("if ($a = \"b\") {", &["if", "($a", "=", "b", ")", "{"]),
            ("a x#y;", &["a", "x#y", ";"]),
            ("\u{FEFF}a;", &["a", ";"]),
        ];
        for (text, expected) in cases {
            assert_eq!(words(text).expect(text), expected, "{text}");
        }
    }

    #[test]
    fn mistakes_have_their_place() {
        for (text, line, column, what) in [
            ("a\n \"b", 2, 2, "never closed"),
            ("a ${b", 1, 3, "never closed"),
            ("a \"b\"c;", 1, 6, "space"),
            ("a b\0;", 1, 3, "NUL"),
        ] {
            let error = words(text).expect_err(text);
            assert_eq!((error.0, error.1), (line, column), "{text}");
            assert!(error.2.contains(what), "{}", error.2);
        }
        assert!(words(&"a".repeat(LONGEST + 1)).is_err());
    }
}
