//! What answers in a location: servers (`proxy_pass`), files (`root`, `alias`, `try_files`), or nothing that is known here.

use super::body::Edit;
use super::context::Context;
use super::kind::Kind;
use super::location::Location;
use super::parse::Directive;
use super::upstream::address;
use super::variables::{Piece, Variables, has_variable, pieces};
use crate::import::ledger::{Note, Weight};
use crate::import::model::Action;

/// What answers.
pub(super) enum Target {
    Servers {
        shares: Vec<(String, u32)>,
        /// `$proxy_host`
        host: String,
        uri: Option<String>,
    },
    Files {
        action: Action,
        edit: Edit,
    },
    Fixed(Action),
}

/// The parts of `proxy_pass`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pass {
    pub(super) shares: Vec<(String, u32)>,
    pub(super) host: String,
    pub(super) uri: Option<String>,
}

const PROGRAMS: &str =
    "only HTTP is spoken to servers: put a server that speaks HTTP in front of the application";

/// What answers in a location.
pub(super) fn content(
    context: &mut Context,
    location: &Location<'_>,
    all: &[Location<'_>],
    notes: &mut Vec<Note>,
) -> Target {
    let directives = location.directive.inside();
    let find = |name: &str| directives.iter().rfind(|one| one.name == name);
    if let Some(directive) = find("internal") {
        context.translated(directive);
        let is_copy = location
            .directive
            .args
            .last()
            .is_some_and(|path| context.mirrors.contains_key(path));
        for inner in directives
            .iter()
            .filter(|inner| inner.name != "internal" && !is_copy)
        {
            let advice =
                "is only asked for by nginx itself (auth_request, error_page); clients get 404";
            context.note(notes, inner, Weight::Differs, advice);
        }
        return Target::Fixed(Action::refuse(404, ""));
    }
    if let Some(directive) = find("try_files") {
        return try_files(context, location, directive, all, notes);
    }
    if let Some(directive) = find("proxy_pass") {
        return proxied(context, directive, &location.variables, notes);
    }
    let program = |one: &&Directive| {
        let is_pass = one.name.ends_with("_pass") && one.name != "proxy_pass";
        is_pass || one.name.starts_with("content_by_") || one.name == "stub_status"
    };
    if let Some(directive) = directives.iter().find(program) {
        context.note_known(notes, directive);
        return Target::Fixed(not_here());
    }
    match files(context, location, None, notes) {
        Some(target) => target,
        None => Target::Fixed(Action::refuse(404, "")),
    }
}

/// What is answered for what the gateway cannot do.
fn not_here() -> Action {
    Action::refuse(501, "not supported by the gateway\n")
}

fn proxied(
    context: &mut Context,
    directive: &Directive,
    variables: &Variables,
    notes: &mut Vec<Note>,
) -> Target {
    match pass(context, directive.first(), variables) {
        Ok(Pass { shares, host, uri }) => {
            context.translated(directive);
            let has_query = uri
                .as_ref()
                .is_some_and(|uri| uri.contains(['?', '#', ' ']));
            let uri = match has_query {
                true => {
                    let advice = "the query of this address is not added to requests: rewrite says what is sent";
                    context.note(notes, directive, Weight::Differs, advice);
                    uri.map(|uri| uri.split(['?', '#', ' ']).next().unwrap_or("/").to_owned())
                }
                false => uri,
            };
            Target::Servers { shares, host, uri }
        }
        Err(advice) => {
            context.note(notes, directive, Weight::Differs, advice);
            Target::Fixed(Action::refuse(502, "not supported by the gateway\n"))
        }
    }
}

/// Reads the text of `proxy_pass`; the upstream is made if there is none yet. The error says what to do.
pub(super) fn pass(
    context: &mut Context,
    text: &str,
    variables: &Variables,
) -> Result<Pass, String> {
    if let Some(pass) = split(context, text) {
        return Ok(pass);
    }
    let is_dynamic = has_variable(text);
    let text = variables.literal(text).map_err(|name| {
        format!(
            "the server depends on ${name}: write a route for each case; until then this is a 502"
        )
    })?;
    if text.starts_with("https://") || text.starts_with("grpcs://") {
        return Err("TLS to servers is not supported yet: until it is, this is a 502".into());
    }
    let rest = text
        .strip_prefix("http://")
        .ok_or("servers are reached by http:// only: until then this is a 502")?;
    let (server, uri) = match rest.strip_prefix("unix:") {
        Some(path) => {
            let (path, uri) = path
                .split_once(':')
                .map_or((path, None), |(path, uri)| (path, Some(uri)));
            (format!("unix:{path}"), uri.map(str::to_owned))
        }
        None => {
            let end = rest.find('/').unwrap_or(rest.len());
            let uri = (end < rest.len()).then(|| rest[end..].to_owned());
            (rest[..end].to_owned(), uri)
        }
    };
    let uri = uri.filter(|uri| !(is_dynamic && uri == "/"));
    if is_dynamic && uri.is_some() {
        return Err("with a variable nginx sends this path for all requests: write rewrite = \"…\"; until then this is a 502".into());
    }
    let name = match context.upstreams.get(&server) {
        Some(name) => name.clone(),
        None => {
            let address = address(&server)
                .ok_or("is no address that is known here: until it is mended this is a 502")?;
            context.implied_upstream(&address)
        }
    };
    let host = server.strip_suffix(":80").unwrap_or(&server).to_owned();
    Ok(Pass {
        shares: vec![(name, 1)],
        host,
        uri,
    })
}

/// `proxy_pass http://$variable` of `split_clients`.
fn split(context: &mut Context, text: &str) -> Option<Pass> {
    let rest = text.strip_prefix("http://")?;
    let [Piece::Variable(name)] = pieces(rest)[..] else {
        return None;
    };
    let parts = context.splits.get(name)?.clone();
    let mut shares: Vec<(String, u32)> = Vec::new();
    for (server, weight) in parts {
        let name = match context.upstreams.get(&server) {
            Some(name) => name.clone(),
            None => {
                let address = address(&server)?;
                context.implied_upstream(&address)
            }
        };
        match shares.iter_mut().find(|(other, _)| *other == name) {
            Some((_, share)) => *share = share.saturating_add(weight),
            None => shares.push((name, weight)),
        }
    }
    Some(Pass {
        shares,
        host: String::new(),
        uri: None,
    })
}

/// `try_files $uri $uri/ LAST`
fn try_files(
    context: &mut Context,
    location: &Location<'_>,
    directive: &Directive,
    all: &[Location<'_>],
    notes: &mut Vec<Note>,
) -> Target {
    let last = directive.args.last().map_or("", String::as_str);
    let tried = &directive.args[..directive.args.len().saturating_sub(1)];
    let is_plain = tried
        .iter()
        .all(|one| matches!(one.as_str(), "$uri" | "$uri/"));
    if let Some(name) = last.strip_prefix('@') {
        return handed_on(context, location, directive, name, all, notes);
    }
    let path = last.split('?').next().unwrap_or_default();
    if has_program_ending(path) {
        let advice = format!("`{path}` is a program: {PROGRAMS}");
        context.note(notes, directive, Weight::Differs, advice);
        return Target::Fixed(not_here());
    }
    let fallback = match last {
        _ if last.starts_with('=') => None,
        "$uri" | "$uri/" | "$uri/index.html" => None,
        _ if path.starts_with('/') && !has_variable(path) => Some(path),
        _ => {
            let advice = "only `=404` and a file have an equal as the last word";
            context.note(notes, directive, Weight::Differs, advice);
            None
        }
    };
    if !is_plain || (last.starts_with('=') && last != "=404") {
        let advice = "a file is looked for at the path, then `index` in the folder, then `fallback`; nothing else";
        context.note(notes, directive, Weight::Differs, advice);
    } else {
        context.translated(directive);
    }
    match files(context, location, fallback, notes) {
        Some(target) => target,
        None => Target::Fixed(Action::refuse(404, "")),
    }
}

fn has_program_ending(path: &str) -> bool {
    [".php", ".cgi", ".py", ".pl", ".fcgi"]
        .iter()
        .any(|ending| path.ends_with(ending))
}

/// `try_files … @name`: what `@name` does.
fn handed_on(
    context: &mut Context,
    location: &Location<'_>,
    directive: &Directive,
    name: &str,
    all: &[Location<'_>],
    notes: &mut Vec<Note>,
) -> Target {
    let is_it = |one: &&Location<'_>| one.kind == Kind::Named(name.to_owned());
    let Some(named) = all.iter().find(is_it) else {
        let advice = format!("there is no @{name}");
        context.note(notes, directive, Weight::Differs, advice);
        return Target::Fixed(not_here());
    };
    // A named location that tries files itself would go round in circles.
    let inside = named.directive.inside();
    let target = match inside.iter().find(|one| one.name == "proxy_pass") {
        Some(pass) => proxied(context, pass, &named.variables, notes),
        None => {
            for one in inside.iter().filter(|one| one.name.ends_with("_pass")) {
                context.note_known(notes, one);
            }
            Target::Fixed(not_here())
        }
    };
    let advice = "files are not tried before a server is asked: the server gets all requests; add a route with `files` for the folders that have them";
    context.note(notes, directive, Weight::Differs, advice);
    if let Some(root) = location.level.root {
        let advice = "a folder for that route: files = \"…\"";
        context.note(notes, root, Weight::Differs, advice);
    }
    target
}

/// `root` or `alias`.
fn files(
    context: &mut Context,
    location: &Location<'_>,
    fallback: Option<&str>,
    notes: &mut Vec<Note>,
) -> Option<Target> {
    let directives = location.directive.inside();
    let alias = directives.iter().rfind(|one| one.name == "alias");
    let directive = alias.or(location.level.root);
    let Some(directive) = directive else {
        let advice = "says nothing of what answers (nginx serves its own folder `html`): 404";
        context.note(notes, location.directive, Weight::Differs, advice);
        return None;
    };
    let folder = match location.variables.literal(directive.first()) {
        Ok(folder) if crate::config::word::path(&folder).is_ok() => folder,
        _ => {
            let advice = "the folder depends on variables: write a route for each case; until then this is a 404";
            context.note(notes, directive, Weight::Differs, advice);
            return None;
        }
    };
    context.translated(directive);
    let mut edit = Edit::Keep;
    let mut root = trimmed(&folder);
    let mut start = "";
    if alias.is_some() {
        match &location.kind {
            Kind::Prefix { text, .. } => {
                if text.ends_with('/') != folder.ends_with('/') {
                    let advice = "nginx puts the rest of the path right behind this text, without a `/` between: here there is one";
                    context.note(notes, directive, Weight::Differs, advice);
                }
                let text = text.strip_suffix('/').unwrap_or(text);
                if !text.is_empty() {
                    edit = Edit::Strip(text.to_owned());
                    start = text;
                }
            }
            Kind::Exact(_) => {
                let (parent, file) = root.rsplit_once('/').unwrap_or((".", &root));
                edit = Edit::Rewrite(format!("/{}", crate::import::path::escaped(file)));
                root = trimmed(parent);
            }
            Kind::Regex { .. } | Kind::Named(_) => {
                let advice = "an alias behind an expression is not supported: write a route with `strip`; until then this is a 404";
                context.note(notes, directive, Weight::Differs, advice);
                return None;
            }
        }
    }
    let fallback = fallback.and_then(|path| relative(context, location, path, start, notes));
    let action = Action::Files {
        root,
        index: index(context, location, notes),
        fallback,
        cache_control: None,
    };
    Some(Target::Files { action, edit })
}

fn trimmed(folder: &str) -> String {
    match folder.trim_end_matches('/') {
        "" => "/".to_owned(),
        folder => folder.to_owned(),
    }
}

/// The last word of `try_files` is a path of a request; ours is a file below the folder.
fn relative(
    context: &mut Context,
    location: &Location<'_>,
    path: &str,
    start: &str,
    notes: &mut Vec<Note>,
) -> Option<String> {
    let inside = path
        .strip_prefix(start)
        .unwrap_or(path)
        .trim_start_matches('/');
    let is_good = !inside.is_empty()
        && inside
            .split('/')
            .all(|part| !matches!(part, "" | "." | ".."));
    if !path.starts_with(start) || !is_good {
        let advice = format!("`{path}` is no file below the folder: there is no fallback");
        context.note(notes, location.directive, Weight::Differs, advice);
        return None;
    }
    Some(inside.to_owned())
}

/// The first file of `index` that is no program.
fn index(context: &mut Context, location: &Location<'_>, notes: &mut Vec<Note>) -> Option<String> {
    let directive = location.level.index?;
    let is_file = |name: &&String| {
        !has_program_ending(name)
            && !has_variable(name)
            && name.split('/').all(|part| !matches!(part, "" | "." | ".."))
    };
    let files: Vec<&String> = directive.args.iter().filter(is_file).collect();
    let is_usual = directive
        .args
        .iter()
        .all(|name| name == "index.html" || name == "index.htm");
    match is_usual || directive.args.len() == 1 && files.len() == 1 {
        true => context.translated(directive),
        false => {
            let advice = "a folder has one index: the first one that is no program";
            context.note(notes, directive, Weight::Differs, advice);
        }
    }
    let first = files.first()?;
    (*first != "index.html").then(|| (*first).clone())
}
