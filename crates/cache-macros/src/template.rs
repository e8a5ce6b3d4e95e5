//! Texts with names in braces: `user:{id}:{user.locale}`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use syn::{Error, LitStr, Result};

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(String),
    /// An argument, and the fields behind it.
    Name(Vec<String>),
}

/// Reads a text.
pub(crate) fn parse(literal: &LitStr) -> Result<Vec<Piece>> {
    pieces(&literal.value()).map_err(|why| Error::new(literal.span(), why))
}

fn pieces(text: &str) -> std::result::Result<Vec<Piece>, String> {
    let (mut pieces, mut plain) = (Vec::new(), String::new());
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '{' | '}' if rest.peek() == Some(&character) => {
                rest.next();
                plain.push(character);
            }
            '{' => {
                let name: String = rest.by_ref().take_while(|next| *next != '}').collect();
                if !plain.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                }
                let path: Vec<String> = name.split('.').map(str::to_owned).collect();
                if !path.iter().all(|part| is_name(part)) {
                    return Err(format!(
                        "`{{{name}}}` is not the name of an argument, nor of a field as `{{user.id}}`"
                    ));
                }
                pieces.push(Piece::Name(path));
            }
            '}' => return Err("a `}` without a `{`; a brace itself is written twice".to_owned()),
            other => plain.push(other),
        }
    }
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    Ok(pieces)
}

fn is_name(text: &str) -> bool {
    text.parse::<u32>().is_ok() || text == "self" || syn::parse_str::<Ident>(text).is_ok()
}

/// Divides a text at its colons: the parts of a key.
pub(crate) fn parts(pieces: Vec<Piece>) -> Vec<Vec<Piece>> {
    let mut parts = vec![Vec::new()];
    for piece in pieces {
        let Piece::Text(text) = piece else {
            parts
                .last_mut()
                .expect("there is one from the beginning")
                .push(piece);
            continue;
        };
        for (at, text) in text.split(':').enumerate() {
            if at > 0 {
                parts.push(Vec::new());
            }
            if !text.is_empty() {
                let last = parts.last_mut().expect("there is one from the beginning");
                last.push(Piece::Text(text.to_owned()));
            }
        }
    }
    parts
}

/// An expression with the text, as `format_args!` makes it.
pub(crate) fn format(pieces: &[Piece], span: Span) -> TokenStream {
    let mut pattern = String::new();
    let mut values = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => pattern.push_str(&text.replace('{', "{{").replace('}', "}}")),
            Piece::Name(path) => {
                pattern.push_str("{}");
                values.push(name(path, span));
            }
        }
    }
    quote!(::core::format_args!(#pattern #(, #values)*))
}

fn name(path: &[String], span: Span) -> TokenStream {
    let parts = path.iter().map(|part| match part.parse::<u32>() {
        Ok(index) => {
            let index = syn::Index { index, span };
            quote!(#index)
        }
        Err(_) if part == "self" => {
            let this = Ident::new("self", span);
            quote!(#this)
        }
        Err(_) => {
            let ident = format_ident!("{}", part, span = span);
            quote!(#ident)
        }
    });
    quote!(#(#parts).*)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Piece {
        Piece::Text(text.to_owned())
    }

    fn named(path: &[&str]) -> Piece {
        Piece::Name(path.iter().map(|&part| part.to_owned()).collect())
    }

    #[test]
    fn names_stand_in_braces() {
        assert_eq!(
            pieces("a{{b}}:{id}x{user.0.id}"),
            Ok(vec![
                text("a{b}:"),
                named(&["id"]),
                text("x"),
                named(&["user", "0", "id"])
            ])
        );
        for wrong in ["{", "{}", "}", "{a b}", "{a.}", "{id:?}", "{fn}"] {
            assert!(pieces(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn parts_are_divided_by_colons_of_the_text_only() {
        let parts = parts(pieces("user:{id}-{n}:profile").unwrap());
        assert_eq!(
            parts,
            [
                vec![text("user")],
                vec![named(&["id"]), text("-"), named(&["n"])],
                vec![text("profile")]
            ]
        );
    }
}
