//! What a route changes: the path, and the fields of request and response.

use tenfold_gateway::config::route::{FieldEdits, PathEdit};
use tenfold_gateway::route::pattern::{Part, PathPattern, Segment, Template};

use crate::config::checked::Scope;
use crate::config::diagnostic::At;
use crate::config::raw::route::{Edits, Route};
use crate::config::read::{Field, cannot_be, shortened};
use crate::config::scalar::Text;
use crate::config::shape::Named;
use crate::config::word;

/// Fields that are about one connection or about a message's length: the gateway alone writes them (RFC 9110 section 7.6.1).
const OURS: &[&str] = &[
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What templates of a route may use.
pub(super) struct Templates<'m> {
    /// Captures that every path of the route has: of another one a request might have no value.
    captures: Vec<&'m str>,
    has_rest: bool,
    has_several: bool,
}

impl<'m> Templates<'m> {
    pub(super) fn of(paths: &'m [PathPattern], has_paths: bool) -> Self {
        let captures = |path: &'m PathPattern| {
            path.segments.iter().filter_map(|segment| match segment {
                Segment::Capture(name) => Some(name.as_str()),
                Segment::Literal(_) => None,
            })
        };
        let first = paths.first().into_iter().flat_map(captures);
        Self {
            captures: first
                .filter(|name| {
                    paths
                        .iter()
                        .all(|path| captures(path).any(|other| other == *name))
                })
                .collect(),
            has_several: paths.len() > 1,
            has_rest: !has_paths || paths.iter().any(|path| path.is_prefix),
        }
    }

    /// The template; `None` after what is wrong was reported.
    pub(super) fn parse(
        &self,
        key: &str,
        text: &At<String>,
        scope: &mut Scope<'_>,
    ) -> Option<Template> {
        // A template becomes part of a head; whatever ends a line there would begin another field.
        if text.value.chars().any(char::is_control) {
            let message = format!("`{key}` has a character that a head cannot have");
            scope.report.error(
                text.at,
                message,
                "leave out line breaks, tabs and other control characters",
            );
            return None;
        }
        let template = match Template::parse(&text.value, &self.captures) {
            Ok(template) => template,
            Err(help) => {
                let help = match self.has_several {
                    true => {
                        format!("{help}; with several paths only captures that all of them have")
                    }
                    false => help,
                };
                scope
                    .report
                    .error(text.at, cannot_be(key, &text.value), help);
                return None;
            }
        };
        if !self.has_rest && template.parts.contains(&Part::Rest) {
            let message = "`{rest}` is always empty: no path of this route ends with `/*`";
            scope.report.error(
                text.at,
                message,
                "end the path with /*, or leave {rest} out",
            );
        }
        Some(template)
    }
}

/// What the server sees as the path.
pub(super) fn path(
    route: &Route,
    paths: &[PathPattern],
    templates: &Templates<'_>,
    scope: &mut Scope<'_>,
) -> PathEdit {
    if let (Some(_), Some(rewrite)) = (route.strip.given(), route.rewrite.given()) {
        let message = "a route cannot have both `strip` and `rewrite`";
        scope
            .report
            .error(rewrite.at, message, "rewrite = \"/{rest}\" does both");
        return PathEdit::Keep;
    }
    if let Some(strip) = route.strip.given() {
        let is_good = strip.value.len() > 1
            && !strip.value.ends_with('/')
            && !strip.value.contains("//")
            && !strip.value.contains(['*', '{', '?', '#'])
            && word::target(&strip.value).is_ok();
        if !is_good {
            let message = cannot_be("strip", &strip.value);
            let help = "give the beginning of a path, for example /api, without / at the end";
            scope.report.error(strip.at, message, help);
        } else if !paths.is_empty() && !paths.iter().any(|path| begins_with(path, &strip.value)) {
            let message = format!("no path of this route begins with `{}`", strip.value);
            scope.report.warning(
                strip.at,
                message,
                "`strip` takes off what the paths begin with",
            );
        }
        return PathEdit::Strip(strip.value.clone());
    }
    let Some(rewrite) = route.rewrite.given() else {
        return PathEdit::Keep;
    };
    if !rewrite.value.starts_with('/') && !rewrite.value.starts_with("{path}") {
        let message = cannot_be("rewrite", &rewrite.value);
        scope.report.error(
            rewrite.at,
            message,
            "a path begins with /, for example /v2/{rest}",
        );
        return PathEdit::Keep;
    }
    if rewrite.value.contains([' ', '#']) {
        let message = cannot_be("rewrite", &rewrite.value);
        scope.report.error(
            rewrite.at,
            message,
            "a path has no spaces and no #; write %20 and %23",
        );
    }
    let template = templates.parse("rewrite", rewrite, scope);
    template.map_or(PathEdit::Keep, PathEdit::Rewrite)
}

/// True if requests that match may begin with `start`.
fn begins_with(path: &PathPattern, start: &str) -> bool {
    let mut segments = path.segments.iter();
    start[1..].split('/').all(|part| match segments.next() {
        Some(Segment::Literal(text)) => text == part,
        Some(Segment::Capture(_)) => true,
        None => path.is_prefix,
    })
}

/// Changes to fields.
pub(super) fn fields(
    field: &Field<Edits>,
    templates: &Templates<'_>,
    scope: &mut Scope<'_>,
) -> FieldEdits {
    let Some(raw) = field.value() else {
        return FieldEdits::default();
    };
    let mut remove = Vec::new();
    for name in raw.remove.value().into_iter().flat_map(|all| &all.0) {
        if is_allowed(&name.value.0, name.at, scope) {
            remove.push(name.value.0.to_ascii_lowercase());
        }
    }
    FieldEdits {
        remove,
        set: written(&raw.set, templates, scope),
        add: written(&raw.add, templates, scope),
    }
}

fn written(
    field: &Field<Named<Text>>,
    templates: &Templates<'_>,
    scope: &mut Scope<'_>,
) -> Vec<(String, Template)> {
    let mut all: Vec<(String, Template)> = Vec::new();
    for (name, text) in field.value().into_iter().flat_map(Named::given) {
        let name_is_good = match word::field_name(&name.value) {
            Ok(_) => is_allowed(&name.value, name.at, scope),
            Err(help) => {
                let message = format!("`{}` is no name of a field", shortened(&name.value));
                scope.report.error(name.at, message, help);
                false
            }
        };
        if all
            .iter()
            .any(|(other, _)| other.eq_ignore_ascii_case(&name.value))
        {
            let message = format!("`{}` is given twice", name.value);
            scope.report.error(
                name.at,
                message,
                "names of fields do not differ by case: keep one",
            );
        }
        let template = templates.parse(&name.value, text, scope);
        if let (true, Some(template)) = (name_is_good, template) {
            all.push((name.value.clone(), template));
        }
    }
    all
}

fn is_allowed(name: &str, at: crate::config::diagnostic::Place, scope: &mut Scope<'_>) -> bool {
    let is_ours = OURS.iter().any(|ours| name.eq_ignore_ascii_case(ours));
    if is_ours {
        let message = format!(
            "`{}` is written by the gateway alone",
            name.to_ascii_lowercase()
        );
        let help = "leave it out: it belongs to one connection or to a message's length";
        scope.report.error(at, message, help);
    }
    !is_ours
}
