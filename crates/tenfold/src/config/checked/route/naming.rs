//! Names of routes: given ones are unique, and the others are made of host and path.

use std::collections::HashMap;

use crate::config::diagnostic::{At, Place, Report};
use crate::config::raw::route::Route;
use crate::config::read::{Field, shortened};
use crate::config::scalar::Text;
use crate::config::shape::OneOrMore;

/// A name for each route, in their order.
pub(super) fn names(routes: &[At<Route>], report: &mut Report) -> Vec<String> {
    let mut taken = Taken::default();
    // Given ones first: a made one must not take what a later route asks for.
    for given in routes.iter().filter_map(|route| route.value.name.given()) {
        check(given, &mut taken, report);
    }
    let mut name = |route: &At<Route>| match route.value.name.value() {
        Some(name) => name.clone(),
        None => taken.make(&plain(&route.value), route.at),
    };
    routes.iter().map(&mut name).collect()
}

fn check(given: &At<String>, taken: &mut Taken, report: &mut Report) {
    // Labels of metrics and lines of logs carry it.
    let is_good = (1..=128).contains(&given.value.len()) && given.value.chars().all(is_plain);
    if !is_good {
        let message = format!("`{}` is no name for a route", shortened(&given.value));
        let help = "a name has 1 to 128 characters, without quotes and line breaks";
        report.error(given.at, message, help);
    }
    if let Some(first) = taken.names.insert(given.value.clone(), given.at) {
        let message = format!("two routes have the name `{}`", shortened(&given.value));
        let help = "rename one, or leave the name out";
        report
            .error(given.at, message, help)
            .also(first, "first here");
    }
}

fn is_plain(character: char) -> bool {
    !character.is_control() && character != '"' && character != '\\'
}

/// `shop.example.com/api/*`
fn plain(route: &Route) -> String {
    let first = |field: &Field<OneOrMore<Text>>| {
        let one = field.value().and_then(|all| all.0.first());
        one.map(|one| one.value.clone())
    };
    let host = first(&route.host).unwrap_or_default();
    let path = first(&route.path).unwrap_or_else(|| "/*".to_owned());
    let both = host.chars().chain(path.chars());
    both.filter(|character| is_plain(*character))
        .take(100)
        .collect()
}

#[derive(Default)]
struct Taken {
    names: HashMap<String, Place>,
    /// The last number behind a name that several routes would have.
    numbers: HashMap<String, usize>,
}

impl Taken {
    fn make(&mut self, plain: &str, at: Place) -> String {
        let mut name = plain.to_owned();
        while self.names.contains_key(&name) {
            let number = self.numbers.entry(plain.to_owned()).or_insert(1);
            *number += 1;
            name = format!("{plain} {number}");
        }
        self.names.insert(name.clone(), at);
        name
    }
}
