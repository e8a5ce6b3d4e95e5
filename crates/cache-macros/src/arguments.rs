//! What is written in the attribute.

use std::time::Duration;

use proc_macro2::Span;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Expr, ExprLit, Ident, Lit, LitStr, Result, Token, bracketed, parenthesized};

/// The attribute.
pub(crate) struct Arguments {
    pub(crate) cache: Expr,
    pub(crate) key: Key,
    pub(crate) options: Option<Expr>,
    pub(crate) lifetime: Option<Duration>,
    pub(crate) stale: Option<Duration>,
    pub(crate) negative: Option<Duration>,
    pub(crate) tags: Vec<LitStr>,
    pub(crate) skip: Vec<Ident>,
}

/// How the key is made.
pub(crate) enum Key {
    /// From a text with names in braces.
    Template(LitStr),
    /// From the function's name and expressions.
    Parts(Vec<Expr>, Span),
}

const KNOWN: &str = "cache, key, options, lifetime, stale, negative, tags and skip";

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let whole = input.span();
        let (mut cache, mut key, mut options) = (None, None, None);
        let (mut lifetime, mut stale, mut negative) = (None, None, None);
        let (mut tags, mut skip) = (None, None);
        while !input.is_empty() {
            let name: Ident = input.parse()?;
            match name.to_string().as_str() {
                "cache" => once(&mut cache, &name, value(input)?)?,
                "key" => once(&mut key, &name, parse_key(input, &name)?)?,
                "options" => once(&mut options, &name, value(input)?)?,
                "lifetime" => once(&mut lifetime, &name, duration(&value(input)?)?)?,
                "stale" => once(&mut stale, &name, duration(&value(input)?)?)?,
                "negative" => once(&mut negative, &name, duration(&value(input)?)?)?,
                "tags" => once(&mut tags, &name, parse_tags(input)?)?,
                "skip" => once(&mut skip, &name, list(input)?)?,
                _ => {
                    return Err(Error::new(
                        name.span(),
                        format!("`#[cached]` knows {KNOWN}"),
                    ));
                }
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        let missing = |what| Error::new(whole, format!("`#[cached]` needs {what}"));
        Ok(Self {
            cache: cache.ok_or_else(|| missing("`cache = …`: the cache to ask"))?,
            key: key.ok_or_else(|| {
                missing("`key = \"user:{id}\"` or `key(id)`: which arguments tell one value from another")
            })?,
            options,
            lifetime,
            stale,
            negative,
            tags: tags.unwrap_or_default(),
            skip: skip.unwrap_or_default(),
        })
    }
}

fn once<T>(slot: &mut Option<T>, name: &Ident, value: T) -> Result<()> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(Error::new(name.span(), format!("`{name}` is given twice"))),
    }
}

fn value(input: ParseStream<'_>) -> Result<Expr> {
    input.parse::<Token![=]>()?;
    input.parse()
}

fn list<T: Parse>(input: ParseStream<'_>) -> Result<Vec<T>> {
    let content;
    parenthesized!(content in input);
    let list = Punctuated::<T, Token![,]>::parse_terminated_with(&content, T::parse)?;
    Ok(list.into_iter().collect())
}

fn parse_key(input: ParseStream<'_>, name: &Ident) -> Result<Key> {
    if input.peek(Token![=]) {
        input.parse::<Token![=]>()?;
        Ok(Key::Template(input.parse()?))
    } else {
        Ok(Key::Parts(list(input)?, name.span()))
    }
}

fn parse_tags(input: ParseStream<'_>) -> Result<Vec<LitStr>> {
    input.parse::<Token![=]>()?;
    let content;
    bracketed!(content in input);
    let tags = Punctuated::<LitStr, Token![,]>::parse_terminated(&content)?;
    Ok(tags.into_iter().collect())
}

/// A length of time: a number and its unit.
fn duration(expression: &Expr) -> Result<Duration> {
    let Expr::Lit(ExprLit {
        lit: Lit::Str(text),
        ..
    }) = expression
    else {
        return Err(Error::new_spanned(
            expression,
            "a length of time is a text, as \"500ms\", \"60s\", \"10m\", \"2h\" or \"7d\"",
        ));
    };
    parse_duration(&text.value()).ok_or_else(|| {
        Error::new(
            text.span(),
            "expected a whole number and ms, s, m, h or d, as \"60s\"",
        )
    })
}

fn parse_duration(text: &str) -> Option<Duration> {
    let unit = text.find(|character: char| !character.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit);
    let millis = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number
        .parse::<u64>()
        .ok()?
        .checked_mul(millis)
        .map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_have_a_unit() {
        assert_eq!(parse_duration("60s"), Some(Duration::from_secs(60)));
        assert_eq!(parse_duration("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(parse_duration("7d"), Some(Duration::from_secs(604_800)));
        for wrong in [
            "",
            "60",
            "s",
            "1.5s",
            "-1s",
            "1 s",
            "1w",
            "99999999999999999999s",
        ] {
            assert_eq!(parse_duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (attribute, expected) in [
            ("key(id)", "needs `cache"),
            ("cache = c", "needs `key"),
            ("cache = c, key(id), ttl = \"1s\"", "knows cache, key"),
            ("cache = c, cache = c, key(id)", "given twice"),
            ("cache = c, key(id), lifetime = 60", "is a text"),
            (
                "cache = c, key(id), lifetime = \"60\"",
                "expected a whole number",
            ),
        ] {
            let error = syn::parse_str::<Arguments>(attribute)
                .err()
                .expect(attribute);
            assert!(error.to_string().contains(expected), "{attribute}: {error}");
        }
    }
}
