//! From the requests of a page to a step: what stands at the holes of its pattern, and after the question mark.
//!
//! # The idea
//! Of the requests of each page a fair sample is kept (Vitter's algorithm R, 1985). A hole that always has the same value is none.
//! Numbers that follow Zipf's law become `${zipf(n, s)}`. Everything else becomes a feed whose rows are the sample, so that
//! what is popular comes often, and values that belong together stay together. Values stand there as the log has them: what fills a
//! hole of a path or its query keeps its percent-encoding and its `+`, so that `c%2B%2B` does not become two spaces.

use std::collections::HashSet;

use super::zipf::{Popularity, Room, Zipf};
use crate::import::draft::{Feed, Piece, Query, Text, name_of};
use crate::import::secret;
use crate::import::{DataFile, count, count_of};

/// Requests of a page that are kept.
const SAMPLE: usize = 2000;
/// Longest query that is kept.
const LONGEST_QUERY: usize = 1024;
/// Below this all are asked for alike.
const LEAST_EXPONENT: f64 = 0.05;

/// The requests of a page.
#[derive(Clone, Debug)]
pub(super) struct Requests {
    pattern: String,
    /// How many there were.
    pub(super) count: u64,
    rows: Vec<Row>,
    /// Of the number, if that is all that changes in the path.
    popularity: Option<Popularity>,
    /// How many had parameters that are left out: secrets.
    pub(super) with_secrets: u64,
    /// How many had a query.
    with_query: u64,
}

/// What was asked for: values of holes, and the query without what is left out of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Row {
    values: Vec<String>,
    query: String,
}

/// A step's address, and what it reads.
#[derive(Clone, Debug)]
pub(super) struct Address {
    pub(super) path: Text,
    pub(super) query: Query,
    pub(super) feed: Option<Feed>,
    /// What was derived, a sentence.
    pub(super) comment: Option<String>,
}

impl Requests {
    /// None so far, of a pattern.
    pub(super) fn new(pattern: &str) -> Self {
        let is_number_only = pattern.matches('{').count() == 1 && pattern.contains("{id}");
        Self {
            pattern: pattern.to_owned(),
            count: 0,
            rows: Vec::new(),
            popularity: is_number_only.then(Popularity::default),
            with_secrets: 0,
            with_query: 0,
        }
    }

    /// Counts a request.
    pub(super) fn add(
        &mut self,
        values: &[&str],
        query: &str,
        room: &mut Room,
        rng: &mut fastrand::Rng,
    ) {
        self.count += 1;
        if let (Some(popularity), [value]) = (&mut self.popularity, values) {
            match value.parse() {
                Ok(number) if !value.starts_with('0') => popularity.add(number, room),
                _ => self.popularity = None,
            }
        }
        let place = match self.rows.len() {
            kept if kept < SAMPLE => kept,
            _ => rng.u64(..self.count) as usize,
        };
        let has_secret = parameters(query).any(|(name, value)| is_secret(name, value));
        self.with_secrets += u64::from(has_secret);
        self.with_query += u64::from(!query.is_empty());
        if place < SAMPLE {
            let row = Row {
                values: values.iter().map(|value| (*value).to_owned()).collect(),
                query: kept(query),
            };
            match self.rows.get_mut(place) {
                Some(old) => *old = row,
                None => self.rows.push(row),
            }
        }
    }

    /// The step's path and query, and a feed called `name` if it takes one.
    pub(super) fn address(&self, name: &str) -> Address {
        let Some(columns) = self.columns() else {
            return self.whole(name);
        };
        let changing: Vec<&Column<'_>> = columns.iter().filter(|column| column.changes()).collect();
        let zipf = match (&changing[..], &self.popularity) {
            ([column], Some(popularity)) if column.parameter.is_none() => popularity.zipf(),
            _ => None,
        };
        let mut names = Vec::new();
        let pieces: Vec<Piece> = columns
            .iter()
            .map(|column| match zipf {
                _ if !column.changes() => {
                    let value = column.values.first().copied().unwrap_or_default();
                    Piece::Literal(value.to_owned())
                }
                Some(Zipf { n, s }) if s >= LEAST_EXPONENT => Piece::Zipf { n, s },
                Some(Zipf { n, .. }) => Piece::Random { n },
                None => {
                    let taken = |name: &str| names.iter().any(|known| known == name);
                    let column = name_of(&column.name, "value", taken);
                    names.push(column.clone());
                    let feed = name.to_owned();
                    Piece::Column { feed, column }
                }
            })
            .collect();
        let feed = (!names.is_empty()).then(|| {
            let cells: Vec<_> = changing.iter().map(|column| &*column.values).collect();
            self.feed(name, &names, &cells)
        });
        let holes = self.pattern.matches('{').count();
        Address {
            path: self.path(&pieces[..holes]),
            query: query(&columns[holes..], &pieces[holes..]),
            comment: self.comment(zipf, feed.as_ref()),
            feed,
        }
    }

    /// Path and query as they were, because they have no form that all have.
    fn whole(&self, name: &str) -> Address {
        let target = |row: &Row| {
            let values = row.values.iter().cloned().map(Piece::Literal);
            self.path(&values.collect::<Vec<_>>()).written() + &row.query
        };
        let targets: Vec<String> = self.rows.iter().map(target).collect();
        let mut address = Address {
            path: Text::literal(targets.first().map_or("/", String::as_str)),
            query: Query::None,
            feed: None,
            comment: None,
        };
        if targets.windows(2).any(|pair| pair[0] != pair[1]) {
            let column = "target".to_owned();
            let cells: Vec<&str> = targets.iter().map(String::as_str).collect();
            let feed = self.feed(name, std::slice::from_ref(&column), &[&cells]);
            address.comment = self.comment(None, Some(&feed));
            let feed_name = name.to_owned();
            address.feed = Some(feed);
            address.path = Text(vec![Piece::Column {
                feed: feed_name,
                column,
            }]);
        }
        address
    }

    fn path(&self, pieces: &[Piece]) -> Text {
        let mut path = Text::default();
        let mut rest = self.pattern.as_str();
        for piece in pieces {
            let (before, after) = rest.split_once('{').unwrap_or((rest, ""));
            path.push_str(before);
            match piece {
                Piece::Literal(text) => path.push_str(text),
                hole => path.0.push(hole.clone()),
            }
            rest = after.split_once('}').map_or("", |(_, rest)| rest);
        }
        path.push_str(rest);
        path
    }

    /// What may change: the holes, then the parameters. Nothing if some requests have other parameters than others, or any without a
    /// value.
    fn columns(&self) -> Option<Vec<Column<'_>>> {
        let mut columns = Vec::new();
        let mut rest = self.pattern.as_str();
        while let Some((name, after)) = rest
            .split_once('{')
            .and_then(|(_, rest)| rest.split_once('}'))
        {
            let values = self.rows.iter();
            columns.push(Column {
                name: name.to_owned(),
                parameter: None,
                values: values
                    .filter_map(|row| Some(row.values.get(columns.len())?.as_str()))
                    .collect(),
            });
            rest = after;
        }
        let first: Vec<&str> = match self.rows.first() {
            Some(row) => parameters(&row.query).map(|(name, _)| name).collect(),
            None => Vec::new(),
        };
        let is_fit = |row: &Row| {
            let names = parameters(&row.query).map(|(name, _)| name);
            let parts = row.query.strip_prefix('?').unwrap_or_default().split('&');
            let has_bare =
                !row.query.is_empty() && parts.into_iter().any(|part| !part.contains('='));
            !has_bare && names.eq(first.iter().copied())
        };
        if !self.rows.iter().all(is_fit) {
            return None;
        }
        for (place, name) in first.iter().enumerate() {
            let values = self.rows.iter();
            columns.push(Column {
                name: (*name).to_owned(),
                parameter: Some(name),
                values: values
                    .filter_map(|row| Some(parameters(&row.query).nth(place)?.1))
                    .collect(),
            });
        }
        Some(columns)
    }

    fn feed(&self, name: &str, names: &[String], columns: &[&[&str]]) -> Feed {
        let mut text = names.join(",") + "\n";
        for place in 0..self.rows.len() {
            let cells = columns
                .iter()
                .map(|column| cell(column.get(place).copied()));
            // An empty line is no row in CSV.
            let line = cells.collect::<Vec<_>>().join(",");
            text.push_str(if line.is_empty() { "\"\"" } else { &line });
            text.push('\n');
        }
        let rows = self.rows.len() as u64;
        let what = match self.count == rows {
            true => "all".to_owned(),
            false => format!("a fair sample of {}", count(rows)),
        };
        Feed {
            name: name.to_owned(),
            comment: format!(
                "What was asked for: {what} of {}, so what is popular comes often.",
                count_of(self.count, "request")
            ),
            file: DataFile {
                name: format!("{name}.csv"),
                text,
            },
        }
    }

    fn comment(&self, zipf: Option<Zipf>, feed: Option<&Feed>) -> Option<String> {
        if let (Some(Zipf { n, s }), Some(popularity)) = (zipf, &self.popularity) {
            if s < LEAST_EXPONENT {
                let distinct = popularity.distinct();
                return Some(format!(
                    "{distinct} numbers up to {n}, all of them as popular."
                ));
            }
            return Some(format!(
                "Zipf's law with exponent {s} fits the popularity of {} numbers seen, of which the largest is {n}. Here 1 is \
                 the most popular one.",
                popularity.distinct()
            ));
        }
        let name = &feed?.name;
        let distinct = self.rows.iter().collect::<HashSet<_>>().len();
        Some(format!("{distinct} different ones in feed {name}."))
    }
}

/// Something that may change from request to request.
struct Column<'r> {
    name: String,
    /// Its name as the query has it; missing if it is a hole of the path.
    parameter: Option<&'r str>,
    /// As the log has them.
    values: Vec<&'r str>,
}

impl Column<'_> {
    fn changes(&self) -> bool {
        self.values.windows(2).any(|pair| pair[0] != pair[1])
    }
}

fn query(columns: &[Column<'_>], pieces: &[Piece]) -> Query {
    let mut text = Text::default();
    for (column, piece) in columns.iter().zip(pieces) {
        if !text.0.is_empty() {
            text.push_str("&");
        }
        text.push_str(column.parameter.unwrap_or_default());
        text.push_str("=");
        match piece {
            Piece::Literal(value) => text.push_str(value),
            hole => text.0.push(hole.clone()),
        }
    }
    match text.0.is_empty() {
        true => Query::None,
        false => Query::Written(text),
    }
}

/// Names and values of a query with its question mark.
fn parameters(query: &str) -> impl Iterator<Item = (&str, &str)> {
    let query = query.strip_prefix('?').unwrap_or(query);
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts.map(|part| part.split_once('=').unwrap_or((part, "")))
}

/// A query without secrets, and without what says nothing about what is asked for.
fn kept(query: &str) -> String {
    let mut out = String::new();
    for part in query.strip_prefix('?').unwrap_or_default().split('&') {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let fits = out.len() + part.len() < LONGEST_QUERY;
        if !part.is_empty() && fits && !secret::is_tracking(name) && !is_secret(name, value) {
            out.push(if out.is_empty() { '?' } else { '&' });
            out.push_str(part);
        }
    }
    out
}

fn is_secret(name: &str, value: &str) -> bool {
    secret::is_name(name) || secret::is_value(value)
}

/// A value in CSV (RFC 4180).
fn cell(value: Option<&str>) -> String {
    let value = value.unwrap_or_default();
    match value.contains([',', '"', '\n', '\r']) || value.trim() != value {
        true => format!("\"{}\"", value.replace('"', "\"\"")),
        false => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(pattern: &str, all: &[(&[&str], &str)]) -> Requests {
        let mut requests = Requests::new(pattern);
        let (mut room, mut rng) = (Room::default(), fastrand::Rng::with_seed(1));
        for (values, query) in all {
            requests.add(values, query, &mut room, &mut rng);
        }
        requests
    }

    fn written(address: &Address) -> String {
        let query = match &address.query {
            Query::None => String::new(),
            Query::Written(text) => format!("?{}", text.written()),
            Query::Pairs(_) => panic!("only of recordings"),
        };
        address.path.written() + &query
    }

    #[test]
    fn what_never_changes_is_no_hole() {
        let all: [(&[&str], &str); 2] = [(&["7"], "?x=1"), (&["7"], "?x=1")];
        let address = requests("/a/{id}/b", &all).address("a");
        assert_eq!(written(&address), "/a/7/b?x=1");
        assert!(address.feed.is_none() && address.comment.is_none());
    }

    #[test]
    fn parameters_that_all_have_are_columns() {
        let all: [(&[&str], &str); 3] = [
            (&["7"], "?q=a,b&page=1&utm_source=x"),
            (&["8"], "?q=b+c%2B%2B%25&page=1&token=secret"),
            (&["8"], "?q=&page=1"),
        ];
        let requests = requests("/a/{id}", &all);
        let address = requests.address("a");
        assert_eq!(written(&address), "/a/${a.id}?q=${a.q}&page=1");
        let feed = address.feed.expect("a feed");
        assert_eq!(feed.file.text, "id,q\n7,\"a,b\"\n8,b+c%2B%2B%25\n8,\n");
        assert_eq!(requests.with_secrets, 1);
    }

    #[test]
    fn other_queries_are_taken_as_a_whole() {
        let all: [(&[&str], &str); 3] = [(&["7"], ""), (&["8"], "?q=1,%E4"), (&["9"], "?flag")];
        let address = requests("/a/{id}", &all).address("a");
        assert_eq!(written(&address), "${a.target}");
        let feed = address.feed.expect("a feed");
        assert_eq!(
            feed.file.text,
            "target\n/a/7\n\"/a/8?q=1,%E4\"\n/a/9?flag\n"
        );
        let same: [(&[&str], &str); 2] = [(&[], "?flag"), (&[], "?flag")];
        assert_eq!(written(&requests("/a", &same).address("a")), "/a?flag");
        let foreign: [(&[&str], &str); 2] = [(&[], "?q=%E4"), (&[], "?q=%F6")];
        let address = requests("/a", &foreign).address("a");
        assert_eq!(written(&address), "/a?q=${a.q}");
        assert_eq!(address.feed.expect("a feed").file.text, "q\n%E4\n%F6\n");
    }

    #[test]
    fn numbers_by_zipfs_law_need_no_feed() {
        let mut all = Requests::new("/product/{id}");
        let (mut room, mut rng) = (Room::default(), fastrand::Rng::with_seed(1));
        for _ in 0..20_000 {
            // The inverse of a distribution with weights 1/r, near enough.
            let number = (100_f64.powf(rng.f64()) as u64).to_string();
            all.add(&[&number], "", &mut room, &mut rng);
        }
        assert_eq!(all.rows.len(), SAMPLE);
        let address = all.address("product");
        let path = address.path.written();
        assert!(path.starts_with("/product/${zipf("), "{path}");
        assert!(address.feed.is_none());
        assert!(address.comment.expect("a comment").contains("Zipf"));
    }
}
