//! Sets of requests, as routes can name them: what conditions are made into, and what they have in common.
//!
//! HAProxy takes the first rule that matches, we the most specific route. Both agree if wherever a later rule is more specific
//! than an earlier one, a route for what they have in common stands between: with the earlier one's effect.

use std::cmp::Ordering;

use crate::import::path::{Pattern, Segment};

/// Requests for which all of these hold. `None` and empty lists hold for all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Region {
    pub(super) listeners: Option<Vec<String>>,
    pub(super) host: Option<String>,
    pub(super) path: Option<Pattern>,
    /// Their paths begin with this text, wherever a segment ends. No route can say so: only what is to be closed has it.
    pub(super) start: Option<String>,
    pub(super) methods: Option<Vec<String>>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) query: Vec<(String, String)>,
}

impl Region {
    /// What both have in common, as far as that can be named; `None` if that is surely nothing.
    pub(super) fn and(&self, other: &Self) -> Option<Self> {
        let path = match (&self.path, &other.path) {
            (Some(one), Some(other)) => Some(one.and(other)?),
            (one, other) => one.clone().or_else(|| other.clone()),
        };
        let start = starts(self.start.as_deref(), other.start.as_deref())?;
        if let (Some(path), Some(start)) = (&path, &start)
            && !path.may_begin_with(start)
        {
            return None;
        }
        Some(Self {
            listeners: common(self.listeners.as_deref(), other.listeners.as_deref())?,
            host: hosts(self.host.as_deref(), other.host.as_deref())?,
            path,
            start,
            methods: methods(self.methods.as_deref(), other.methods.as_deref())?,
            headers: tests(&self.headers, &other.headers)?,
            query: tests(&self.query, &other.query)?,
        })
    }

    /// True if every request of the other one is surely in this one.
    pub(super) fn covers(&self, other: &Self) -> bool {
        self.and(other).as_ref() == Some(other)
    }

    /// Which of two routes is asked first for a request that both are for.
    pub(super) fn rank(&self, other: &Self) -> Ordering {
        host_rank(self.host.as_deref())
            .cmp(&host_rank(other.host.as_deref()))
            .then_with(|| path_rank(self.path.as_ref()).cmp(&path_rank(other.path.as_ref())))
            .then_with(|| self.conditions().cmp(&other.conditions()))
    }

    /// The same for paths wherever they begin.
    pub(super) fn without_start(&self) -> Self {
        Self {
            start: None,
            ..self.clone()
        }
    }

    fn conditions(&self) -> usize {
        usize::from(self.methods.is_some()) + self.headers.len() + self.query.len()
    }
}

/// `None` if there is nothing in common.
fn common(one: Option<&[String]>, other: Option<&[String]>) -> Option<Option<Vec<String>>> {
    let (Some(one), Some(other)) = (one, other) else {
        return Some(one.or(other).map(<[String]>::to_vec));
    };
    let both: Vec<String> = one
        .iter()
        .filter(|item| other.contains(item))
        .cloned()
        .collect();
    (!both.is_empty()).then_some(Some(both))
}

/// What is there for GET is there for HEAD, so that the two have HEAD in common.
fn methods(one: Option<&[String]>, other: Option<&[String]>) -> Option<Option<Vec<String>>> {
    let with_head = |all: &[String]| {
        let mut all = all.to_vec();
        let has = |name: &str| all.iter().any(|method| method == name);
        if has("GET") && !has("HEAD") {
            all.push("HEAD".into());
        }
        all
    };
    let (Some(mine), Some(theirs)) = (one, other) else {
        return common(one, other);
    };
    let both = common(Some(mine), Some(theirs));
    let takes_get = both
        .iter()
        .flatten()
        .flatten()
        .any(|method| method == "GET");
    match takes_get {
        true => both,
        false => common(Some(&with_head(mine)), Some(&with_head(theirs))),
    }
}

/// The longer of two beginnings; `None` if no text has both.
fn starts(one: Option<&str>, other: Option<&str>) -> Option<Option<String>> {
    let (Some(one), Some(other)) = (one, other) else {
        return Some(one.or(other).map(str::to_owned));
    };
    let (short, long) = match one.len() <= other.len() {
        true => (one, other),
        false => (other, one),
    };
    long.starts_with(short).then(|| Some(long.to_owned()))
}

fn hosts(one: Option<&str>, other: Option<&str>) -> Option<Option<String>> {
    let (Some(one), Some(other)) = (one, other) else {
        return Some(one.or(other).map(str::to_owned));
    };
    let is_in = |host: &str, of: &str| {
        host == of
            || of
                .strip_prefix('*')
                .is_some_and(|suffix| host.ends_with(suffix))
    };
    if is_in(one, other) {
        return Some(Some(one.to_owned()));
    }
    is_in(other, one).then(|| Some(other.to_owned()))
}

/// Tests of fields; two of one field are both kept only if they are the same, since a table has each name once.
fn tests(one: &[(String, String)], other: &[(String, String)]) -> Option<Vec<(String, String)>> {
    let mut all = one.to_vec();
    for (name, test) in other {
        match all.iter_mut().find(|(known, _)| known == name) {
            None => all.push((name.clone(), test.clone())),
            Some((_, known)) if known == test => {}
            Some((_, known)) => *known = both(known, test)?,
        }
    }
    all.sort();
    Some(all)
}

/// The narrower of two tests; `None` if no value meets both.
fn both(one: &str, other: &str) -> Option<String> {
    let meets = |value: &str, test: &str| match test {
        "!" => false,
        "*" => value != "!",
        _ => test
            .strip_suffix('*')
            .is_some_and(|start| value != "!" && value.starts_with(start)),
    };
    if meets(one, other) {
        return Some(one.to_owned());
    }
    meets(other, one).then(|| other.to_owned())
}

fn host_rank(host: Option<&str>) -> (u8, usize) {
    match host {
        None => (0, 0),
        Some(host) if host.starts_with('*') => (1, host.len()),
        Some(_) => (2, 0),
    }
}

/// Exact before prefixes; deeper before shallower; then literal segments before captures, the leftmost one decides.
fn path_rank(path: Option<&Pattern>) -> (bool, usize, Vec<bool>) {
    let Some(path) = path else {
        return (false, 0, Vec::new());
    };
    let is_literal = |segment: &Segment| matches!(segment, Segment::Literal(_));
    let literals = path.segments.iter().map(is_literal).collect();
    (!path.is_prefix, path.segments.len(), literals)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(host: &str, path: &str) -> Region {
        Region {
            host: (!host.is_empty()).then(|| host.to_owned()),
            path: (!path.is_empty()).then(|| Pattern::below(path).expect(path)),
            ..Region::default()
        }
    }

    #[test]
    fn what_regions_have_in_common() {
        let both = region("a.example", "")
            .and(&region("", "/x"))
            .expect("some");
        assert_eq!(both, region("a.example", "/x"));
        assert!(
            region("a.example", "")
                .and(&region("b.example", ""))
                .is_none()
        );
        let wild = region("*.example", "");
        assert_eq!(
            wild.and(&region("a.example", "")),
            Some(region("a.example", ""))
        );
        assert!(wild.covers(&region("a.example", "/x")));
        assert!(!region("a.example", "").covers(&wild));
        assert_eq!(
            region("a.example", "").rank(&region("", "/x/y")),
            Ordering::Greater
        );
    }

    #[test]
    fn tests_of_one_field() {
        assert_eq!(both("*", "a"), Some("a".into()));
        assert_eq!(both("a*", "ab"), Some("ab".into()));
        assert_eq!(both("!", "*"), None);
        assert_eq!(both("a", "b"), None);
    }
}
