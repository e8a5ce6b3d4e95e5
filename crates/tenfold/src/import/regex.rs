//! Regular expressions that are patterns of paths in disguise.
//!
//! Only what is provably the same is taken: literal text, alternatives of literal text, `[^/]+` for a segment, `.*` at the
//! end. Everything else is `None`, and a person has to decide.

use super::path::{Pattern, Segment};

/// Most patterns that alternatives may expand to.
const MOST: usize = 32;

/// What an expression matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Whatever begins with or is one of these texts, `None` standing for `[^/]+`.
    pub(crate) texts: Vec<Vec<Piece>>,
    /// Anything may follow.
    pub(crate) is_open: bool,
    /// True if what is open is captured by the last group: `^/a/(.*)$`.
    pub(crate) captures_rest: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(char),
    /// `[^/]+`
    Segment,
}

impl Shape {
    /// Reads an expression that is anchored at its beginning.
    pub(crate) fn parse(expression: &str) -> Option<Self> {
        let inside = expression.strip_prefix('^')?;
        let mut reader = Reader {
            rest: inside,
            texts: vec![Vec::new()],
        };
        reader.read()
    }

    /// Without alternatives and segments: the one text.
    pub(crate) fn literal(&self) -> Option<String> {
        match &self.texts[..] {
            [one] => text_of(one),
            _ => None,
        }
    }

    /// All texts, if there is no segment in them.
    pub(crate) fn all_texts(&self) -> Option<Vec<String>> {
        self.texts.iter().map(|one| text_of(one)).collect()
    }

    /// The patterns of paths, if they are the same. The second is true if a prefix ends within a segment (`^/api`), and then
    /// the patterns take less.
    pub(crate) fn patterns(&self) -> Option<(Vec<Pattern>, bool)> {
        let mut patterns = Vec::new();
        let mut has_gap = false;
        for pieces in &self.texts {
            let is_whole = matches!(pieces.last(), Some(Piece::Text('/')));
            has_gap |= self.is_open && !is_whole;
            // `^/users/[^/]+` also takes what `[^/]+` leaves over, which is nothing: a segment and all below it.
            if self.is_open && matches!(pieces.last(), Some(Piece::Segment)) {
                return None;
            }
            patterns.push(pattern(pieces, self.is_open)?);
        }
        Some((patterns, has_gap))
    }
}

fn text_of(pieces: &[Piece]) -> Option<String> {
    pieces
        .iter()
        .map(|piece| match piece {
            Piece::Text(character) => Some(*character),
            Piece::Segment => None,
        })
        .collect()
}

fn pattern(pieces: &[Piece], is_prefix: bool) -> Option<Pattern> {
    let mut segments = Vec::new();
    let mut captures = 0;
    let mut parts = pieces.split(|piece| *piece == Piece::Text('/'));
    if !parts.next()?.is_empty() {
        return None;
    }
    for part in parts {
        segments.push(match part {
            [Piece::Segment] => {
                captures += 1;
                Segment::Capture(format!("part{captures}"))
            }
            part => Segment::Literal(text_of(part)?),
        });
    }
    if is_prefix && segments.last() == Some(&Segment::Literal(String::new())) {
        segments.pop();
    }
    let pattern = Pattern {
        segments,
        is_prefix,
    };
    let has_star = pieces
        .iter()
        .any(|piece| matches!(piece, Piece::Text('*' | '{' | '}' | '?' | '#' | '%' | '\\')));
    (pattern.is_valid() && !has_star).then_some(pattern)
}

struct Reader<'e> {
    rest: &'e str,
    texts: Vec<Vec<Piece>>,
}

impl Reader<'_> {
    fn read(&mut self) -> Option<Shape> {
        loop {
            match self.rest {
                // Not anchored at its end: anything may follow.
                "" => return Some(self.shape(true, false)),
                "$" => return Some(self.shape(false, false)),
                ".*" | ".*$" => return Some(self.shape(true, false)),
                "(.*)" | "(.*)$" => return Some(self.shape(true, true)),
                // `/api(/|$)`, `/api(/.*)?$`: exactly `/api` and what is below it.
                "(/|$)" | "(?:/|$)" | "(/.*)?$" | "(?:/.*)?$" | "(/.*|$)" | "($|/)" => {
                    self.push_all(&Piece::Text('/'));
                    return Some(self.shape(true, false));
                }
                _ => self.piece()?,
            }
        }
    }

    fn shape(&mut self, is_open: bool, captures_rest: bool) -> Shape {
        Shape {
            texts: std::mem::take(&mut self.texts),
            is_open,
            captures_rest,
        }
    }

    fn push_all(&mut self, piece: &Piece) {
        for text in &mut self.texts {
            text.push(piece.clone());
        }
    }

    fn piece(&mut self) -> Option<()> {
        if let Some(rest) = self
            .rest
            .strip_prefix("([^/]+)")
            .or_else(|| self.rest.strip_prefix("[^/]+"))
        {
            self.rest = rest;
            self.push_all(&Piece::Segment);
            return Some(());
        }
        if self.rest.starts_with('(') {
            return self.alternatives();
        }
        let (character, rest) = literal(self.rest)?;
        // `ab?` and `ab*` are about the last letter.
        if rest.starts_with(['*', '+', '?', '{']) {
            return None;
        }
        self.rest = rest;
        self.push_all(&Piece::Text(character));
        Some(())
    }

    /// `(a|b|c)`, all literal.
    fn alternatives(&mut self) -> Option<()> {
        let inside = self.rest.strip_prefix('(')?;
        let inside = inside.strip_prefix("?:").unwrap_or(inside);
        let mut all = vec![Vec::new()];
        let mut rest = inside;
        loop {
            if let Some(after) = rest.strip_prefix(')') {
                rest = after;
                break;
            }
            if let Some(after) = rest.strip_prefix('|') {
                all.push(Vec::new());
                rest = after;
                continue;
            }
            let (character, after) = literal(rest)?;
            if after.starts_with(['*', '+', '?', '{']) {
                return None;
            }
            all.last_mut()?.push(Piece::Text(character));
            rest = after;
        }
        if rest.starts_with(['*', '+', '{']) {
            return None;
        }
        if let Some(after) = rest.strip_prefix('?') {
            rest = after;
            all.push(Vec::new());
        }
        if self.texts.len() * all.len() > MOST {
            return None;
        }
        self.rest = rest;
        let mut texts = Vec::new();
        for start in &self.texts {
            for end in &all {
                texts.push(start.iter().chain(end).cloned().collect());
            }
        }
        self.texts = texts;
        Some(())
    }
}

/// A character that stands for itself, or is escaped to do so.
fn literal(text: &str) -> Option<(char, &str)> {
    let mut characters = text.chars();
    match characters.next()? {
        '\\' => {
            let escaped = characters.next()?;
            let is_itself = !escaped.is_alphanumeric() && !escaped.is_whitespace();
            is_itself.then_some((escaped, characters.as_str()))
        }
        '.' | '*' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '|' | '^' | '$' => None,
        character => Some((character, characters.as_str())),
    }
}

/// The text that everything an expression matches begins with; empty if that is not known.
pub(crate) fn literal_start(expression: &str) -> String {
    let mut start = String::new();
    let Some(mut rest) = expression.strip_prefix('^') else {
        return start;
    };
    // `^/a|/b` is not anchored as a whole.
    if expression.contains('|') && !expression.contains('(') {
        return start;
    }
    let mut depth = 0_i32;
    for character in rest.chars() {
        depth += i32::from(character == '(') - i32::from(character == ')');
        if character == '|' && depth == 0 {
            return start;
        }
    }
    while let Some((character, after)) = literal(rest) {
        // What may be there not once is no beginning.
        if after.starts_with(['*', '?', '{']) {
            break;
        }
        start.push(character);
        if after.starts_with('+') {
            break;
        }
        rest = after;
    }
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(expression: &str) -> Option<(String, bool)> {
        let (patterns, gap) = Shape::parse(expression)?.patterns()?;
        let all: Vec<_> = patterns.iter().map(ToString::to_string).collect();
        Some((all.join(" "), gap))
    }

    #[test]
    fn expressions_that_are_patterns() {
        for (expression, patterns, gap) in [
            ("^/api/", "/api/*", false),
            ("^/api", "/api/*", true),
            ("^/api$", "/api", false),
            (r"^/a\.b$", "/a.b", false),
            ("^/(img|css)/", "/img/* /css/*", false),
            ("^/(?:a|b)$", "/a /b", false),
            ("^/api(/|$)", "/api/*", false),
            ("^/users/[^/]+/orders$", "/users/{part1}/orders", false),
            ("^/users/([^/]+)/.*$", "/users/{part1}/*", false),
            ("^/$", "/", false),
        ] {
            assert_eq!(
                shown(expression),
                Some((patterns.into(), gap)),
                "{expression}"
            );
        }
    }

    #[test]
    fn expressions_that_are_not() {
        for expression in [
            "/api",
            r"\.php$",
            "^/a.b$",
            r"^/\d+$",
            "^/a+$",
            "^/a?$",
            "^/(a|b)*$",
            "^/(a|(b))$",
            "^/[ab]",
            "^/a$b",
            "^a/",
            "^/a|^/b",
            "^/users/[^/]+",
            r"^/a\*",
            "^/x[^/]+$",
            "^(",
            "^/a(?i)",
        ] {
            assert_eq!(shown(expression), None, "{expression}");
        }
        let many = format!("^/{}", "(a|b|c|d)".repeat(9));
        assert_eq!(shown(&many), None);
    }

    #[test]
    fn beginnings() {
        assert_eq!(literal_start("^/admin"), "/admin");
        assert_eq!(literal_start("^/admin/?x"), "/admin");
        assert_eq!(literal_start(r"^/(a|b)"), "/");
        assert_eq!(literal_start("^/a|/b"), "");
        assert_eq!(literal_start("^/(a)|/b"), "");
        assert_eq!(literal_start(r"\.php$"), "");
    }
}
