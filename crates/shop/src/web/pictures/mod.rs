//! Pictures of products: drawn from the product's number, so that ten thousand of them need no disk, no database and hardly any time.
//!
//! # The idea
//! What is drawn (a teapot, a chair) is a motif, which the page reads from the title and puts into the picture's address; how it is drawn (colours, proportions,
//! ornament, what stands behind it) comes from the number. A picture never changes, so that caches may keep it for good; when the drawings do, so does
//! [`DRAWN`] in the addresses.

mod canvas;
mod furniture;
mod garden;
mod kitchen;
mod light;
mod look;
mod motif;
mod study;
mod textile;

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use serde::Deserialize;

use super::caching::Keep;
use super::error::Refusal;
use super::pages::form::{self, Asked, Named};
use crate::Error;
use crate::model::{Card, ProductId};
use canvas::Canvas;
use look::Look;
use motif::Motif;

/// The edition of the drawings. A new one gives all pictures new addresses.
const DRAWN: u32 = 1;

/// Where the picture of a product is.
pub(super) fn address(card: &Card) -> String {
    let (motif, palette) = (Motif::of(card), look::palette_of(card));
    format!(
        "/pictures/{}.svg?v={}-{palette}-{DRAWN}",
        card.id,
        motif.name()
    )
}

/// What is drawn.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    v: String,
}

/// `GET /pictures/{id}.svg?v=teapot-3-1`; without `v` the number chooses what is drawn.
pub(super) async fn show(
    Named(file): Named,
    Asked(wanted): Asked<Wanted>,
) -> Result<Response, Refusal> {
    let id = file.strip_suffix(".svg").ok_or(Error::NotFound)?;
    let id = form::product(id)?;
    let chosen = match wanted.v.as_str() {
        "" => None,
        // Anything may be written there; what is not known is not drawn, so that nobody fills a cache with the same picture by many names.
        text => Some(chosen(text).ok_or(Error::NotFound)?),
    };
    let (motif, palette) = chosen.unwrap_or_else(|| (Motif::any(id), id.unsigned_abs() as usize));
    let body = Bytes::from(drawing(id, motif, palette));
    let keep = if chosen.is_some() {
        Keep::forever(&body)
    } else {
        Keep::drawn(&body)
    };
    let mut response = ([(CONTENT_TYPE, "image/svg+xml")], body).into_response();
    response.extensions_mut().insert(keep);
    Ok(response)
}

/// Reads `teapot-3-1`: motif, palette, edition.
fn chosen(text: &str) -> Option<(Motif, usize)> {
    let mut parts = text.split('-');
    let (name, palette, edition) = (parts.next()?, parts.next()?, parts.next()?);
    let motif = Motif::named(name)?;
    let palette = palette
        .parse()
        .ok()
        .filter(|place| *place < look::PALETTE_COUNT)?;
    // One spelling for each picture: neither `+3` nor `03`.
    let is_plain = text == format!("{name}-{palette}-{DRAWN}") && edition == DRAWN.to_string();
    is_plain.then_some((motif, palette))
}

/// The picture.
fn drawing(id: ProductId, motif: Motif, palette: usize) -> String {
    let mut look = Look::of(id, palette);
    let mut canvas = Canvas::new(&mut look);
    motif.draw(&mut canvas, &mut look);
    canvas.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_small_closed_and_differ() {
        let mut seen = std::collections::HashSet::new();
        for motif in Motif::ALL.iter().copied() {
            for id in 1..=600 {
                let text = drawing(id, motif, id as usize);
                assert_eq!(text, drawing(id, motif, id as usize), "the same each time");
                assert!(
                    text.len() < 4096,
                    "{} {id}: {} bytes",
                    motif.name(),
                    text.len()
                );
                let opened = text.matches('<').count();
                let closed = text.matches("/>").count() + 2 * text.matches("</").count();
                assert_eq!(opened, closed, "{text}");
                assert!(!text.contains("NaN") && !text.contains("{"), "{text}");
                seen.insert(text);
            }
        }
        assert!(
            seen.len() > Motif::ALL.len() * 570,
            "{} pictures",
            seen.len()
        );
    }

    #[test]
    fn only_known_pictures_of_this_edition_are_drawn() {
        assert_eq!(chosen("teapot-3-1"), Some((Motif::Teapot, 3)));
        for text in [
            "teapot",
            "teapot-3",
            "teapot-3-0",
            "teapot-3-2",
            "teapot-12-1",
            "teapot-+3-1",
            "teapot-03-1",
            "tea-3-1",
            "teapot-3-1-",
            "--",
            "",
        ] {
            assert_eq!(chosen(text), None, "{text}");
        }
    }
}
