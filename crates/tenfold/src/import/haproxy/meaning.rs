//! What a condition means in regions: the best that routes can say, and what surely contains it.
//!
//! The first is for rules that send requests somewhere: what it leaves out goes elsewhere, with a comment. The second is for
//! rules that keep someone out: what cannot be said is refused, too.

use super::region::Region;

/// Most regions that a condition may be made of.
const MOST: usize = 64;

/// A condition in regions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Meaning {
    /// As near as routes come; `None` if they have no such condition at all.
    pub(super) best: Option<Vec<Region>>,
    /// Contains every request that meets the condition.
    pub(super) all: Vec<Region>,
    /// Both are the same, and exactly what is meant.
    pub(super) is_exact: bool,
    /// What is not the same.
    pub(super) remarks: Vec<String>,
    /// What kind of thing it depends on, if that decides what is to be done.
    pub(super) depends: Depends,
}

/// What a condition that cannot be said depends on, the weightiest last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Depends {
    #[default]
    Nothing,
    /// What clients say of themselves as they like: a name of a program, where they come from.
    Courtesy,
    /// How often something happened.
    Rate,
    /// Anything else.
    Other,
}

impl Depends {
    /// Of a condition that both parts have to meet: who is kept out for a rate alone is kept out for a rate, whoever else
    /// has to be met.
    fn narrowed(self, other: Self) -> Self {
        let is_soft = |one: &Self| matches!(one, Self::Rate | Self::Courtesy);
        match (is_soft(&self), is_soft(&other)) {
            (true, true) | (false, false) => self.max(other),
            (true, false) => self,
            (false, true) => other,
        }
    }
}

impl Meaning {
    pub(super) fn exact(regions: Vec<Region>) -> Self {
        Self {
            best: Some(regions.clone()),
            all: regions,
            is_exact: true,
            remarks: Vec::new(),
            depends: Depends::Nothing,
        }
    }

    /// Every request.
    pub(super) fn always() -> Self {
        Self::exact(vec![Region::default()])
    }

    /// No request.
    pub(super) fn never() -> Self {
        Self::exact(Vec::new())
    }

    /// What routes cannot say.
    pub(super) fn unknown(depends: Depends, remark: impl Into<String>) -> Self {
        Self {
            best: None,
            all: vec![Region::default()],
            is_exact: false,
            remarks: vec![remark.into()],
            depends,
        }
    }

    /// Nearly the same.
    pub(super) fn near(best: Vec<Region>, all: Vec<Region>, remark: impl Into<String>) -> Self {
        Self {
            best: Some(best),
            all,
            is_exact: false,
            remarks: vec![remark.into()],
            depends: Depends::Other,
        }
    }

    fn is_never(&self) -> bool {
        self.is_exact && self.all.is_empty()
    }

    pub(super) fn and(self, other: Self) -> Self {
        if self.is_never() || other.is_never() {
            return Self::never();
        }
        let best = match (self.best, other.best) {
            (Some(one), Some(other)) => product(&one, &other),
            _ => None,
        };
        // What is too much to say is everything.
        let all = product(&self.all, &other.all).unwrap_or_else(|| vec![Region::default()]);
        Self {
            is_exact: self.is_exact && other.is_exact && best.is_some(),
            best,
            all,
            remarks: joined(self.remarks, other.remarks),
            depends: self.depends.narrowed(other.depends),
        }
    }

    pub(super) fn or(self, other: Self) -> Self {
        let is_whole = self.best.is_some() && other.best.is_some();
        let best = match (self.best, other.best) {
            (Some(one), Some(other)) => Some(union(one, other)),
            // The part that can be said.
            (one, other) => one.or(other),
        };
        Self {
            best,
            all: union(self.all, other.all),
            is_exact: is_whole && self.is_exact && other.is_exact,
            remarks: joined(self.remarks, other.remarks),
            depends: self.depends.max(other.depends),
        }
    }

    /// The opposite. Of most conditions routes cannot say it.
    pub(super) fn not(self, listeners: &[String]) -> Self {
        if self.is_never() {
            return Self::always();
        }
        let opposite = match &self.all[..] {
            [one] if self.is_exact => opposite(one, listeners),
            _ => None,
        };
        if let Some(regions) = opposite {
            return Self::exact(regions);
        }
        // Who is let in by a rate, or by what is said as one likes, is let in all the same.
        let depends = Depends::Other;
        Self {
            best: None,
            all: vec![Region::default()],
            is_exact: false,
            remarks: joined(self.remarks, vec!["routes cannot say `not`".into()]),
            depends,
        }
    }
}

fn joined(mut one: Vec<String>, other: Vec<String>) -> Vec<String> {
    for remark in other {
        if !one.contains(&remark) {
            one.push(remark);
        }
    }
    one
}

/// What pairs have in common; `None` if that is too much.
fn product(one: &[Region], other: &[Region]) -> Option<Vec<Region>> {
    let mut all: Vec<Region> = Vec::new();
    for region in one {
        for other in other {
            let both = region.and(other);
            if let Some(both) = both.filter(|both| !all.contains(both)) {
                all.push(both);
            }
            if all.len() > MOST {
                return None;
            }
        }
    }
    Some(all)
}

fn union(mut one: Vec<Region>, other: Vec<Region>) -> Vec<Region> {
    for region in other {
        if !one.contains(&region) {
            one.push(region);
        }
    }
    one
}

/// The opposite of a region with one condition: another listener, a field that is not there.
fn opposite(region: &Region, listeners: &[String]) -> Option<Vec<Region>> {
    if *region == Region::default() {
        return Some(Vec::new());
    }
    if let Some(mine) = &region.listeners
        && *region
            == (Region {
                listeners: Some(mine.clone()),
                ..Region::default()
            })
    {
        let others: Vec<String> = listeners
            .iter()
            .filter(|name| !mine.contains(name))
            .cloned()
            .collect();
        return Some(match others.is_empty() {
            true => Vec::new(),
            false => vec![Region {
                listeners: Some(others),
                ..Region::default()
            }],
        });
    }
    let turned = |test: &str| match test {
        "*" => Some("!".to_owned()),
        "!" => Some("*".to_owned()),
        _ => None,
    };
    match (&region.headers[..], &region.query[..]) {
        ([(name, test)], []) => {
            let only = Region {
                headers: region.headers.clone(),
                ..Region::default()
            };
            let headers = vec![(name.clone(), turned(test)?)];
            (*region == only).then(|| {
                vec![Region {
                    headers,
                    ..Region::default()
                }]
            })
        }
        ([], [(name, test)]) => {
            let only = Region {
                query: region.query.clone(),
                ..Region::default()
            };
            let query = vec![(name.clone(), turned(test)?)];
            (*region == only).then(|| {
                vec![Region {
                    query,
                    ..Region::default()
                }]
            })
        }
        _ => None,
    }
}
