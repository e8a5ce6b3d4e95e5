//! From rules, of which the first that matches counts, to routes, of which the most specific does.

use super::lexer::Line;
use super::region::Region;
use super::rules::{Effect, Rule};
use crate::import::model::Action;
use std::cmp::Ordering;

/// Most routes that one frontend may become. What is left out then is what would have been asked last: its requests get 404,
/// or go where an earlier rule sends them.
pub(super) const MOST: usize = 1000;

/// A route to be.
#[derive(Clone, Debug)]
pub(super) struct Entry<'s> {
    pub(super) region: Region,
    pub(super) outcome: Outcome,
    pub(super) is_closed: bool,
    /// The rule that it is from.
    pub(super) line: &'s Line,
    /// It is here only because the rule of this line comes first and would be asked last.
    pub(super) is_repeated: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    Answer(Action),
    Forward(String),
}

/// The rules of a backend, which are asked after those of the frontend.
pub(super) trait Backends<'s> {
    fn rules(&self, name: &str) -> &[Rule<'s>];
}

/// Puts rules into the order of routes.
pub(super) fn expand<'s>(rules: &[Rule<'s>], backends: &impl Backends<'s>) -> Vec<Entry<'s>> {
    let mut expansion = Expansion {
        out: Vec::new(),
        fallbacks: Vec::new(),
    };
    let scope = Scope {
        regions: vec![Region::default()],
        closers: Vec::new(),
    };
    expansion.rules(rules, scope, backends);
    let fallbacks = std::mem::take(&mut expansion.fallbacks);
    for entry in fallbacks {
        expansion.add(entry, &[]);
    }
    expansion.out
}

/// The requests that rules are asked about.
#[derive(Clone)]
struct Scope {
    regions: Vec<Region>,
    /// Where those who may pass cannot be named.
    closers: Vec<Region>,
}

struct Expansion<'s> {
    out: Vec<Entry<'s>>,
    /// For requests that were not allowed further; asked last.
    fallbacks: Vec<Entry<'s>>,
}

fn within(scope: &[Region], regions: &[Region]) -> Vec<Region> {
    let mut all: Vec<Region> = Vec::new();
    for region in regions {
        for part in scope {
            let both = part.and(region);
            all.extend(both.filter(|both| !all.contains(both)));
        }
    }
    all
}

impl<'s> Expansion<'s> {
    fn rules(&mut self, rules: &[Rule<'s>], mut scope: Scope, backends: &impl Backends<'s>) {
        for rule in rules {
            let regions = within(&scope.regions, &rule.regions);
            match &rule.effect {
                Effect::Close => scope.closers.extend(regions),
                Effect::Require(refusal) => {
                    for region in &scope.regions {
                        self.fallbacks.push(entry(
                            rule.line,
                            region.clone(),
                            Outcome::Answer(refusal.clone()),
                        ));
                    }
                    scope.regions = regions;
                }
                Effect::Answer(action) => {
                    for region in regions {
                        let outcome = Outcome::Answer(action.clone());
                        self.add(entry(rule.line, region, outcome), &scope.closers);
                    }
                }
                Effect::Forward(name) => {
                    for region in regions {
                        self.forward(rule.line, region, name, &scope, backends);
                    }
                }
            }
        }
    }

    /// A backend's own rules, then its servers.
    fn forward(
        &mut self,
        line: &'s Line,
        region: Region,
        name: &str,
        scope: &Scope,
        backends: &impl Backends<'s>,
    ) {
        let mut inner = Scope {
            regions: vec![region],
            closers: scope.closers.clone(),
        };
        for rule in backends.rules(name) {
            let regions = within(&inner.regions, &rule.regions);
            match &rule.effect {
                Effect::Close => inner.closers.extend(regions),
                Effect::Require(refusal) => {
                    // Asked after what is allowed, and before what other rules leave over.
                    for region in &inner.regions {
                        self.fallbacks.push(entry(
                            rule.line,
                            region.clone(),
                            Outcome::Answer(refusal.clone()),
                        ));
                    }
                    inner.regions = regions;
                }
                Effect::Answer(action) => {
                    for region in regions {
                        let outcome = Outcome::Answer(action.clone());
                        self.add(entry(rule.line, region, outcome), &inner.closers);
                    }
                }
                // Backends send requests to no other ones.
                Effect::Forward(_) => {}
            }
        }
        for region in inner.regions {
            let outcome = Outcome::Forward(name.to_owned());
            self.add(entry(line, region, outcome), &inner.closers);
        }
    }

    /// Adds a route: before it those that close a part of it, and those of earlier rules that it would go before.
    fn add(&mut self, mut entry: Entry<'s>, closers: &[Region]) {
        if self.out.len() >= MOST {
            return;
        }
        let is_open = matches!(entry.outcome, Outcome::Forward(_));
        for closer in closers.iter().filter(|_| is_open) {
            if closer.covers(&entry.region) {
                entry.is_closed = true;
            }
        }
        for closer in closers.iter().filter(|_| is_open && !entry.is_closed) {
            if let Some(region) = closer.and(&entry.region) {
                let part = Entry {
                    region,
                    is_closed: true,
                    ..entry.clone()
                };
                self.place(part);
            }
        }
        self.place(entry);
    }

    fn place(&mut self, entry: Entry<'s>) {
        let mut before: Vec<Entry<'s>> = Vec::new();
        for earlier in &self.out {
            let goes_before = entry.region.rank(&earlier.region) == Ordering::Greater;
            let is_same = earlier.outcome == entry.outcome && earlier.is_closed == entry.is_closed;
            if !goes_before || is_same {
                continue;
            }
            let Some(region) = earlier.region.and(&entry.region) else {
                continue;
            };
            let is_there = |other: &Entry<'s>| other.region == region;
            if !self.out.iter().any(is_there) && !before.iter().any(is_there) {
                before.push(Entry {
                    region,
                    is_repeated: true,
                    ..earlier.clone()
                });
            }
        }
        self.out.extend(before);
        if !self.out.iter().any(|other| other.region == entry.region) {
            self.out.push(entry);
        }
    }
}

fn entry(line: &Line, region: Region, outcome: Outcome) -> Entry<'_> {
    Entry {
        region,
        outcome,
        is_closed: false,
        line,
        is_repeated: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::path::Pattern;

    struct None;

    impl<'s> Backends<'s> for None {
        fn rules(&self, _: &str) -> &[Rule<'s>] {
            &[]
        }
    }

    fn region(host: &str, path: &str) -> Region {
        Region {
            host: (!host.is_empty()).then(|| host.to_owned()),
            path: (!path.is_empty()).then(|| Pattern::below(path).expect(path)),
            ..Region::default()
        }
    }

    fn shown(rules: &[Rule<'_>]) -> Vec<String> {
        let entries = expand(rules, &None);
        let text = |entry: &Entry<'_>| {
            let to = match &entry.outcome {
                Outcome::Forward(name) => name.clone(),
                Outcome::Answer(_) => "-".into(),
            };
            let path = entry.region.path.as_ref().map(ToString::to_string);
            let host = entry.region.host.clone().unwrap_or_default();
            let closed = if entry.is_closed { "!" } else { "" };
            format!("{closed}{host}{}={to}", path.unwrap_or_default())
        };
        entries.iter().map(text).collect()
    }

    fn rule<'s>(line: &'s Line, region: Region, effect: Effect) -> Rule<'s> {
        Rule {
            line,
            regions: vec![region],
            effect,
        }
    }

    #[test]
    fn earlier_rules_go_before_more_specific_ones() {
        let line = Line::default();
        let to = |name: &str| Effect::Forward(name.into());
        let rules = [
            rule(&line, region("", "/api"), to("api")),
            rule(&line, region("a.example", ""), to("a")),
            rule(&line, Region::default(), to("rest")),
        ];
        assert_eq!(
            shown(&rules),
            ["/api/*=api", "a.example/api/*=api", "a.example=a", "=rest"]
        );
    }

    #[test]
    fn what_is_kept_out_is_kept_out_of_more_specific_routes() {
        let line = Line::default();
        let deny = Effect::Answer(Action::refuse(403, ""));
        let rules = [
            rule(&line, region("", "/admin"), deny),
            rule(
                &line,
                region("a.example", "/admin/x"),
                Effect::Forward("x".into()),
            ),
        ];
        assert_eq!(shown(&rules), ["/admin/*=-", "a.example/admin/x/*=-"]);
        let rules = [
            rule(&line, region("", "/admin"), Effect::Close),
            rule(&line, region("a.example", ""), Effect::Forward("a".into())),
            rule(
                &line,
                region("b.example", "/admin/x"),
                Effect::Forward("b".into()),
            ),
        ];
        assert_eq!(
            shown(&rules),
            [
                "!a.example/admin/*=a",
                "a.example=a",
                "!b.example/admin/x/*=b"
            ]
        );
        let rules = [
            rule(
                &line,
                region("a.example", ""),
                Effect::Require(Action::refuse(403, "")),
            ),
            rule(&line, Region::default(), Effect::Forward("x".into())),
        ];
        assert_eq!(shown(&rules), ["a.example=x", "=-"]);
    }
}
