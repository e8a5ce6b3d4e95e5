//! The usual form of a configuration: `tenfold fmt`.
//!
//! # The idea
//! Works on tokens and changes nothing but the white space between them, so that it cannot lose a comment or change a value;
//! and does not trust that: what comes out is parsed and compared before anyone gets it. Existing formatters know TOML 1.0
//! only, and this program reads 1.1 (inline tables over several lines).
//!
//! # The form
//! `KEY = VALUE` with one space; four spaces per open bracket; at most one empty line, and one before each table; comments
//! behind values of adjacent lines in one column. Where lines end is the writer's choice.

use toml_parser::Source;
use toml_parser::lexer::TokenKind;

use super::tree;

/// Comments behind lines longer than this do not push those of their neighbours to the right.
const COLUMN: usize = 80;

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Blank,
    Comment,
    /// `[table]`, `[[route]]`
    Header,
    Entry,
    /// A part of a value that goes over several lines.
    Inner,
}

/// A line of the result.
#[derive(Debug)]
struct Line {
    kind: Kind,
    indent: usize,
    text: String,
    /// Behind the text.
    comment: Option<String>,
}

/// Gives a text its usual form. `None` if that would have changed what it says, which is a mistake of this file.
///
/// The text is TOML: what is not has no form.
pub(crate) fn format(text: &str) -> Option<String> {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let mut lines = lines(text);
    separate_tables(&mut lines);
    let formatted = write(&lines);
    let is_same = tree::says_the_same(text, &formatted) && comments(text).eq(comments(&formatted));
    is_same.then_some(formatted)
}

fn comments(text: &str) -> impl Iterator<Item = &str> {
    let tokens = Source::new(text).lex();
    let comments = tokens.filter(|token| token.kind() == TokenKind::Comment);
    comments.map(|token| text[token.span().start()..token.span().end()].trim_end())
}

fn lines(text: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut depth = 0;
    let mut tokens: Vec<(TokenKind, &str)> = Vec::new();
    for token in Source::new(text).lex() {
        let part = &text[token.span().start()..token.span().end()];
        match token.kind() {
            TokenKind::Newline | TokenKind::Eof => {
                lines.push(line(&tokens, &mut depth));
                tokens.clear();
            }
            TokenKind::Whitespace => {}
            kind => tokens.push((kind, part)),
        }
    }
    lines
}

/// One line of its tokens; `depth` is the number of brackets that are open before it, and afterwards behind it.
fn line(tokens: &[(TokenKind, &str)], depth: &mut usize) -> Line {
    let (tokens, comment) = match tokens {
        [rest @ .., (TokenKind::Comment, comment)] => (rest, Some(comment.trim_end().to_owned())),
        all => (all, None),
    };
    let before = *depth;
    let is_header =
        before == 0 && matches!(tokens.first(), Some((TokenKind::LeftSquareBracket, _)));
    let mut closing = 0;
    let mut is_at_start = true;
    for (kind, _) in tokens {
        match kind {
            TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket => *depth += 1,
            TokenKind::RightSquareBracket | TokenKind::RightCurlyBracket => {
                *depth = depth.saturating_sub(1);
                closing += usize::from(is_at_start);
                continue;
            }
            _ => {}
        }
        is_at_start = false;
    }
    let (text, comment, kind) = match (tokens.is_empty(), comment) {
        (true, None) => (String::new(), None, Kind::Blank),
        (true, Some(comment)) => (comment, None, Kind::Comment),
        (false, comment) if is_header => (joined(tokens, true), comment, Kind::Header),
        (false, comment) if before > 0 => (joined(tokens, false), comment, Kind::Inner),
        (false, comment) => (joined(tokens, false), comment, Kind::Entry),
    };
    Line {
        kind,
        indent: 4 * before.saturating_sub(closing),
        text,
        comment,
    }
}

fn joined(tokens: &[(TokenKind, &str)], is_header: bool) -> String {
    let mut text = String::new();
    let mut previous = None;
    for (kind, part) in tokens {
        if previous.is_some_and(|previous| !is_header && has_space(previous, *kind)) {
            text.push(' ');
        }
        text.push_str(part);
        previous = Some(*kind);
    }
    text
}

/// Whether a space stands between two tokens.
fn has_space(left: TokenKind, right: TokenKind) -> bool {
    use TokenKind::{
        Comma, Dot, Equals, LeftCurlyBracket, LeftSquareBracket, RightCurlyBracket,
        RightSquareBracket,
    };
    match (left, right) {
        (LeftCurlyBracket, RightCurlyBracket)
        | (LeftSquareBracket | Dot, _)
        | (_, RightSquareBracket | Comma | Dot) => false,
        (Equals | Comma | LeftCurlyBracket, _) | (_, Equals | RightCurlyBracket) => true,
        // The two halves of a date, which is all that may stand side by side.
        _ => true,
    }
}

/// One empty line between things, none at the beginning and the end, and one before each table and the comments on it.
fn separate_tables(lines: &mut Vec<Line>) {
    let mut separated: Vec<Line> = Vec::with_capacity(lines.len());
    // Where the comments directly above the current line begin.
    let mut comments_start = 0;
    for line in lines.drain(..) {
        if line.kind == Kind::Blank && separated.last().is_none_or(|last| last.kind == Kind::Blank)
        {
            continue;
        }
        let is_table = line.kind == Kind::Header;
        let is_apart = comments_start == 0 || separated[comments_start - 1].kind == Kind::Blank;
        if is_table && !is_apart {
            separated.insert(comments_start, blank());
        }
        let is_comment = line.kind == Kind::Comment;
        separated.push(line);
        if !is_comment {
            comments_start = separated.len();
        }
    }
    while separated
        .last()
        .is_some_and(|last| last.kind == Kind::Blank)
    {
        separated.pop();
    }
    *lines = separated;
}

fn blank() -> Line {
    Line {
        kind: Kind::Blank,
        indent: 0,
        text: String::new(),
        comment: None,
    }
}

fn write(lines: &[Line]) -> String {
    let mut text = String::new();
    // Comments stand in one column within lines that follow each other.
    for run in lines.chunk_by(|one, next| is_aligned(one) && is_aligned(next)) {
        let lengths = run.iter().filter(|line| line.comment.is_some());
        let lengths = lengths.map(width).filter(|width| *width <= COLUMN);
        let column = lengths.max().unwrap_or(0);
        for line in run {
            text.extend(std::iter::repeat_n(' ', line.indent));
            text.push_str(&line.text);
            if let Some(comment) = &line.comment {
                let padding = column.saturating_sub(width(line)) + 2;
                text.extend(std::iter::repeat_n(' ', padding));
                text.push_str(comment);
            }
            text.push('\n');
        }
    }
    text
}

fn is_aligned(line: &Line) -> bool {
    // A text over several lines ends in a column of its own.
    matches!(line.kind, Kind::Entry | Kind::Inner) && !line.text.contains('\n')
}

fn width(line: &Line) -> usize {
    let last = line.text.rsplit('\n').next().unwrap_or_default();
    line.indent + last.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_is_all_that_changes() {
        let table = [
            ("", ""),
            ("a=1", "a = 1\n"),
            ("\n\n\na   =  1\n\n\n\nb=2\n\n", "a = 1\n\nb = 2\n"),
            ("a=1\n[ b . \"c d\" ]\nx=1", "a = 1\n\n[b.\"c d\"]\nx = 1\n"),
            ("a=1\n# on b\n[[ b ]]\n", "a = 1\n\n# on b\n[[b]]\n"),
            ("# top\n\n# on a\n[a]\n", "# top\n\n# on a\n[a]\n"),
            ("a={b=1,c = [ 1,2 , ]}", "a = { b = 1, c = [1, 2,] }\n"),
            ("a={}\nb=[]", "a = {}\nb = []\n"),
            (
                "a=[\n1,\n  { b=1 },#x\n  ]\n",
                "a = [\n    1,\n    { b = 1 },  #x\n]\n",
            ),
            ("a = [[\n1\n]]", "a = [[\n        1\n]]\n"),
            (
                "a=1#one\nbcd=2   # two\n",
                "a = 1    #one\nbcd = 2  # two\n",
            ),
            (
                "a=1.5\nb . c=1979-05-27 07:32:00",
                "a = 1.5\nb.c = 1979-05-27 07:32:00\n",
            ),
            (
                "a=\"\"\"\n  x\n  y\"\"\" # z",
                "a = \"\"\"\n  x\n  y\"\"\"  # z\n",
            ),
            ("a=1\r\nb=2\r\n", "a = 1\nb = 2\n"),
            ("\u{FEFF}a=1", "a = 1\n"),
            ("a={\n b=1,\n c=2\n}", "a = {\n    b = 1,\n    c = 2\n}\n"),
        ];
        for (text, expected) in table {
            let formatted = format(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(formatted, expected, "{text}");
            assert_eq!(
                format(&formatted).as_ref(),
                Some(&formatted),
                "twice: {text}"
            );
        }
    }
}
