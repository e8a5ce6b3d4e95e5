//! From a draft to the text of a scenario file: comments above what they are about, one empty line between tables.

use std::fmt::Write;

use toml_writer::{ToTomlKey, ToTomlValue, TomlKeyBuilder, TomlStringBuilder};

use super::draft::{
    Body, Draft, Extract, Feed, From, Json, Load, Markov, Phase, Piece, Query, Scenario, Step,
    Text, Think,
};
use super::{DataFile, Imported};

/// Columns that comments are wrapped at.
const WIDTH: usize = 110;

/// Writes all of it.
pub(super) fn emit(draft: &Draft) -> Imported {
    let mut out = Writer::default();
    out.comments(&draft.comments);
    out.gap();
    out.entry("name", &string(&draft.name));
    out.target(draft);
    out.phases(draft);
    Imported {
        text: out.0,
        data: draft.feeds.iter().map(|feed| feed.file.clone()).collect(),
        notes: draft.comments.clone(),
    }
}

#[derive(Default)]
struct Writer(String);

impl Writer {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn gap(&mut self) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
    }

    fn header(&mut self, header: &str) {
        self.line(header);
    }

    fn entry(&mut self, name: &str, value: &str) {
        let _infallible = writeln!(self.0, "{} = {value}", key(name));
    }

    fn comments(&mut self, comments: &[String]) {
        for comment in comments {
            self.comment(comment);
        }
    }

    /// Writes a comment over as many lines as it takes.
    fn comment(&mut self, text: &str) {
        let mut line = String::from("#");
        for word in text.split_whitespace() {
            let word: String = word.chars().filter(|char| !char.is_control()).collect();
            if line.chars().count() + 1 + word.chars().count() > WIDTH && line.len() > 3 {
                self.line(&line);
                line = String::from("#  ");
            }
            line.push(' ');
            line.push_str(&word);
        }
        self.line(&line);
    }

    fn target(&mut self, draft: &Draft) {
        self.entry("target", &string(&draft.target));
    }

    fn phases(&mut self, draft: &Draft) {
        self.gap();
        self.comments(&draft.phase_comments);
        for (place, phase) in draft.phases.iter().enumerate() {
            if place > 0 {
                self.gap();
            }
            self.phase(phase);
        }
    }

    fn phase(&mut self, phase: &Phase) {
        self.header("[[phase]]");
        self.entry("name", &string(&phase.name));
        self.entry("duration", &string(&format!("{}s", phase.seconds)));
    }
}

fn key(name: &str) -> String {
    TomlKeyBuilder::new(name).as_default().to_toml_key()
}

fn string(text: &str) -> String {
    TomlStringBuilder::new(text).as_default().to_toml_value()
}
