//! What a `server` is called and where it listens: what has to be known of all of them before the first becomes routes.

use super::context::Context;
use super::level::Level;
use super::listen;
use super::parse::Directive;
use super::rewrite;
use super::variables::Variables;
use crate::import::ledger::{Note, Weight};
use crate::import::listeners::Listen;
use crate::import::regex::Shape;
use tenfold_gateway::route::pattern::HostPattern;

/// A server, as far as others have to know it.
#[derive(Clone, Debug)]
pub(super) struct Site<'d> {
    pub(super) directive: &'d Directive,
    pub(super) level: Level<'d>,
    pub(super) variables: Variables,
    pub(super) hosts: Vec<String>,
    /// Some of its names have no equal.
    pub(super) lacks_hosts: bool,
    pub(super) listens: Vec<Listen>,
    pub(super) notes: Vec<Note>,
}

impl<'d> Site<'d> {
    pub(super) fn new(
        context: &mut Context,
        directive: &'d Directive,
        outer: &Level<'d>,
        variables: &Variables,
    ) -> Self {
        let inside = directive.inside();
        let mut site = Self {
            directive,
            level: outer.inner(inside),
            variables: variables.clone(),
            hosts: Vec::new(),
            lacks_hosts: false,
            listens: Vec::new(),
            notes: Vec::new(),
        };
        let all_tls = inside
            .iter()
            .any(|one| one.name == "ssl" && one.first() == "on");
        let mut has_listen = false;
        for one in inside {
            match one.name.as_str() {
                "listen" => {
                    has_listen = true;
                    let listen = listen::parse(context, one, all_tls, &mut site.notes);
                    site.listens.extend(listen);
                }
                "server_name" => site.name(context, one),
                _ => {}
            }
        }
        if !has_listen {
            site.listens.push(listen::standard());
        }
        site.variables.server_name = site.hosts.first().cloned();
        rewrite::sets(inside, &mut site.variables);
        context.translated(directive);
        site
    }

    fn name(&mut self, context: &mut Context, directive: &Directive) {
        let mut odd = Vec::new();
        for name in &directive.args {
            match hosts(name) {
                Some(hosts) => {
                    for host in hosts {
                        if !self.hosts.contains(&host) {
                            self.hosts.push(host);
                        }
                    }
                }
                None => odd.push(name.as_str()),
            }
        }
        if odd.is_empty() {
            context.translated(directive);
            return;
        }
        self.lacks_hosts = true;
        let advice = format!(
            "`{}` has no equal: hosts are exact or `*.example.com`; list those that there are",
            odd.join(" ").replace('`', " ")
        );
        context.note(&mut self.notes, directive, Weight::Differs, advice);
    }
}

/// A name of a server as hosts; none for what only means the default server, `None` for what has no equal.
fn hosts(name: &str) -> Option<Vec<String>> {
    let one = |host: &str| {
        let pattern = HostPattern::parse(host).ok()?;
        Some(pattern.to_string())
    };
    match name {
        "" | "_" | "__" | "--" | "!@#" | "default" => return Some(Vec::new()),
        _ => {}
    }
    if let Some(expression) = name.strip_prefix('~') {
        let shape = Shape::parse(expression).filter(|shape| !shape.is_open)?;
        return shape.all_texts()?.iter().map(|host| one(host)).collect();
    }
    if let Some(suffix) = name.strip_prefix('.') {
        return Some(vec![one(suffix)?, one(&format!("*.{suffix}"))?]);
    }
    Some(vec![one(name)?])
}
