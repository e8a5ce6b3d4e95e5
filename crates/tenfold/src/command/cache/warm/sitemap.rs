//! Sitemaps (<https://www.sitemaps.org/protocol.html>): a list of pages, or of other sitemaps.
//!
//! They may come from elsewhere, so that what is read of one is bounded, entities of their own are not expanded (there is nothing
//! in the format that needs them), and nothing is fetched but from the gateway.

use std::io::BufRead;

use quick_xml::Reader;
use quick_xml::events::Event;

/// The protocol's bound for a sitemap, unpacked: 50 MB.
pub(super) const LARGEST: u64 = 50 << 20;
/// The protocol's bound for an address is 2,048; longer ones are not cached anyway.
const LONGEST: usize = 8 << 10;
/// Elements within elements.
const DEEPEST: usize = 32;

/// What a sitemap says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sitemap {
    /// Pages.
    pub(super) pages: Vec<String>,
    /// Other sitemaps.
    pub(super) sitemaps: Vec<String>,
}

/// Reads a sitemap; of pages and sitemaps together at most `most`.
///
/// # Errors
/// What is wrong with it.
pub(super) fn parse(input: impl BufRead, most: usize) -> Result<Sitemap, String> {
    let mut reader = Reader::from_reader(input.take(LARGEST + 1));
    reader.config_mut().expand_empty_elements = true;
    let mut sitemap = Sitemap::default();
    let (mut open, mut text, mut buffer) = (Vec::<Vec<u8>>::new(), String::new(), Vec::new());
    let mut has_root = false;
    while sitemap.pages.len() + sitemap.sitemaps.len() < most {
        buffer.clear();
        let position = reader.buffer_position();
        let wrong = |why: &dyn std::fmt::Display| format!("byte {position}: {why}");
        if position > LARGEST {
            return Err(format!(
                "it has more than {} MB, the most that the protocol allows",
                LARGEST >> 20
            ));
        }
        match reader
            .read_event_into(&mut buffer)
            .map_err(|error| wrong(&error))?
        {
            Event::Start(element) => {
                let name = element.local_name().as_ref().to_vec();
                if open.is_empty() && !matches!(&*name, b"urlset" | b"sitemapindex") {
                    return Err(
                        "it is no sitemap: it begins with neither urlset nor sitemapindex"
                            .to_owned(),
                    );
                }
                if open.len() == DEEPEST {
                    return Err(wrong(&"elements are nested too deeply"));
                }
                has_root = true;
                text.clear();
                open.push(name);
            }
            Event::Text(piece) => add(
                &mut text,
                &open,
                &piece.decode().map_err(|error| wrong(&error))?,
            )?,
            Event::CData(piece) => add(
                &mut text,
                &open,
                &piece.decode().map_err(|error| wrong(&error))?,
            )?,
            Event::GeneralRef(reference) => {
                let character = reference
                    .resolve_char_ref()
                    .map_err(|error| wrong(&error))?;
                let name = reference.decode().map_err(|error| wrong(&error))?;
                let named = quick_xml::escape::resolve_predefined_entity(&name);
                match (character, named) {
                    (Some(character), _) => {
                        add(&mut text, &open, character.encode_utf8(&mut [0; 4]))?;
                    }
                    (None, Some(named)) => add(&mut text, &open, named)?,
                    (None, None) => {
                        return Err(wrong(&format!("the entity &{name}; is not known")));
                    }
                }
            }
            Event::End(_) => {
                let (name, parent) = (
                    open.pop().unwrap_or_default(),
                    open.last().map(Vec::as_slice),
                );
                match (&*name, parent) {
                    (b"loc", Some(b"url")) => sitemap.pages.push(text.trim().to_owned()),
                    (b"loc", Some(b"sitemap")) => sitemap.sitemaps.push(text.trim().to_owned()),
                    _ => {}
                }
                text.clear();
            }
            Event::Eof if open.is_empty() && has_root => break,
            Event::Eof => return Err(wrong(&"it ends in the middle, or is empty")),
            _ => {}
        }
    }
    Ok(sitemap)
}

/// Adds text, where it matters.
fn add(text: &mut String, open: &[Vec<u8>], piece: &str) -> Result<(), String> {
    if open.last().is_none_or(|name| name != b"loc") {
        return Ok(());
    }
    if text.len() + piece.len() > LONGEST {
        return Err(format!("an address has more than {LONGEST} bytes"));
    }
    text.push_str(piece);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_and_sitemaps() {
        let text = r#"<?xml version="1.0" encoding="UTF-8"?>
            <!-- shop -->
            <urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:image="x">
              <url><loc> https://a/?x=1&amp;y=&#50; </loc><lastmod>2026-01-01</lastmod>
                <image:image><image:loc>https://a/img.png</image:loc></image:image></url>
              <url><priority>1</priority><loc><![CDATA[https://a/<b>]]></loc></url>
            </urlset>"#;
        let sitemap = parse(text.as_bytes(), 100).expect("sound");
        assert_eq!(sitemap.pages, ["https://a/?x=1&y=2", "https://a/<b>"]);
        assert_eq!(parse(text.as_bytes(), 1).expect("sound").pages.len(), 1);
        let text = "<s:sitemapindex xmlns:s='x'><s:sitemap><s:loc>https://a/1.xml.gz</s:loc></s:sitemap></s:sitemapindex>";
        assert_eq!(
            parse(text.as_bytes(), 100).expect("sound").sitemaps,
            ["https://a/1.xml.gz"]
        );
    }

    #[test]
    fn what_is_hostile_or_broken_is_refused() {
        let deep = "<urlset>".to_owned() + &"<a>".repeat(100);
        let long = format!(
            "<urlset><url><loc>{}</loc></url></urlset>",
            "x".repeat(LONGEST + 1)
        );
        for (text, said) in [
            ("", "is empty"),
            ("<html></html>", "no sitemap"),
            ("<html/>", "no sitemap"),
            ("<urlset><url><loc>http://a/", "ends in the middle"),
            ("<urlset></url></urlset>", "byte"),
            (
                "<!DOCTYPE x [<!ENTITY e 'x'>]><urlset><url><loc>&e;</loc></url></urlset>",
                "entity &e; is not known",
            ),
            (
                "<urlset><url><loc>&#xFFFFFFFF;</loc></url></urlset>",
                "byte",
            ),
            (&*deep, "too deeply"),
            (&*long, "more than 8192"),
        ] {
            let error = parse(text.as_bytes(), 100).expect_err(text);
            assert!(error.contains(said), "{text}: {error}");
        }
        let endless = std::io::BufReader::new(std::io::repeat(b' '));
        assert!(parse(endless, 100).is_err());
    }
}
