//! Style sheet, script and icon: their addresses have the hash of what they are in them, so that they can be kept for a year and still change at once.

use std::sync::LazyLock;

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::CONTENT_TYPE;

use super::caching::Keep;
use super::error::Refusal;
use super::pages::form::Named;
use crate::Error;

/// One file.
struct Asset {
    /// `shop.0123456789abcdef.css`
    file: String,
    kind: &'static str,
    body: Bytes,
}

impl Asset {
    fn new(name: &str, ending: &str, kind: &'static str, body: &'static [u8]) -> Self {
        let hash = ring::digest::digest(&ring::digest::SHA256, body);
        let hash: String = hash.as_ref()[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Self {
            file: format!("{name}.{hash}.{ending}"),
            kind,
            body: Bytes::from_static(body),
        }
    }
}

/// The files, which are part of the program.
static ASSETS: LazyLock<[Asset; 2]> = LazyLock::new(|| {
    [
        Asset::new(
            "shop",
            "css",
            "text/css; charset=utf-8",
            include_bytes!("../../assets/shop.css"),
        ),
        Asset::new(
            "basket",
            "js",
            "text/javascript; charset=utf-8",
            include_bytes!("../../assets/basket.js"),
        ),
    ]
});

static ICON: &[u8] = include_bytes!("../../assets/favicon.svg");

/// Where the style sheet is.
pub(super) fn style() -> String {
    format!("/assets/{}", ASSETS[0].file)
}

/// Where the script is.
pub(super) fn script() -> String {
    format!("/assets/{}", ASSETS[1].file)
}

/// `GET /assets/NAME.HASH.EXT`. Another hash is another file, which is not there: a new page must not get an old style sheet, nor the other way round.
pub(super) async fn show(Named(file): Named) -> Result<Response, Refusal> {
    let found = ASSETS.iter().find(|asset| asset.file == file);
    let asset = found.ok_or(Refusal::Shop(Error::NotFound))?;
    let mut response = ([(CONTENT_TYPE, asset.kind)], asset.body.clone()).into_response();
    response.extensions_mut().insert(Keep::forever(&asset.body));
    Ok(response)
}

/// `GET /favicon.svg`
pub(super) async fn favicon() -> Response {
    let body = Bytes::from_static(ICON);
    let mut response = ([(CONTENT_TYPE, "image/svg+xml")], body.clone()).into_response();
    response.extensions_mut().insert(Keep::drawn(&body));
    response
}
