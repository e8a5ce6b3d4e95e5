//! What a location answers with, and what becomes of the path on the way.

use super::content::Target;
use super::context::Context;
use super::finish;
use super::kind::Kind;
use super::limit;
use super::location::Location;
use crate::import::ledger::{Note, Weight};
use crate::import::model::{Action, Route};
use crate::import::path::{Pattern, escaped};

/// What becomes of the path on the way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Edit {
    #[default]
    Keep,
    Strip(String),
    /// A template.
    Rewrite(String),
}

impl Edit {
    fn apply(&self, route: &mut Route) {
        match self {
            Self::Keep => {}
            Self::Strip(text) => route.table.set("strip", text.clone()),
            Self::Rewrite(text) => route.table.set("rewrite", text.clone()),
        }
    }
}

/// The routes of a location that hands requests on, before anything else is asked of them.
pub(super) fn bodies(
    context: &mut Context,
    location: &Location<'_>,
    answering: &Location<'_>,
    patterns: &[Pattern],
    target: Target,
    edit: Edit,
    notes: &mut Vec<Note>,
) -> Vec<Route> {
    let (action, host, uri, own) = match target {
        Target::Fixed(action) => return vec![Route::new(patterns.to_vec(), action)],
        Target::Files { action, edit: own } => (action, None, None, own),
        Target::Servers { shares, host, uri } => {
            (Action::Upstream(shares), Some(host), uri, Edit::Keep)
        }
    };
    let edits = match (edit, uri) {
        (Edit::Keep, Some(uri)) => mapped(context, location, patterns, &uri, notes),
        (Edit::Keep, None) => vec![(patterns.to_vec(), own)],
        (edit, _) => vec![(patterns.to_vec(), edit)],
    };
    let route = |(paths, edit): (Vec<Pattern>, Edit)| {
        let mut route = Route::new(paths, action.clone());
        edit.apply(&mut route);
        route
    };
    let mut routes: Vec<Route> = edits.into_iter().map(route).collect();
    let (level, variables) = (&answering.level, &answering.variables);
    for route in &mut routes {
        match &host {
            Some(host) => finish::forwarded(context, level, variables, host, route),
            None => limit::limit(context, level, route),
        }
    }
    routes
}

/// What nginx does with the path if `proxy_pass` has one: it replaces the location's text by that, character by character.
fn mapped(
    context: &mut Context,
    location: &Location<'_>,
    patterns: &[Pattern],
    uri: &str,
    notes: &mut Vec<Note>,
) -> Vec<(Vec<Pattern>, Edit)> {
    let one = |edit| vec![(patterns.to_vec(), edit)];
    let template = escaped(uri);
    let text = match &location.kind {
        Kind::Exact(_) => return one(Edit::Rewrite(template)),
        Kind::Prefix { text, .. } => text.as_str(),
        Kind::Regex { .. } | Kind::Named(_) => return one(Edit::Keep),
    };
    let slashless = text.strip_suffix('/').unwrap_or(text).to_owned();
    match (text.ends_with('/'), uri) {
        (true, "/") if text == "/" => one(Edit::Keep),
        (true, "/") => one(Edit::Strip(slashless)),
        (true, _) => one(Edit::Rewrite(format!("{template}{{rest}}"))),
        (false, _) if uri.ends_with('/') => {
            let advice =
                format!("nginx sends `{uri}/x` for `{text}/x`, with two slashes; here it is one");
            context.note(notes, location.directive, Weight::Differs, advice);
            match uri {
                "/" => one(Edit::Strip(slashless)),
                _ => one(Edit::Rewrite(format!("{template}{{rest}}"))),
            }
        }
        (false, _) => {
            let Some(exact) = Pattern::exact(text) else {
                return one(Edit::Rewrite(format!("{template}/{{rest}}")));
            };
            vec![
                (vec![exact], Edit::Rewrite(template.clone())),
                (
                    patterns.to_vec(),
                    Edit::Rewrite(format!("{template}/{{rest}}")),
                ),
            ]
        }
    }
}
