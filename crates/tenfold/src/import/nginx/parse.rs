//! Directives and blocks of an nginx configuration, with the files that it includes in their place.

use std::path::{Path, PathBuf};

use super::lexer::{Kind, Lexer, Token};
use crate::import::ledger::Statement;
use crate::import::source::{Mistake, Place, SourceError, Sources};

/// Deepest nesting of blocks. nginx itself knows about five levels.
const DEEPEST: usize = 32;
/// Deepest chain of includes.
const DEEPEST_INCLUDE: usize = 16;
/// Most directives, included ones counted each time.
const MOST: usize = 200_000;

/// A directive with its words and its block.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Directive {
    pub(super) name: String,
    pub(super) args: Vec<String>,
    /// What is in its braces. An `include` has one, an empty one, if it was carried out.
    pub(super) block: Option<Vec<Directive>>,
    pub(super) place: Place,
}

impl Directive {
    /// The first word behind the name, or nothing.
    pub(super) fn first(&self) -> &str {
        self.args.first().map_or("", String::as_str)
    }

    /// What is in its block.
    pub(super) fn inside(&self) -> &[Directive] {
        self.block.as_deref().unwrap_or_default()
    }
}

impl Statement for Directive {
    fn place(&self) -> Place {
        self.place
    }

    fn text(&self) -> String {
        let mut text = self.name.clone();
        for arg in &self.args {
            text.push(' ');
            text.push_str(arg);
        }
        text
    }
}

/// Reads a file with all that it includes.
pub(super) fn parse(path: &Path, sources: &mut Sources) -> Result<Vec<Directive>, SourceError> {
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let mut parser = Parser {
        sources,
        folder,
        open: Vec::new(),
        count: 0,
    };
    parser.file(path)
}

/// Reads a text that can include nothing.
#[cfg(test)]
pub(super) fn parse_text(text: &str, sources: &mut Sources) -> Result<Vec<Directive>, SourceError> {
    let (file, text) = sources.add("nginx.conf", text.as_bytes())?;
    let mut parser = Parser {
        sources,
        folder: PathBuf::from("/nonexistent"),
        open: Vec::new(),
        count: 0,
    };
    parser.text(file, &text, Path::new("nginx.conf"))
}

struct Parser<'s> {
    sources: &'s mut Sources,
    /// Of the first file: what includes are relative to, as a rule.
    folder: PathBuf,
    /// The files that are being read, each included by the one before.
    open: Vec<PathBuf>,
    count: usize,
}

/// A block that has begun.
struct Open {
    directive: Directive,
    inside: Vec<Directive>,
}

impl Parser<'_> {
    fn file(&mut self, path: &Path) -> Result<Vec<Directive>, SourceError> {
        let (file, text) = self.sources.read(path)?;
        let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        self.open.push(real);
        let directives = self.text(file, &text, path);
        self.open.pop();
        directives
    }

    fn text(&mut self, file: u16, text: &str, path: &Path) -> Result<Vec<Directive>, SourceError> {
        let mut lexer = Lexer::new(file, text);
        let mut stack: Vec<Open> = Vec::new();
        let mut top: Vec<Directive> = Vec::new();
        let mut current: Option<Directive> = None;
        loop {
            let token = match lexer.next() {
                Ok(token) => token,
                Err(mistake) => return Err(self.sources.error(mistake)),
            };
            let Some(Token { kind, place }) = token else {
                return self.end(current, stack, top, lexer.place());
            };
            let level = stack.last_mut().map_or(&mut top, |open| &mut open.inside);
            match (kind, current.as_mut()) {
                (Kind::Word(text), Some(directive)) => directive.args.push(text),
                (Kind::Word(text), None) => {
                    current = Some(self.begin(text, place)?);
                }
                (Kind::End, Some(_)) => {
                    let directive = current.take().unwrap_or_default();
                    match directive.name.as_str() {
                        "include" => self.include(directive, path, level)?,
                        _ => level.push(directive),
                    }
                }
                (Kind::Open, Some(_)) => {
                    let directive = current.take().unwrap_or_default();
                    if directive.name.ends_with("_by_lua_block") {
                        self.skip_code(&mut lexer, place)?;
                        level.push(directive);
                        continue;
                    }
                    if stack.len() >= DEEPEST {
                        let what = format!("blocks are nested more than {DEEPEST} deep");
                        return Err(self.mistake(place, what, "is a `}` missing?"));
                    }
                    stack.push(Open {
                        directive,
                        inside: Vec::new(),
                    });
                }
                (Kind::Close, None) => self.close(&mut stack, &mut top, place)?,
                (Kind::End, None) => {
                    return Err(self.mistake(place, "there is a `;` too many", "take it out"));
                }
                (Kind::Open, None) => {
                    let help = "a block begins with a name, for example `server {`";
                    return Err(self.mistake(place, "a block has no name", help));
                }
                (Kind::Close, Some(directive)) => {
                    let what = format!("`{}` does not end with `;`", directive.name);
                    let place = directive.place;
                    return Err(self.mistake(place, what, "add the missing `;`"));
                }
            }
        }
    }

    fn mistake(&self, place: Place, what: impl Into<String>, help: &str) -> SourceError {
        self.sources.error(Mistake::new(place, what, help))
    }

    fn begin(&mut self, name: String, place: Place) -> Result<Directive, SourceError> {
        self.count += 1;
        if self.count > MOST {
            let what = format!("there are more than {MOST} directives");
            return Err(self.mistake(place, what, "import the parts one by one"));
        }
        Ok(Directive {
            name,
            args: Vec::new(),
            block: None,
            place,
        })
    }

    fn close(
        &self,
        stack: &mut Vec<Open>,
        top: &mut Vec<Directive>,
        place: Place,
    ) -> Result<(), SourceError> {
        let Some(Open {
            mut directive,
            inside,
        }) = stack.pop()
        else {
            let help = "take it out, or add the `{` that it closes";
            return Err(self.mistake(place, "there is a `}` too many", help));
        };
        directive.block = Some(inside);
        stack
            .last_mut()
            .map_or(top, |open| &mut open.inside)
            .push(directive);
        Ok(())
    }

    fn end(
        &self,
        current: Option<Directive>,
        mut stack: Vec<Open>,
        top: Vec<Directive>,
        place: Place,
    ) -> Result<Vec<Directive>, SourceError> {
        if let Some(directive) = current {
            let what = format!("the file ends within `{}`", directive.name);
            return Err(self.mistake(directive.place, what, "add the missing `;`"));
        }
        let Some(open) = stack.pop() else {
            return Ok(top);
        };
        let begun = open.directive.place.line;
        let what = format!(
            "the file ends, and the block `{}` of line {begun} is still open",
            open.directive.name
        );
        Err(self.mistake(place, what, "add the missing `}`; is the file whole?"))
    }

    /// The code of a Lua block, in which braces are balanced and quotes mean something else.
    fn skip_code(&self, lexer: &mut Lexer<'_>, start: Place) -> Result<(), SourceError> {
        let what = "the Lua block is never closed";
        let unclosed = || self.mistake(start, what, "add the missing `}`");
        let mut depth = 1;
        while depth > 0 {
            match lexer.next_character() {
                None => return Err(unclosed()),
                Some('{') => depth += 1,
                Some('}') => depth -= 1,
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Puts what other files say in the place of `include`. What cannot be found stays, for a comment.
    fn include(
        &mut self,
        directive: Directive,
        from: &Path,
        level: &mut Vec<Directive>,
    ) -> Result<(), SourceError> {
        let pattern = directive.first().to_owned();
        // Media types and parameters of protocols that are not spoken here.
        let name = Path::new(&pattern).file_name().unwrap_or_default();
        let name = name.to_string_lossy();
        let is_known = matches!(name.as_ref(), "mime.types" | "fastcgi.conf")
            || name.ends_with("fastcgi_params")
            || name.ends_with("scgi_params")
            || name.ends_with("uwsgi_params");
        let found = match is_known {
            true => Vec::new(),
            false => self.find(&pattern, from),
        };
        if found.is_empty() {
            level.push(directive);
            return Ok(());
        }
        if self.open.len() >= DEEPEST_INCLUDE {
            let what = format!("files are included more than {DEEPEST_INCLUDE} deep");
            return Err(self.mistake(directive.place, what, "does a file include itself?"));
        }
        for path in found {
            let real = path.canonicalize().unwrap_or_else(|_| path.clone());
            if self.open.contains(&real) {
                let what = format!("`{}` includes itself, perhaps by others", path.display());
                return Err(self.mistake(directive.place, what, "take the include out"));
            }
            level.extend(self.file(&path)?);
        }
        // It was carried out, and counts as a directive of its own.
        level.push(Directive {
            block: Some(Vec::new()),
            ..directive
        });
        Ok(())
    }

    /// The files that a pattern names, in the order of their names: relative to the file that includes, or to the first one.
    fn find(&self, pattern: &str, from: &Path) -> Vec<PathBuf> {
        let own = from.parent().unwrap_or(Path::new(""));
        for folder in [own, &self.folder] {
            let whole = folder.join(pattern);
            let Ok(paths) = glob::glob(&whole.to_string_lossy()) else {
                continue;
            };
            let mut found: Vec<PathBuf> = paths.flatten().filter(|path| path.is_file()).collect();
            found.sort();
            if !found.is_empty() {
                return found;
            }
        }
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        let error = parse_text(text, &mut Sources::default()).expect_err(text);
        error.to_string()
    }

    #[test]
    fn blocks() {
        let all = parse_text("a b; c { d; e f { } }", &mut Sources::default()).expect("valid");
        assert_eq!(all.len(), 2);
        assert_eq!(all[1].inside()[1].text(), "e f");
        let lua = "a_by_lua_block { if x then y = { 1 } end } b;";
        assert_eq!(
            parse_text(lua, &mut Sources::default())
                .expect("valid")
                .len(),
            2
        );
    }

    #[test]
    fn mistakes_say_where() {
        for (text, expected) in [
            (
                "http {\n server {",
                "2:10: the file ends, and the block `server`",
            ),
            ("a b", "1:1: the file ends within `a`"),
            ("a; }", "1:4: there is a `}` too many"),
            ("a;;", "1:3: there is a `;` too many"),
            ("{ }", "1:1: a block has no name"),
            ("a { b }", "1:5: `b` does not end"),
            ("x_by_lua_block { {", "1:16: the Lua block"),
        ] {
            let error = error(text);
            assert!(error.contains(expected), "{text}: {error}");
        }
        assert!(error(&"a{".repeat(100_000)).contains("nested"));
    }

    #[test]
    fn includes_are_followed_and_circles_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).expect("written");
        };
        std::fs::create_dir(folder.path().join("conf.d")).expect("a folder");
        write(
            "nginx.conf",
            "http { include conf.d/*.conf; include gone.conf; }",
        );
        write("conf.d/b.conf", "b;");
        write("conf.d/a.conf", "a; include c.inc;");
        write("conf.d/c.inc", "c;");
        let main = folder.path().join("nginx.conf");
        let all = parse(&main, &mut Sources::default()).expect("valid");
        let names: Vec<_> = all[0]
            .inside()
            .iter()
            .map(|one| one.name.as_str())
            .collect();
        assert_eq!(names, ["a", "c", "include", "b", "include", "include"]);

        write("conf.d/c.inc", "include ../nginx.conf;");
        let error = parse(&main, &mut Sources::default()).expect_err("a circle");
        assert!(error.to_string().contains("includes itself"), "{error}");
        assert!(error.at.starts_with("c.inc:1:1"), "{}", error.at);
    }
}
