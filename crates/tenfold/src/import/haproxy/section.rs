//! Sections of a HAProxy configuration, and what they take from `defaults`.

use super::lexer::Line;
use crate::import::source::Mistake;

/// Longest chain of `defaults … from …`.
const LONGEST_CHAIN: usize = 32;

/// Words that begin a section.
const KEYWORDS: &[&str] = &[
    "global",
    "defaults",
    "frontend",
    "backend",
    "listen",
    "userlist",
    "peers",
    "resolvers",
    "mailers",
    "cache",
    "program",
    "http-errors",
    "ring",
    "log-forward",
    "fcgi-app",
    "crt-store",
    "traces",
    "namespace_list",
    "log-profile",
    "acme",
];

/// A section with its lines.
#[derive(Clone, Debug, Default)]
pub(super) struct Section {
    /// The line that begins it.
    pub(super) head: Line,
    pub(super) lines: Vec<Line>,
    /// The index of the `defaults` that it takes from.
    pub(super) defaults: Option<usize>,
}

impl Section {
    pub(super) fn kind(&self) -> &str {
        self.head.word(0)
    }

    pub(super) fn name(&self) -> &str {
        match self.head.word(1) {
            "from" => "",
            name => name,
        }
    }
}

/// Cuts lines into sections.
pub(super) fn sections(lines: Vec<Line>) -> Result<Vec<Section>, Mistake> {
    let mut sections: Vec<Section> = Vec::new();
    for line in lines {
        if KEYWORDS.contains(&line.word(0)) {
            let section = begin(line, &sections)?;
            sections.push(section);
            continue;
        }
        let Some(section) = sections.last_mut() else {
            let what = format!("`{}` stands in no section", shortened(line.word(0)));
            let help = "a haproxy.cfg begins with global, defaults, frontend, backend or listen; is this the right file?";
            return Err(Mistake::new(line.place, what, help));
        };
        section.lines.push(line);
    }
    Ok(sections)
}

fn shortened(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(40).collect()
}

fn begin(head: Line, sections: &[Section]) -> Result<Section, Mistake> {
    let mut section = Section {
        head,
        ..Section::default()
    };
    let needs_name = matches!(section.kind(), "frontend" | "backend" | "listen");
    if needs_name && section.name().is_empty() {
        let what = format!("`{}` has no name", section.kind());
        return Err(Mistake::new(section.head.place, what, "give it one"));
    }
    if !needs_name && section.kind() != "defaults" {
        return Ok(section);
    }
    let from = section.head.words.iter().position(|word| word == "from");
    let is_defaults = |other: &(usize, &Section)| other.1.kind() == "defaults";
    let mut all = sections.iter().enumerate();
    section.defaults = match from {
        Some(at) => {
            let name = section.head.word(at + 1);
            let found = all.find(|(_, other)| other.kind() == "defaults" && other.name() == name);
            if found.is_none() {
                let what = format!("there is no `defaults {}` before this", shortened(name));
                return Err(Mistake::new(
                    section.head.place,
                    what,
                    "put it before, or leave `from` out",
                ));
            }
            found.map(|(index, _)| index)
        }
        // A `defaults` without `from` begins anew.
        None if section.kind() == "defaults" => None,
        None => all.rfind(is_defaults).map(|(index, _)| index),
    };
    Ok(section)
}

/// A section with what it inherits.
#[derive(Clone, Debug)]
pub(super) struct Proxy<'s> {
    pub(super) section: &'s Section,
    /// The nearest `defaults` first.
    pub(super) defaults: Vec<&'s Section>,
}

impl<'s> Proxy<'s> {
    pub(super) fn new(section: &'s Section, all: &'s [Section]) -> Self {
        let mut defaults = Vec::new();
        let mut next = section.defaults;
        while let Some(found) = next.and_then(|index| all.get(index)) {
            if defaults.len() >= LONGEST_CHAIN {
                break;
            }
            defaults.push(found);
            next = found.defaults;
        }
        Self { section, defaults }
    }

    /// The line that is in force of those that begin with these words: the section's own, or the nearest default.
    pub(super) fn setting(&self, words: &[&str]) -> Option<&'s Line> {
        let find = |section: &'s Section| {
            let begins = |line: &&Line| {
                words
                    .iter()
                    .enumerate()
                    .all(|(at, word)| line.word(at) == *word)
            };
            section.lines.iter().rfind(begins)
        };
        let mut all = std::iter::once(self.section).chain(self.defaults.iter().copied());
        let found = all.find_map(find)?;
        Some(found)
    }

    /// The same, if `no …` does not take it away.
    pub(super) fn option(&self, name: &str) -> Option<&'s Line> {
        let mut all = std::iter::once(self.section).chain(self.defaults.iter().copied());
        let found = all.find_map(|section| {
            section.lines.iter().rfind(|line| {
                (line.word(0) == "option" && line.word(1) == name)
                    || (line.word(0) == "no" && line.word(1) == "option" && line.word(2) == name)
            })
        })?;
        (found.word(0) == "option").then_some(found)
    }

    /// Lines of rules: those of `defaults` come first.
    pub(super) fn rules(&self) -> impl Iterator<Item = &'s Line> {
        let defaults = self.defaults.clone();
        let inherited = defaults
            .into_iter()
            .rev()
            .flat_map(|section| &section.lines);
        inherited.chain(&self.section.lines)
    }

    /// `http`, `tcp` …
    pub(super) fn mode(&self) -> &'s str {
        // HAProxy's own default.
        self.setting(&["mode"]).map_or("tcp", |line| line.word(1))
    }
}

#[cfg(test)]
mod tests {
    use super::super::lexer::lines;
    use super::*;

    fn read(text: &str) -> Result<Vec<Section>, Mistake> {
        sections(lines(0, text)?)
    }

    #[test]
    fn defaults_are_found() {
        let text = "defaults a\n mode http\n timeout client 1s\ndefaults b from a\n timeout client 2s\n\
            defaults\n mode tcp\nfrontend x\nfrontend y from b\n no option z\nlisten w from a\n mode tcp";
        let all = read(text).expect("valid");
        let proxy = |index: usize| Proxy::new(&all[index], &all);
        assert_eq!(proxy(3).mode(), "tcp");
        assert_eq!(proxy(4).mode(), "http");
        assert_eq!(
            proxy(4)
                .setting(&["timeout", "client"])
                .map(|line| line.word(2)),
            Some("2s")
        );
        assert_eq!(proxy(5).mode(), "tcp");
    }

    #[test]
    fn mistakes_are_told() {
        for (text, expected) in [
            ("bind :80", "in no section"),
            ("frontend", "no name"),
            ("frontend a from b", "no `defaults b`"),
        ] {
            let mistake = read(text).expect_err(text);
            assert!(mistake.what.contains(expected), "{}", mistake.what);
        }
    }
}
