//! Lines of a HAProxy configuration as words (its manual, section 2.2, "Quoting and escaping").
//!
//! Variables of the environment are not looked up: what is set where the import runs says nothing about where the gateway
//! will, and may be a secret. `${NAME-default}` is its default; anything else stays, and is refused where it is used.

use crate::import::ledger::Statement;
use crate::import::source::{Characters, Mistake, Place};

/// Longest line, continued ones counted together. HAProxy's own limit is 2 KiB.
const LONGEST: usize = 64 << 10;
/// Most lines with words. HAProxy has no limit; a list belongs into a map.
const MOST: usize = 200_000;

/// A line with words in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) words: Vec<String>,
    pub(super) place: Place,
}

impl Line {
    /// The word at an index, or nothing.
    pub(super) fn word(&self, index: usize) -> &str {
        self.words.get(index).map_or("", String::as_str)
    }

    /// The words from an index.
    pub(super) fn from(&self, index: usize) -> &[String] {
        self.words.get(index..).unwrap_or_default()
    }
}

impl Statement for Line {
    fn place(&self) -> Place {
        self.place
    }

    fn text(&self) -> String {
        let shown = |(at, word): (usize, &String)| match self.is_secret(at) {
            true => "…".to_owned(),
            false => word.clone(),
        };
        let words: Vec<String> = self.words.iter().enumerate().map(shown).collect();
        words.join(" ")
    }
}

impl Line {
    /// A word that must not come into comments and summaries, which people send around.
    fn is_secret(&self, at: usize) -> bool {
        let before = at.checked_sub(1).map_or("", |at| self.word(at));
        match self.word(0) {
            "user" => matches!(before, "password" | "insecure-password"),
            "stats" => self.word(1) == "auth" && at == 2,
            "setenv" | "presetenv" => at == 2,
            _ => false,
        }
    }
}

/// All lines that have words.
pub(super) fn lines(file: u16, text: &str) -> Result<Vec<Line>, Mistake> {
    let mut lexer = Lexer {
        text: Characters::new(file, text),
        size: 0,
    };
    let mut lines = Vec::new();
    while let Some(line) = lexer.line()? {
        if !line.words.is_empty() {
            lines.push(line);
        }
        if lines.len() > MOST {
            let place = lexer.text.place();
            let what = format!("there are more than {MOST} lines");
            return Err(Mistake::new(place, what, "import the parts one by one"));
        }
    }
    Ok(lines)
}

struct Lexer<'t> {
    text: Characters<'t>,
    /// Of the line, in bytes.
    size: usize,
}

impl Lexer<'_> {
    /// The next line; `None` at the end.
    fn line(&mut self) -> Result<Option<Line>, Mistake> {
        if self.text.peek().is_none() {
            return Ok(None);
        }
        self.size = 0;
        let mut line = Line::default();
        loop {
            match self.text.peek() {
                None => return Ok(Some(line)),
                Some('\n') => {
                    self.text.next();
                    return Ok(Some(line));
                }
                Some('#') => {
                    while self.text.peek().is_some_and(|c| c != '\n') {
                        self.text.next();
                    }
                }
                Some(character) if character.is_ascii_whitespace() => {
                    self.text.next();
                }
                Some(_) => {
                    let place = self.text.place();
                    let Some(word) = self.word(place)? else {
                        continue;
                    };
                    if line.words.is_empty() {
                        line.place = place;
                    }
                    line.words.push(word);
                }
            }
        }
    }

    /// A word; `None` if there was only the end of a line that goes on.
    fn word(&mut self, start: Place) -> Result<Option<String>, Mistake> {
        let mut word = String::new();
        let mut is_word = false;
        while let Some(character) = self.text.peek() {
            if character.is_ascii_whitespace() || character == '#' {
                break;
            }
            self.text.next();
            match character {
                '\\' => {
                    if self.escape(&mut word) {
                        break;
                    }
                }
                '"' => self.weak(&mut word, start)?,
                '\'' => self.strong(&mut word, start)?,
                _ => word.push(character),
            }
            is_word = true;
            self.check(&word, start)?;
        }
        self.size += word.len() + 1;
        Ok(is_word.then_some(word))
    }

    /// What follows a backslash. True for the end of the line, which the next line continues.
    fn escape(&mut self, word: &mut String) -> bool {
        match self.text.next() {
            Some('\n') => return true,
            Some('\r') if self.text.peek() == Some('\n') => {
                self.text.next();
                return true;
            }
            Some('r') => word.push('\r'),
            Some('n') => word.push('\n'),
            Some('t') => word.push('\t'),
            Some(character @ (' ' | '#' | '\\' | '"' | '\'' | '$')) => word.push(character),
            // Regular expressions keep theirs.
            Some(character) => {
                word.push('\\');
                word.push(character);
            }
            None => word.push('\\'),
        }
        false
    }

    /// `"…"`: escapes and variables mean something.
    fn weak(&mut self, word: &mut String, start: Place) -> Result<(), Mistake> {
        loop {
            match self.text.next() {
                None | Some('\n') => return Err(unclosed('"', start)),
                Some('"') => return Ok(()),
                Some('\\') => {
                    if self.escape(word) {
                        return Err(unclosed('"', start));
                    }
                }
                Some('$') if self.text.peek() == Some('{') => self.variable(word, start)?,
                Some(character) => word.push(character),
            }
            self.check(word, start)?;
        }
    }

    /// `${NAME}`, `${NAME-default}`
    fn variable(&mut self, word: &mut String, start: Place) -> Result<(), Mistake> {
        let mut inside = String::new();
        self.text.next();
        loop {
            match self.text.next() {
                None | Some('\n') => {
                    let what = "`${` is never closed";
                    return Err(Mistake::new(start, what, "add the missing `}`"));
                }
                Some('}') => break,
                Some(character) => inside.push(character),
            }
            self.check(&inside, start)?;
        }
        match inside.split_once('-') {
            Some((_, default)) => word.push_str(default),
            None => {
                word.push_str("${");
                word.push_str(&inside);
                word.push('}');
            }
        }
        Ok(())
    }

    fn strong(&mut self, word: &mut String, start: Place) -> Result<(), Mistake> {
        loop {
            match self.text.next() {
                None | Some('\n') => return Err(unclosed('\'', start)),
                Some('\'') => return Ok(()),
                Some(character) => word.push(character),
            }
            self.check(word, start)?;
        }
    }

    fn check(&self, word: &str, start: Place) -> Result<(), Mistake> {
        if self.size + word.len() > LONGEST {
            let what = format!("a line is longer than {} KiB", LONGEST >> 10);
            return Err(Mistake::new(start, what, "is a quote missing?"));
        }
        match word.chars().next_back() {
            Some('\0') => Err(Mistake::new(
                start,
                "there is a NUL character: this is no text",
                "is this the right file?",
            )),
            Some(char::REPLACEMENT_CHARACTER) => Err(Mistake::new(
                start,
                "there is a character that is not UTF-8",
                "convert the file: iconv -f latin1 -t utf-8",
            )),
            _ => Ok(()),
        }
    }
}

fn unclosed(quote: char, start: Place) -> Mistake {
    let what = format!("the quote {quote} is not closed on its line");
    Mistake::new(start, what, "add the missing quote")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Vec<String>> {
        let all = lines(0, text).expect(text);
        all.into_iter().map(|line| line.words).collect()
    }

    #[test]
    fn lines_and_quotes() {
        let cases: [(&str, &[&[&str]]); 8] = [
            ("a b # c\n\n  d", &[&["a", "b"], &["d"]]),
            ("a \\\n b\nc", &[&["a", "b"], &["c"]]),
            ("a \"b c\" 'd # e'", &[&["a", "b c", "d # e"]]),
            ("a\\ b \\#c \\.php$", &[&["a b", "#c", "\\.php$"]]),
            (
                "a \"x${B-1}y\" \"${C}\" '${D}'",
                &[&["a", "x1y", "${C}", "${D}"]],
            ),
            ("a b\"c\"d", &[&["a", "bcd"]]),
            ("a \"\"", &[&["a", ""]]),
            ("a {b} -m\r\n", &[&["a", "{b}", "-m"]]),
        ];
        for (text, expected) in cases {
            assert_eq!(words(text), expected, "{text}");
        }
        let all = lines(0, "a\n  b").expect("valid");
        assert_eq!((all[1].place.line, all[1].place.column), (2, 3));
    }

    #[test]
    fn mistakes_have_their_place() {
        for (text, line, column) in [("a\n \"b\nc\"", 2, 2), ("a 'b", 1, 3), ("\"${a\n}\"", 1, 1)] {
            let mistake = lines(0, text).expect_err(text);
            assert_eq!(
                (mistake.place.line, mistake.place.column),
                (line, column),
                "{text}"
            );
        }
        assert!(lines(0, "a\0").is_err());
        assert!(lines(0, &"a ".repeat(LONGEST)).is_err());
    }
}
