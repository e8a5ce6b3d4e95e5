//! What became of each directive: so that none is dropped silently, and so that the summary can be counted.

use std::collections::BTreeMap;

use super::source::{Place, Sources};

/// Most characters of a directive that a comment shows.
const SHOWN: usize = 100;

/// How much a note matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Weight {
    /// Our way is the same without it.
    Unneeded,
    /// Something is missing, or differs.
    Differs,
    /// Something that protected is missing.
    Security,
}

/// What is to be said about a directive, next to where it would belong.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Note {
    pub(crate) place: Place,
    /// The directive as it was written, on one line.
    pub(crate) directive: String,
    /// What to do instead.
    pub(crate) advice: String,
    pub(crate) weight: Weight,
}

/// A directive of the source, as far as notes care.
pub(crate) trait Statement {
    fn place(&self) -> Place;
    /// As it was written, on one line.
    fn text(&self) -> String;
}

/// What became of a directive.
#[derive(Clone, Debug, PartialEq)]
enum Fate {
    Translated,
    Noted(Note),
}

/// What became of each directive.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    fates: BTreeMap<Place, Fate>,
}

impl Ledger {
    /// It is in the result.
    pub(crate) fn translated(&mut self, statement: &impl Statement) {
        self.fates
            .entry(statement.place())
            .or_insert(Fate::Translated);
    }

    /// It is in the result as a comment, which is returned. The weightiest comment on a directive is the one that counts.
    pub(crate) fn note(
        &mut self,
        statement: &impl Statement,
        weight: Weight,
        advice: impl Into<String>,
    ) -> Note {
        let note = Note {
            place: statement.place(),
            directive: shown(&statement.text()),
            advice: advice.into(),
            weight,
        };
        let fate = self.fates.entry(note.place).or_insert(Fate::Translated);
        let is_weightier = match fate {
            Fate::Translated => true,
            Fate::Noted(old) => old.weight < weight,
        };
        if is_weightier {
            *fate = Fate::Noted(note.clone());
        }
        note
    }

    /// True if nothing is known of the directive at this place.
    pub(crate) fn lacks(&self, place: Place) -> bool {
        !self.fates.contains_key(&place)
    }

    /// Number of directives that were translated.
    pub(crate) fn translated_count(&self) -> usize {
        let translated = |fate: &&Fate| matches!(fate, Fate::Translated);
        self.fates.values().filter(translated).count()
    }

    /// All comments by place.
    pub(crate) fn notes(&self) -> impl Iterator<Item = &Note> {
        self.fates.values().filter_map(|fate| match fate {
            Fate::Translated => None,
            Fate::Noted(note) => Some(note),
        })
    }

    /// The summary for people: counts, then what differs by line.
    pub(crate) fn summary(&self, sources: &Sources, name: &str) -> String {
        let count = |weight| self.notes().filter(|note| note.weight == weight).count();
        let (unneeded, differs) = (count(Weight::Unneeded), count(Weight::Differs));
        let security = count(Weight::Security);
        let mut text = format!(
            "{name}: {} translated, {} with a comment{}\n",
            counted(self.translated_count()),
            unneeded + differs + security,
            match (unneeded, security) {
                (0, 0) => String::new(),
                (unneeded, 0) => format!(" ({unneeded} because nothing is needed)"),
                (0, security) => format!(" ({security} about SECURITY)"),
                (unneeded, security) =>
                    format!(" ({unneeded} because nothing is needed, {security} about SECURITY)"),
            }
        );
        let mut notes = self
            .notes()
            .filter(|note| note.weight > Weight::Unneeded)
            .peekable();
        while let Some(note) = notes.next() {
            let is_like = |next: &&Note| next.advice == note.advice && next.weight == note.weight;
            let mut more = 0;
            while notes.next_if(is_like).is_some() {
                more += 1;
            }
            let mark = match note.weight {
                Weight::Security => "SECURITY ",
                _ => "",
            };
            let more = match more {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            text.push_str(&format!(
                "  {mark}{} `{}`{more}: {}\n",
                sources.line(note.place),
                note.directive,
                note.advice
            ));
        }
        text
    }
}

fn counted(count: usize) -> String {
    match count {
        1 => "1 directive".to_owned(),
        count => format!("{count} directives"),
    }
}

/// On one line, without what a comment cannot have, and not too long.
fn shown(text: &str) -> String {
    let mut shown = String::new();
    for (at, character) in text.chars().enumerate() {
        if at >= SHOWN {
            shown.push('…');
            break;
        }
        let is_plain = !character.is_control() && character != '`';
        shown.push(if is_plain { character } else { ' ' });
    }
    shown
}
