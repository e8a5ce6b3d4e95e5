//! `GET /search`: the form (TPC-W "search request"), and what it finds ("search results").

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::super::Web;
use super::super::caching::Tags;
use super::super::error::Refusal;
use super::super::view::{Tile, number};
use super::super::visitor::{Frame, Visitor};
use super::form::Asked;
use crate::model::{Category, Query};

/// What is searched for, as it was written.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(in super::super) struct Wanted {
    q: String,
    category: String,
    page: String,
}

impl Wanted {
    /// What is meant: words without needless space, and a page that there can be.
    fn query(&self) -> Query {
        let text = self.q.split_whitespace().collect::<Vec<_>>().join(" ");
        let end = (0..=Query::LONGEST.min(text.len()))
            .rev()
            .find(|end| text.is_char_boundary(*end));
        Query {
            text: text[..end.unwrap_or(0)].trim_end().to_owned(),
            category: Some(self.category.clone()).filter(|slug| !slug.is_empty()),
            page: self.page.parse().unwrap_or(1).clamp(1, Query::MOST_PAGES),
        }
    }
}

#[derive(Template)]
#[template(path = "search.html")]
struct Form {
    frame: Frame,
}

#[derive(Template)]
#[template(path = "results.html")]
struct Results {
    frame: Frame,
    query: Query,
    category: Option<Category>,
    count: i64,
    tiles: Vec<Tile>,
}

impl Results {
    fn title(&self) -> String {
        let name = self
            .category
            .as_ref()
            .map(|category| category.name.as_str());
        match (self.query.text.as_str(), name) {
            ("", Some(name)) => name.to_owned(),
            (text, Some(name)) => format!("“{text}” in {name}"),
            (text, None) => format!("“{text}”"),
        }
    }

    /// The last page that can be turned to.
    fn pages(&self) -> u32 {
        let pages = u32::try_from(self.count.max(0))
            .unwrap_or(u32::MAX)
            .div_ceil(Query::PAGE);
        pages.clamp(1, Query::MOST_PAGES)
    }

    fn is_of(&self, category: &Category) -> bool {
        self.query.category.as_ref() == Some(&category.slug)
    }

    /// Where another page of it is, without the page's number.
    fn address(&self) -> String {
        let mut pairs = form_urlencoded(&[("q", &self.query.text)]);
        if let Some(slug) = &self.query.category {
            pairs = format!("{pairs}&{}", form_urlencoded(&[("category", slug)]));
        }
        format!("/search?{pairs}&page=")
    }
}

fn form_urlencoded(pairs: &[(&str, &str)]) -> String {
    pairs
        .iter()
        .map(|(name, value)| format!("{name}={}", encoded(value)))
        .collect::<Vec<_>>()
        .join("&")
}

/// A value as it stands in a query: what is no letter or digit by its bytes.
fn encoded(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                text.push(char::from(byte));
            }
            b' ' => text.push('+'),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

/// The form if nothing is searched for, else what was found.
pub(in super::super) async fn show(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Asked(wanted): Asked<Wanted>,
) -> Result<Response, Refusal> {
    let frame = Frame::new(&web, &visitor).await?;
    let query = wanted.query();
    if query.text.is_empty() && query.category.is_none() {
        return super::public(&Form { frame }, Tags::new().list("search"));
    }
    let found = web.shop.search(&query).await?;
    let tags = Tags::new().list("search").cards(&found.products);
    let category = frame
        .departments
        .iter()
        .find(|category| query.category.as_ref() == Some(&category.slug));
    let category = category.cloned();
    let page = Results {
        frame: frame.searched(&query.text),
        category,
        count: found.count,
        tiles: Tile::all(&found.products),
        query,
    };
    super::passing(&page, tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_cut_between_letters() {
        let query = |q: &str, page: &str| {
            Wanted {
                q: q.to_owned(),
                category: String::new(),
                page: page.to_owned(),
            }
            .query()
        };
        assert_eq!(query("  oak \t desk ", "x").text, "oak desk");
        let long = query(&"ä".repeat(99), "0");
        assert_eq!((long.text.len(), long.page), (100, 1));
        assert_eq!(query("", "4294967296").page, 1);
        assert_eq!(query("", "1000").page, Query::MOST_PAGES);
    }

    #[test]
    fn values_do_not_leave_their_place_in_a_query() {
        assert_eq!(
            form_urlencoded(&[("q", "tea & \"ä\"=#")]),
            "q=tea+%26+%22%C3%A4%22%3D%23"
        );
    }
}
