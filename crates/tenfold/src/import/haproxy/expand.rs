//! From rules, of which the first that matches counts, to routes, of which the most specific does.
//!
//! # The idea
//! Rules are taken in their order, and each becomes routes. Wherever a route would be asked before one of an earlier rule, a
//! route for what both have in common is put beside it, with what the earlier rule does; and so on for that one.
//!
//! # The trade-off
//! Rules that cross each other on many counts become many routes, so there is a bound. What is beyond it is left out: those
//! that would have been asked last, with a comment. Nothing that keeps someone out is, since that comes first.

use std::cmp::Ordering;
use std::collections::HashSet;

use super::lexer::Line;
use super::region::Region;
use super::rules::{Effect, Rule};
use crate::import::model::Action;
use crate::import::source::Place;

/// Most routes that one frontend may become. What is left out then is what would have been asked last: its requests get 404,
/// or go where an earlier rule sends them.
pub(super) const MOST: usize = 1000;
/// Most routes that are looked at on the way there.
const MOST_STEPS: usize = 10 * MOST;
/// Most times that rules are followed for some of the requests by themselves.
const MOST_BRANCHES: usize = 100;

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
    /// The rules that let it pass others, which also change nothing about it then.
    pub(super) passed: Vec<Place>,
    /// Its place among the rules: of two that match, HAProxy takes the lower one.
    turn: usize,
}

impl Entry<'_> {
    /// True if the same becomes of requests.
    fn does_the_same(&self, other: &Self) -> bool {
        self.outcome == other.outcome
            && self.is_closed == other.is_closed
            && self.passed == other.passed
    }
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

/// What rules became.
#[derive(Debug)]
pub(super) struct Expanded<'s> {
    pub(super) entries: Vec<Entry<'s>>,
    /// Something was left out, since it was too much.
    pub(super) is_cut: bool,
}

/// Puts rules into the order of routes.
pub(super) fn expand<'s>(rules: &[Rule<'s>], backends: &impl Backends<'s>) -> Expanded<'s> {
    let mut expansion = Expansion {
        out: Vec::new(),
        known: HashSet::new(),
        branches: 0,
        steps: 0,
        is_cut: false,
    };
    let scope = Scope {
        regions: vec![Region::default()],
        closers: Vec::new(),
        passed: Vec::new(),
    };
    expansion.rules(rules, scope, None, backends);
    Expanded {
        entries: expansion.out,
        is_cut: expansion.is_cut,
    }
}

/// The requests that rules are asked about.
#[derive(Clone)]
struct Scope {
    regions: Vec<Region>,
    /// Where those who may pass cannot be named.
    closers: Vec<Region>,
    passed: Vec<Place>,
}

impl Scope {
    /// The same for fewer requests.
    fn only(&self, regions: Vec<Region>, passed: Vec<Place>) -> Self {
        Self {
            regions,
            closers: self.closers.clone(),
            passed,
        }
    }
}

struct Expansion<'s> {
    out: Vec<Entry<'s>>,
    /// The regions of `out`.
    known: HashSet<Region>,
    branches: usize,
    steps: usize,
    is_cut: bool,
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
    /// Follows rules for the requests in scope. `to` is the backend that these are the rules of.
    fn rules(
        &mut self,
        rules: &[Rule<'s>],
        mut scope: Scope,
        to: Option<(&'s Line, &str)>,
        backends: &impl Backends<'s>,
    ) {
        // For requests that are not allowed further: asked when all is said about those that are.
        let mut fallbacks = Vec::new();
        for (at, rule) in rules.iter().enumerate() {
            let rest = &rules[at + 1..];
            let except = within(&scope.regions, &rule.except);
            let passed = scope.passed.clone();
            self.branch(rest, scope.only(except, passed), to, backends);
            let regions = within(&scope.regions, &rule.regions);
            match &rule.effect {
                Effect::Close => scope.closers.extend(regions),
                Effect::Pass => {
                    let others = rest.iter().filter(|other| other.phase != rule.phase);
                    let others: Vec<Rule<'s>> = others.cloned().collect();
                    let mut passed = scope.passed.clone();
                    passed.push(rule.line.place);
                    self.branch(&others, scope.only(regions, passed), to, backends);
                }
                Effect::Require(refusal) => {
                    for region in std::mem::replace(&mut scope.regions, regions) {
                        let outcome = Outcome::Answer(refusal.clone());
                        fallbacks.push((rule.line, region, outcome));
                    }
                }
                Effect::Answer(action) => {
                    for region in regions {
                        let outcome = Outcome::Answer(action.clone());
                        self.add(rule.line, region, outcome, &scope);
                    }
                }
                Effect::Forward(name) if to.is_none() => {
                    for region in regions {
                        let inner = scope.only(vec![region], scope.passed.clone());
                        let to = Some((rule.line, name.as_str()));
                        self.rules(backends.rules(name), inner, to, backends);
                    }
                }
                // Backends send requests to no other ones.
                Effect::Forward(_) => {}
            }
        }
        if let Some((line, name)) = to {
            for region in scope.regions.clone() {
                let outcome = Outcome::Forward(name.to_owned());
                self.add(line, region, outcome, &scope);
            }
        }
        // Who failed at a later rule had passed the earlier ones.
        for (line, region, outcome) in fallbacks.into_iter().rev() {
            self.add(line, region, outcome, &scope);
        }
    }

    /// Follows rules for some of the requests, which have to be asked about first. If that is too much, whatever comes after
    /// is left out.
    fn branch(
        &mut self,
        rules: &[Rule<'s>],
        scope: Scope,
        to: Option<(&'s Line, &str)>,
        backends: &impl Backends<'s>,
    ) {
        if scope.regions.is_empty() {
            return;
        }
        self.branches += 1;
        if self.branches > MOST_BRANCHES {
            self.is_cut = true;
            return;
        }
        self.rules(rules, scope, to, backends);
    }

    /// Adds a route: before it those that close a part of it.
    fn add(&mut self, line: &'s Line, region: Region, outcome: Outcome, scope: &Scope) {
        let mut entry = Entry {
            region,
            outcome,
            is_closed: false,
            line,
            is_repeated: false,
            passed: scope.passed.clone(),
            turn: 0,
        };
        let is_open = matches!(entry.outcome, Outcome::Forward(_));
        let met: Vec<Region> = scope
            .closers
            .iter()
            .filter(|closer| is_open && closer.and(&entry.region).is_some())
            .map(Region::without_start)
            .collect();
        entry.is_closed = met.iter().any(|closer| closer.covers(&entry.region));
        for closer in met.iter().filter(|_| !entry.is_closed) {
            if let Some(region) = closer.and(&entry.region) {
                self.place(Entry {
                    region,
                    is_closed: true,
                    ..entry.clone()
                });
            }
        }
        self.place(entry);
    }

    /// Puts a route at the end, and before it what an earlier rule does with a part of its requests, if that would be asked
    /// later.
    fn place(&mut self, mut entry: Entry<'s>) {
        entry.turn = self.out.len();
        let mut all: Vec<Entry<'s>> = Vec::new();
        let mut seen: HashSet<(Region, usize)> = HashSet::new();
        let mut next = vec![entry];
        while let Some(one) = next.pop() {
            self.steps += 1;
            self.is_cut |= self.steps > MOST_STEPS || self.out.len() + all.len() >= MOST;
            if self.is_cut {
                return;
            }
            let earlier = || self.out.iter().filter(|other| other.turn < one.turn);
            // Nothing is left for it.
            if earlier().any(|other| other.region.covers(&one.region)) {
                continue;
            }
            for other in earlier() {
                let goes_before = one.region.rank(&other.region) == Ordering::Greater;
                if !goes_before || other.does_the_same(&one) {
                    continue;
                }
                let both = other.region.and(&one.region);
                if let Some(region) = both.filter(|both| seen.insert((both.clone(), other.turn))) {
                    next.push(Entry {
                        region,
                        is_repeated: true,
                        ..other.clone()
                    });
                }
            }
            all.push(one);
        }
        all.sort_by_key(|one| one.turn);
        for one in all {
            if self.known.insert(one.region.clone()) {
                self.out.push(one);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rules::Phase;
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
        let entries = expand(rules, &None).entries;
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
            phase: Phase::Request,
            regions: vec![region],
            except: Vec::new(),
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
        assert_eq!(shown(&rules), ["/admin/*=-"]);
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
