//! What names in templates stand for.

use tenfold_load::scenario::{Escape, Feed, Meaning, Source, Template, TemplateError};

use super::Scope;
use crate::config::diagnostic::Place;
use crate::config::read::shortened;
use crate::config::suggest;
use crate::config::tree::{Kind, Node};
use crate::load_file::raw;
use crate::load_file::raw::step::Step;

/// All names that templates can use.
pub(super) struct Names<'r> {
    pub(super) variables: Vec<&'r str>,
    pub(super) feeds: &'r [Feed],
}

impl<'r> Names<'r> {
    pub(super) fn new(file: &'r raw::File, feeds: &'r [Feed]) -> Self {
        let scenarios = file.scenario.value().into_iter().flat_map(|all| &all.0);
        let of_scenarios = scenarios.filter_map(|one| one.value.step.value());
        let lists = file.setup.value().into_iter().chain(of_scenarios);
        let lists = lists.chain(file.teardown.value());
        let mut variables = Vec::new();
        for step in lists.flat_map(|steps| &steps.0) {
            for name in extracted(&step.value) {
                if !variables.contains(&name) {
                    variables.push(name);
                }
            }
        }
        Self { variables, feeds }
    }

    pub(super) fn variable(&self, name: &str) -> Option<usize> {
        self.variables.iter().position(|known| *known == name)
    }
}

/// The names of what a step extracts.
pub(super) fn extracted(step: &Step) -> impl Iterator<Item = &str> {
    let extract = step.extract.value();
    extract
        .into_iter()
        .flat_map(|all| &all.0)
        .map(|(name, _)| name.value.as_str())
}

/// What templates of one step may use.
#[derive(Clone, Copy)]
pub(super) struct Known<'k> {
    pub(super) names: &'k Names<'k>,
    /// For each variable whether it has a value by then.
    pub(super) has_value: &'k [bool],
}

impl Known<'_> {
    /// A template, or an empty one after what is wrong was reported.
    pub(super) fn text(
        &self,
        text: &str,
        escape: Escape,
        at: Place,
        scope: &mut Scope<'_>,
    ) -> Template {
        let files = scope.files;
        let parsed = Template::parse(text, escape, &mut |name| self.meaning(name, files));
        reported(parsed, at, scope)
    }

    /// The same of a path.
    pub(super) fn path(&self, text: &str, at: Place, scope: &mut Scope<'_>) -> Template {
        let files = scope.files;
        let parsed = Template::parse_path(text, &mut |name| self.meaning(name, files));
        reported(parsed, at, scope)
    }

    /// JSON, the texts in which are templates. The parser bounds how deep it is.
    pub(super) fn json(&self, node: &Node, scope: &mut Scope<'_>) -> Template {
        let files = scope.files;
        match &node.kind {
            Kind::Text(text) => {
                let parsed = Template::parse_json(text, &mut |name| self.meaning(name, files));
                reported(parsed, node.at, scope)
            }
            Kind::Integer(number) => Template::constant(&number.to_string()),
            Kind::Float(number) if number.is_finite() => Template::constant(&number.to_string()),
            Kind::Float(_) => {
                let help = "JSON has neither infinity nor `nan`; large numbers can be texts";
                scope
                    .report
                    .error(node.at, "this is no number of JSON", help);
                Template::default()
            }
            Kind::Bool(value) => Template::constant(&value.to_string()),
            Kind::Date(date) => Template::constant(&quoted(date)),
            Kind::List(nodes) => {
                let mut whole = Template::constant("[");
                for (index, node) in nodes.iter().enumerate() {
                    whole.push_text(if index > 0 { "," } else { "" });
                    whole.append(self.json(node, scope));
                }
                whole.push_text("]");
                whole
            }
            Kind::Table(table) => {
                let mut whole = Template::constant("{");
                for (index, (key, node)) in table.entries.iter().enumerate() {
                    whole.push_text(if index > 0 { "," } else { "" });
                    whole.push_text(&quoted(&key.value));
                    whole.push_text(":");
                    whole.append(self.json(node, scope));
                }
                whole.push_text("}");
                whole
            }
        }
    }

    fn meaning(
        &self,
        name: &str,
        files: &dyn crate::config::files::Files,
    ) -> Result<Meaning, TemplateError> {
        let shown = shortened(name);
        if let Some(variable) = name.strip_prefix("env:") {
            return files.variable(variable).map(Meaning::Text).ok_or_else(|| {
                let message = format!("the environment variable {} is not set", &shown[4..]);
                TemplateError::new(message, "set it before the test")
            });
        }
        if let Some((feed, column)) = name.split_once('.') {
            return self.column(feed.trim(), column.trim());
        }
        let Some(index) = self.names.variable(name) else {
            let help = match self.names.variables.as_slice() {
                [] => "extract it in an earlier step: extract = { NAME = \"$.path\" }".to_owned(),
                known => suggest::help(name, known, "variable"),
            };
            return Err(TemplateError::new(
                format!("there is no variable `{shown}`"),
                help,
            ));
        };
        if !self.has_value.get(index).is_some_and(|has| *has) {
            let message = format!("`{shown}` has no value here: no earlier step extracts it");
            let help = "extract it in an earlier step of this scenario, or in [[setup]]";
            return Err(TemplateError::new(message, help));
        }
        Ok(Meaning::Source(Source::Variable(index)))
    }

    fn column(&self, name: &str, column: &str) -> Result<Meaning, TemplateError> {
        let feeds = self.names.feeds;
        let Some(index) = feeds.iter().position(|feed| feed.name == name) else {
            let known: Vec<_> = feeds.iter().map(|feed| feed.name.as_str()).collect();
            let shown = shortened(name);
            let help = match known.as_slice() {
                [] => format!("add [feed.{shown}] with file = \"{shown}.csv\""),
                known => suggest::help(name, known, "feed"),
            };
            return Err(TemplateError::new(
                format!("there is no feed `{shown}`"),
                help,
            ));
        };
        let columns = feeds[index].rows.columns();
        // A feed whose file is wrong has none, which has been said.
        if columns.is_empty() {
            return Ok(Meaning::Text(String::new()));
        }
        match columns.iter().position(|known| known == column) {
            Some(column) => Ok(Meaning::Source(Source::Column(index, column))),
            None => {
                let known: Vec<_> = columns.iter().map(String::as_str).collect();
                let message = format!("the feed `{name}` has no column `{}`", shortened(column));
                Err(TemplateError::new(
                    message,
                    suggest::help(column, &known, "column"),
                ))
            }
        }
    }
}

fn reported(parsed: Result<Template, TemplateError>, at: Place, scope: &mut Scope<'_>) -> Template {
    parsed.unwrap_or_else(|error| {
        scope.report.error(at, error.message, error.help);
        Template::default()
    })
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
